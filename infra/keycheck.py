"""The keyring a database belongs to: remembered at first use, so that another one is refused before it does harm.

Under another keyring every key would have another blind index: nothing would be found, and every subject come in again.
"""

from sqlalchemy import text

from infra.database import Database, Role
from infra.keyring import Keyring
from schemas.errors import ConfigurationError

_REMEMBER = text("INSERT INTO library.keyring (fingerprint) VALUES (:fingerprint) ON CONFLICT DO NOTHING")
_REMEMBERED = text("SELECT fingerprint FROM library.keyring")


def check_keyring(database: Database, keyring: Keyring) -> None:
    """Raise ``ConfigurationError`` when the database was filled under another keyring."""
    fingerprint = keyring.derive("fingerprint", 1)  # of no other use, and nothing can be derived from it
    with database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(_REMEMBER, {"fingerprint": fingerprint})
        remembered = connection.execute(_REMEMBERED).scalar_one()
    if bytes(remembered) != fingerprint:
        raise ConfigurationError(
            "The keyring is not the one this database was filled under.",
            hint="Restore it from its backup, or name it by HUB_KEYRING.",
        )
