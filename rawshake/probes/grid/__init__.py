"""The grid: in each state each kind of segment at each place, and what RFC 9293 3.10.7 makes of it.

Pure, and a witness of its own: nothing here knows of the tracker. ``cells`` enumerates, ``place`` puts numbers to a
cell, ``clauses`` answers.
"""
