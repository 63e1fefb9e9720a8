"""Spatial resources as OGC API – Features: Part 1 (core), Part 2 (reference systems), Part 3 (filtering), for maps and their programs.

The same records under the same agreements as ``/v1/resources``, through the same door: a collection is a resource with a geometry.
"""
