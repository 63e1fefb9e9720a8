"""What happened, and the proof of it: the append-only ledger and its RFC 6962 Merkle tree.

Calls append through ``Appender``, which groups concurrent entries into one durable commit; administration and
ingest append through ``append_sync`` or ``insert_statement`` in their own transaction. ``seal`` numbers committed
entries as leaves, signs a checkpoint and adds to the call statistics, all in one transaction; ``verify`` checks
every leaf, root and signature again from the entries themselves.
"""
