"""Judge: what a department delivers is measured against rules before the hub believes any of it.

``quality.gate.gate`` takes one standardised batch and gives a ``Verdict``: rows admitted, rows quarantined with their
reasons, and a ``Report`` that scores every rule as GB/T 36344 asks. The rules come from the resource's definition
and from the source's own list (``quality.rules``); Great Expectations evaluates them (``quality.suites``,
``quality.expectations``). This is the only room that knows Great Expectations, and it loads it on first use.
"""
