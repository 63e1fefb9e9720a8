"""Second factors: one-time codes by the clock (TOTP, RFC 6238) and recovery codes for who has lost their device.

A code is taken once: a step of the clock that was used, or one before it, is used up. Secrets are sealed under the keyring, recovery
codes kept as keyed digests only.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyotp
from sqlalchemy import Connection, select, update

from catalog.account import ACCOUNT
from catalog.recorded import Recorded, Recorder
from infra.keyring import Keyring
from infra.sealing import BlindIndex, Sealer
from schemas.errors import NotRegistered, WrongSecondFactor

STEP = 30  # seconds
RECOVERY_CODES = 10
_WINDOW = 1  # steps by which clocks may differ
_SECRET = 32  # characters of base32: 160 bits, as RFC 4226 recommends
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class SecondFactors(Recorded):
    """The second factors of accounts, on a connection whose transaction the caller commits."""

    def __init__(self, connection: Connection, record: Recorder, keyring: Keyring, issuer: str) -> None:
        super().__init__(connection, record)
        self._sealer, self._index = Sealer(keyring, "catalog.account.totp"), BlindIndex(keyring)
        self._issuer = issuer

    def has(self, person: str) -> bool:
        """Tell whether a person has a second factor."""
        query = select(ACCOUNT.c.totp).where(ACCOUNT.c.person == person)
        return self._connection.execute(query).scalar() is not None

    def begin(self, person: str, *, actor: str) -> str:
        """Make a secret for a person's device and return it as an ``otpauth`` URI; it counts once it is confirmed."""
        secret = pyotp.random_base32(_SECRET)
        (sealed,) = self._sealer.seal([secret.encode()], [person.encode()], [0])
        self._change(person, {"totp_new": sealed}, actor, "totp.begin", {})
        return pyotp.TOTP(secret).provisioning_uri(name=person, issuer_name=self._issuer)

    def confirm(self, person: str, code: str, at: datetime, *, actor: str) -> Sequence[str]:
        """Take the new secret into use, as the code shows that the device has it; return recovery codes, told this once.

        Raises ``WrongSecondFactor`` where the code is wrong or none was begun.
        """
        sealed = self._held(ACCOUNT, person)["totp_new"]
        step = None if sealed is None else self._step(person, sealed, code, at, -1)
        if step is None:
            raise WrongSecondFactor(
                "The code is not the device's at this moment.", hint="Check its clock, and try the next one."
            )
        codes = [_new_code() for _ in range(RECOVERY_CODES)]
        digests = self._digests(person, codes)
        values = {"totp": sealed, "totp_new": None, "totp_step": step, "recovery": digests}
        self._change(person, values, actor, "totp.confirm", {"recovery_codes": len(codes)})
        return codes

    def reset(self, person: str, *, actor: str) -> None:
        """Take a person's second factor away, for who has lost both device and recovery codes."""
        values: dict[str, Any] = {"totp": None, "totp_new": None, "totp_step": None, "recovery": []}
        self._change(person, values, actor, "totp.reset", {})

    def shown(self, account: Mapping[Any, Any], code: str, at: datetime) -> Mapping[str, Any] | None:
        """Tell whether a code is right and unused: return what using it changes in the account, None where it is not."""
        person = account["person"]
        step = self._step(person, account["totp"], code, at, account["totp_step"] or -1)
        if step is not None:
            return {"totp_step": step}
        (digest,) = self._digests(person, [code.strip().lower()])
        known = [bytes(one) for one in account["recovery"]]
        return {"recovery": [one for one in known if one != digest]} if digest in known else None

    def _step(self, person: str, sealed: bytes, code: str, at: datetime, last: int) -> int | None:
        """Return the step of the clock whose code it is, of those behind ``last``; None where there is none."""
        (secret,) = self._sealer.open([sealed], [person.encode()], [0])
        codes, here = pyotp.HOTP(secret.decode()), int(at.timestamp()) // STEP
        given = code.replace(" ", "").encode()
        fitting = [
            step
            for step in range(here - _WINDOW, here + _WINDOW + 1)
            if hmac.compare_digest(codes.at(step).encode(), given) and step > last
        ]
        return fitting[0] if fitting else None

    def _digests(self, person: str, codes: Sequence[str]) -> list[bytes]:
        return self._index.digest(
            "catalog.account.recovery", [f"{person}\n{code}".encode() for code in codes]
        )

    def _change(
        self, person: str, values: Mapping[str, Any], actor: str, action: str, told: Mapping[str, Any]
    ) -> None:
        self._record(self._connection, actor=actor, action=f"account.{action}", target=person, facts=told)
        changed = self._connection.execute(update(ACCOUNT).where(ACCOUNT.c.person == person).values(**values))
        if changed.rowcount == 0:
            raise NotRegistered(
                f"{person} has no account here.", hint="Give them a password first: hub person password"
            )


def _new_code() -> str:
    """Make a recovery code of 79 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
