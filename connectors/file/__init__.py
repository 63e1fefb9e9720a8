"""Files that departments deliver; see ``connectors.file.connector``, and ``connectors.file.formats`` for each format."""
