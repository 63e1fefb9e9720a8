"""Who is it: a system by its access token, from memory, or by its signature of the call; a person by their session, from the database at every request."""

from collections.abc import Mapping
from datetime import timedelta

from starlette.types import Scope

from catalog.directory import Directory
from catalog.session import SignedIn
from catalog.sessions import FOUND, USED, signed_in
from catalog.system import System, SystemStatus
from exchange_api.admission import Admission
from exchange_api.signature_nonces import Nonces
from exchange_api.signatures import Signatures, SignedCall
from exchange_api.tokens import Holder, Tokens
from infra.clock import Clock, now
from infra.lanes import Lanes
from schemas.errors import AccessDenied, InvalidToken

LANES = 2  # connections for sessions: people click, they do not call by the thousand
_BEARER = b"bearer "
_NOTED = timedelta(minutes=1)  # how exactly it is noted when a session was used


class Reception:
    """Tells who holds a token or has signed a call, as of this moment."""

    def __init__(
        self, tokens: Tokens, signatures: Signatures, nonces: Nonces, directory: Directory, lanes: Lanes, idle_seconds: int,
        clock: Clock = now,
    ) -> None:  # fmt: skip
        self._tokens, self._directory, self._lanes, self._clock = tokens, directory, lanes, clock
        self._signatures, self._nonces = signatures, nonces
        self._idle = timedelta(seconds=idle_seconds)

    def holder(self, headers: Mapping[bytes, bytes], by: Admission) -> Holder:
        """Return whose token the headers hold, or raise ``InvalidToken``, also where it is of a kind not admitted."""
        given = headers.get(b"authorization", b"")
        if given[:7].lower() != _BEARER:
            raise InvalidToken("The call has no token.", hint="Send: Authorization: Bearer <token>.")
        holder = self._tokens.holder_of(given[7:].strip())
        if holder.session is None and not by.systems:
            raise InvalidToken(
                "This is for people; the token is a system's.", hint="Sign in: POST /v1/session."
            )
        if holder.session is not None and not by.people:
            raise InvalidToken(
                "This is for systems; the token is of a person's session.", hint="Get one at /oauth/token."
            )
        return holder

    def signed(self, scope: Scope, headers: Mapping[bytes, bytes], by: Admission) -> SignedCall:
        """Return who has signed a call, suspended or not; raise an ``InvalidSignature``, or ``InvalidToken`` of a token beside it."""
        if not by.systems:
            raise InvalidToken("This is for people, who sign no calls.", hint="Sign in: POST /v1/session.")
        call = self._signatures.checked(scope)
        if b"authorization" in headers and self.holder(headers, by).id != call.system.id:
            raise InvalidToken(
                "The token beside the signature is another's.", hint="Send the signature alone."
            )
        return call

    async def use_once(self, call: SignedCall) -> None:
        """Mark a signed call's nonce as used; ``ReplayedSignature`` when it was."""
        await self._nonces.use(call)

    def system(self, holder: Holder) -> System:
        """Return the system that holds an access token, suspended or not: what it tries is on the ledger as its own."""
        system = self._directory.snapshot.systems.get(holder.id)
        if system is None:
            raise InvalidToken("The access token is for a system that is not registered.")
        return system

    @staticmethod
    def check(system: System) -> None:
        """Raise ``AccessDenied`` where a system is suspended."""
        if system.status is not SystemStatus.ACTIVE:
            raise AccessDenied("Your system is suspended.", hint="Ask the catalogue authority.")

    async def signed_in(self, holder: Holder) -> SignedIn:
        """Return the live session of a session token with its person; ``SessionEnded`` where it is over."""
        at = self._clock()
        async with self._lanes.one() as connection:
            row = await connection.fetchrow(FOUND, holder.session, holder.id)
            found = signed_in(row, at, self._idle)
            if row["used_at"] + min(_NOTED, self._idle / 10) <= at:
                await connection.execute(USED, holder.session, at)
        return found
