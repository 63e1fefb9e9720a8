"""Layers of features, in files or from a service of the OGC; see ``connectors.spatial.connector``."""
