"""Drafts of sources: from the files of another monitoring tool (estates/), or from one observation of an address.

Everything here is values in, values out; what is read and written is left to the command line.
"""
