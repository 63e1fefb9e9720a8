"""Read by every Airflow process as it starts: what each task, and each reading of the DAGs, would import anew is imported once.

LocalExecutor's workers are forks of the scheduler, so a task then begins in a tenth of a second instead of some; what reads
a file of DAGs is a fork of the DAG processor, and reads it for as long as Airflow runs. Nothing is opened here: connections
and threads would not survive the fork.
"""

import logging
import sys
from importlib import import_module

READING = (
    "hub.composition",
    "hub.registered",
    "hub.schedule",
    "hub.systems",
)  # what the files of DAGs import
HEAVY = (
    *READING,
    "hub.ingest",
    "hub.following",
    "hub.consistency",
    "hub.data_docs",
    "hub.quarantine",
    "hub.windows",
    "hub.city.registers",
    "connectors.file.connector",
    "connectors.sql.connector",
    "connectors.sql.postgresql",
    "connectors.sql.relational",
    "quality.expectations",
    "audit.sealer",
    "alembic.script",  # every opening of the hub asks whether its schema is the newest
)

__all__: list[str] = []  # Airflow would take every name as a setting

if "scheduler" in sys.argv:
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
_wanted = HEAVY if "scheduler" in sys.argv else READING if "dag-processor" in sys.argv else ()
for _name in _wanted:
    import_module(_name)
