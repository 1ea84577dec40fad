"""How values read to people: numbers, percentages, durations, lists, glyphs and sentences.

Page, report, messages, terminal, Markdown and Dagster's metadata all call these functions, so that one value reads the
same everywhere. Pure text: this room imports nothing of the package.
"""
