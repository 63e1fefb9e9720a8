"""The room that fetches: department systems in, standardised Arrow batches out.

``source`` reads a department's definition, ``pull`` streams what is new from its database (``sql``) or its files
(``file``, with one reader per format in ``formats``), and ``standardise`` turns raw columns into the resource's items:
trimmed, half-width, dated, coded. It stores nothing and judges nothing; a value it cannot read becomes null
and a problem for ``quality`` to weigh. Public face: ``Source``, ``load_source``, ``load_sources``,
``pull``, ``Batch``, ``standardise``, ``Standardised``.
"""
