"""Who may read what: organisations, their systems with public keys, and the agreements between them.

``Agreement.check_allows`` is the one rule of access; the guarded door asks it, and so may any screen. Writes go
through ``Catalogue``, which cannot be used without a recorder for the ledger, and the database refuses a change of
the catalogue that has no ledger entry in its own transaction. API processes hold the catalogue in memory
(``Directory``) and hear of changes by NOTIFY.
"""
