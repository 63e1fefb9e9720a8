"""Catalogue entries: every act of their way, with its event and its ledger entry, in one transaction.

A version is written as a draft, assessed by another than who wrote it, submitted, reviewed and published; then it never changes. A
change is a new version, which goes the same way while the old one stays in force.
"""

from catalog.entry_drafting import EntryDrafting
from catalog.entry_reviewing import EntryReviewing


class Entries(EntryDrafting, EntryReviewing):
    """Both parts together; ``reader`` reads them."""
