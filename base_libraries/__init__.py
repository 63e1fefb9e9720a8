"""What the hub knows: contributions of departments, consolidated into golden records with history.

A department's word about a subject is a *contribution*; the best word on every item, by declared authority, is
the *golden record*. ``library.Library`` takes batches in, ``consolidate`` decides which word wins, ``reading``
gives records out to the guarded door. Sensitive items are sealed before they reach the database: ``vault``.
"""
