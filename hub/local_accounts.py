"""Local accounts by the hub's settings and keyring, for the commands and the API alike."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from catalog.account import Lockout
from catalog.accounts import Accounts, Rules
from catalog.passwords import Passwords
from catalog.recorded import Recorder
from catalog.second_factors import SecondFactors
from catalog.sign_in_origins import OriginRule
from infra.keyring import Keyring
from infra.sealing import BlindIndex
from infra.settings import Settings


@dataclass(frozen=True)
class LocalAccounts:
    """What accounts are made of, before there is a connection; ``issuer`` is what a person's device shows."""

    rules: Rules
    keyring: Keyring
    issuer: str

    @classmethod
    def of(cls, settings: Settings, keyring: Keyring) -> "LocalAccounts":
        """Make them as the settings say."""
        given = timedelta(hours=settings.first_password_hours)
        origins = OriginRule(settings.sign_in_address_failures)
        rules = Rules(Passwords(), Lockout(free=settings.sign_in_failures), given, origins=origins)
        return cls(rules, keyring, f"Exchange hub {settings.hub_id.rpartition(':')[2]}")

    def origin(self, address: str) -> bytes:
        """Return what an address is known by: a keyed digest."""
        return BlindIndex(self.keyring).index("catalog.sign_in_origin", [address])[0]

    def factors(self, connection: Connection, record: Recorder) -> SecondFactors:
        """Open the second factors on a connection."""
        return SecondFactors(connection, record, self.keyring, self.issuer)

    def accounts(self, connection: Connection, record: Recorder) -> Accounts:
        """Open the accounts on a connection."""
        return Accounts(connection, record, self.rules, self.factors(connection, record))
