"""Departments' databases: PostgreSQL through ADBC, every other through SQLAlchemy; see ``connectors.sql.connector``."""
