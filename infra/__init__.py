"""The ground the other rooms stand on: settings, PostgreSQL, keys and logging.

Public face: ``infra.settings.load_settings``, ``infra.database.open_database`` (with ``Database`` and ``Role``),
``infra.embedded.EmbeddedPostgres`` for a PostgreSQL of one's own, ``infra.keyring.FileKeyring``,
``infra.sealing.Sealer`` and ``BlindIndex``, ``infra.telemetry.configure_logging``. The schema's migrations are in
``infra/migrations``. Nothing here knows what a resource is.
"""
