"""Over HTTP: routes, authentication, and the guarded door, the only way a record leaves the hub.

``exchange_api.app:app`` is what Granian serves. A call passes ``Door``: authenticate → find the agreement → coalesced
read → unseal → project and mask → append to the ledger, durable → answer. Errors are the tree of ``schemas.errors``
inside and RFC 9457 problem documents outside, by the one table in ``exchange_api.problems``.
"""
