"""When: Airflow orders the work, and holds none of it.

``dags.ingest`` makes one DAG per registered source; its only task calls ``hub.ingest.ingest_source``, the function the
command line calls too. A task takes a source's code and gives back counts, never a record. Deploy it by pointing Airflow's
``dags_folder`` at this folder, in an environment where the hub is installed and its ``HUB_…`` settings are set.
"""
