"""The catalogue in its neighbours' words: DCAT-AP 3, written and read.

``Dataset`` is what both sides know of a resource. An entry is described as one and written as a graph; a neighbour's graph is read as
some, which are stored apart and passed on with the catalogues they came through.
"""
