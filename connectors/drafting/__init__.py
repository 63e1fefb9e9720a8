"""Drafting a source: look at a system, profile its columns, propose which item each feeds, write the definition.

Nothing is guessed silently: what the names and the values do not agree on is marked unsure, for a person to decide.
"""
