"""Judges whole captures fast: what is clean beyond doubt by columns, all else by the Follower. See ``road.Screen``.

A packet at a time is too slow for millions of them, and nearly all of them belong to connections in which nothing
is wrong. So a capture is read in blocks; of each, fields become columns (``columns``), segments are sorted by the
ends of their connections (``flows``), and connections that are in one written normal form (``form``) are summed
up without following them, by a table that says what the normal form makes of every rule (``table``). Everything
else goes, whole and in order, through tracker and judge (``settle``). A rule that the table does not know keeps
the screen from being used.
"""
