"""Duties watched (履职监督): what the Decree's articles 38 to 41 have supervised, as one table, and what stands undone by it now.

``table`` has the duties, ``watching`` finds what is late, missing or near its end; a duty more is one entry more.
"""
