"""Lineage: where an item of a record came from, and what depends on a column, an item, a source or a resource.

``backward`` follows one item of one record: source columns, batch, row, rules, and why the other departments' words lost.
``forward`` follows what is defined: columns to items, agreements, calls, scorecards and DAGs. ``definitions`` says what is
kept of sources so that the past stays true, ``picture`` draws an answer in Mermaid.
"""
