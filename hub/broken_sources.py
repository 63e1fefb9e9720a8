"""Sources whose definition is wrong: what they contributed stands, with the authority it had when it came."""

from collections.abc import Sequence

from base_libraries.definitions import Told, latest
from connectors.definition import Definitions
from infra.database import Database, Role


def standing(database: Database, found: Definitions) -> Sequence[Told]:
    """Return what is kept of the sources whose definitions are left out; nothing of one that never contributed.

    Where it cannot be told which source a definition is of, every source that is no longer registered may be it.
    """
    if not found.broken:
        return ()
    with database.engine(Role.APPLICATION).connect() as connection:
        kept = latest(connection)
    unregistered = {code: told for code, told in kept.items() if code not in found.sources}
    named = {broken.code for broken in found.broken}
    unsure = any(
        "source" not in broken.error.context and broken.code not in unregistered for broken in found.broken
    )
    return [told for code, told in unregistered.items() if unsure or code in named]
