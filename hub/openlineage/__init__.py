"""OpenLineage: every run over a source is told to a lineage backend, where the settings name one.

``events`` makes the events of a run of counts, names and rules; ``outbox`` sends them in the background, so that a backend that
is away costs a run nothing; ``announcing`` joins the two to a run and puts what became of its events on the run's record. No
event holds a value of a record, a user, a password or a query.
"""
