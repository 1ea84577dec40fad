"""What page, report and Markdown draw with: the shape of a status, lines with gaps, numbers as short as SVG takes them.

Pure text: no colours (each place has its own style sheet) and no I/O.
"""
