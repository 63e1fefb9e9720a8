"""Read by every Airflow process as it starts: the scheduler imports once what each task would import anew.

LocalExecutor's workers are forks of the scheduler, so a task then begins in a tenth of a second instead of some. Nothing is
opened here: connections and threads would not survive the fork.
"""

import logging
import sys
from importlib import import_module

HEAVY = (
    "hub.ingest",
    "hub.following",
    "hub.consistency",
    "hub.data_docs",
    "hub.quarantine",
    "hub.registered",
    "hub.schedule",
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
    for _name in HEAVY:
        import_module(_name)
