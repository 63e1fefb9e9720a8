"""The room that fetches: department systems in, standardised Arrow batches out.

``source`` is a department's definition (read from YAML by ``definition``, its secrets by reference: ``secrets``), ``pull``
streams what is new through the ``connector`` of its kind (``kinds``: a package each, with its ``options``), and
``standardise`` turns raw columns into the resource's items: trimmed, half-width, dated, coded. It stores nothing and judges
nothing; a value it cannot read becomes null and a problem for ``quality`` to weigh. Public face: ``Source``,
``load_source``, ``load_sources``, ``pull``, ``Batch``, ``standardise``, ``Standardised``.
"""
