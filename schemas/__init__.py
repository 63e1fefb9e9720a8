"""The vocabulary: resources and their items, identifiers, code sets, divisions, and every error.

Nothing here knows a database or the web. Start at ``schemas.resource`` for what a record looks like, at
``schemas.identifiers`` for who it is about, at ``schemas.errors`` for what can go wrong.
"""
