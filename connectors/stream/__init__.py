"""Departments' changes as they happen: a PostgreSQL's log, or a message queue; see ``connectors.stream.connector``."""
