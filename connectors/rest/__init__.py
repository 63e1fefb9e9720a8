"""Departments' JSON interfaces over HTTP: paged, retried, paced; see ``connectors.rest.connector``."""
