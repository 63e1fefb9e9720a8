"""A standalone Airflow on the hub's own PostgreSQL: its settings, its database, its pools, its processes.

``hub.airflow.home`` says where it lives and how it is set up, ``hub.airflow.components`` runs it. Nothing here imports
Airflow, which is heavy and reads its settings once for the life of a process: it runs in processes of its own.
"""
