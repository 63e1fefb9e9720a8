"""When: Airflow orders the work, and holds none of it.

``dags.ingest`` makes one DAG per registered source; its tasks plan windows and call ``hub.ingest.ingest_source``, the function
the command line calls too. ``dags.follow`` makes the DAGs that follow data instead of clocks: a scorecard per resource, and
sealing. ``dags.duties`` makes those of the day: the quarantine's ageing, Data Docs. ``dags.orders`` is what they have in common. Tasks take codes and times and give back counts, never a record. Deploy it
by pointing Airflow's ``dags_folder`` at this folder, in an environment where the hub is installed and its ``HUB_…`` settings are
set: docs/airflow.md.
"""
