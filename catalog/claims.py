"""How many claims may fail when they are verified: a limit against guessing, and the count, exact over all processes.

Of one subject's item so many claims a day may fail for one system; and of all its claims of a day, beyond a first few, so large a share.
What is judged is what failed before a call and never how the call itself turned out, or a right guess would be told from a wrong one where
both are too late. As allowances are (``catalog.spending``), it is counted in the transaction that puts the call on record, by the
call's own local day: subjects are held meanwhile, by a lock each for some hundreds of them together, so that no two processes judge
one at once. Subjects are blind indexes here, and forgotten when their day is over.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.errors import ClaimsSpent, ConfigurationError

if TYPE_CHECKING:
    import asyncpg

_HINT = "Write {failing_per_item: 5, failing_at_once: 1000, failing_share: 0.5}."
_LOCKS, _KIND = 1024, 0x636C61  # of them a process may hold all at once; advisory lock class, "cla"
_SHARDS = 16
_SHARD = os.getpid() % _SHARDS
_TOLD = 5  # places in a problem

_BEFORE = """
    SELECT system, resource, item, subject, day, failed::bigint, 0::bigint AS claims FROM catalog.claim_failure
    WHERE subject = ANY($1) AND system = ANY($2) AND day = ANY($3)
    UNION ALL
    SELECT system, NULL, NULL, NULL, day, sum(failed)::bigint, sum(claims)::bigint FROM catalog.claim_use
    WHERE system = ANY($2) AND day = ANY($3) GROUP BY 1, 5
"""
_ADD_FAILED = """
    INSERT INTO catalog.claim_failure AS known (system, resource, item, subject, day, failed)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::date[], $6::int[])
    ON CONFLICT (subject, item, resource, system, day) DO UPDATE SET failed = known.failed + excluded.failed
"""
_ADD_MADE = f"""
    INSERT INTO catalog.claim_use AS known (system, day, shard, claims, failed)
    SELECT system, day, {_SHARD}, claims, failed FROM unnest($1::text[], $2::date[], $3::bigint[], $4::bigint[])
        AS made(system, day, claims, failed) ORDER BY system, day
    ON CONFLICT (system, day, shard) DO UPDATE SET claims = known.claims + excluded.claims, failed = known.failed + excluded.failed
"""
_FORGET = """
    DELETE FROM catalog.{table} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM catalog.{table} WHERE day < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
"""
_FORGOTTEN = [_FORGET.format(table=table) for table in ("claim_failure", "claim_use")]
Target = tuple[str, str, str, bytes, date]
"""System, resource, item, subject and day."""


@dataclass(frozen=True, slots=True)
class ClaimLimit:
    """So many claims on one subject's item may fail a day; beyond so many at once, that share of all that are made."""

    failing_per_item: int = 5
    failing_at_once: int = 1000
    failing_share: float = 0.5

    def __post_init__(self) -> None:
        if not (1 <= self.failing_per_item <= 1000 and 1 <= self.failing_at_once <= 10**9):
            raise ConfigurationError("So many claims cannot be let fail.", hint=_HINT)
        if not 0 <= self.failing_share <= 1:
            raise ConfigurationError("The share of claims that may fail is between 0 and 1.", hint=_HINT)

    def is_within(self, other: "ClaimLimit") -> bool:
        """Whether no more may fail than by another limit."""
        return all(
            mine <= theirs for mine, theirs in zip(asdict(self).values(), asdict(other).values(), strict=True)
        )

    def as_dict(self) -> dict[str, Any]:
        """Describe it as agreements are written."""
        return asdict(self)


USUAL_CLAIMS = ClaimLimit()
"""Where an agreement states none."""


def claims_from(told: Any) -> ClaimLimit:
    """Read a limit as agreements are written, or raise ``ConfigurationError``."""
    known = asdict(USUAL_CLAIMS)
    if not isinstance(told, Mapping) or told.keys() - known.keys():
        raise ConfigurationError("The limit of failing claims is not written as it should be.", hint=_HINT)
    for name, value in told.items():
        kinds = (int, float) if name == "failing_share" else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ConfigurationError(f"Field {name} of the limit of failing claims is no number.", hint=_HINT)
    return ClaimLimit(**told)


class Try(NamedTuple):
    """What is claimed of a known record, by its blind index, at a place of the call; how each item turned out: whether it matched."""

    subject: bytes
    place: int
    told: Mapping[str, bool | None]


@dataclass(frozen=True, slots=True)
class Tried:
    """What a call claims and how that turned out; ``claims`` and ``failed`` count those too on subjects of whom there is no record."""

    system: str
    resource: str
    agreement: str
    limit: ClaimLimit
    day: date
    retry_after: int
    tries: tuple[Try, ...]
    claims: int
    failed: int

    def target(self, one: Try, item: str) -> Target:
        """Return what a claim is counted under."""
        return (self.system, self.resource, item, one.subject, self.day)

    def failures(self) -> Iterator[Target]:
        """Yield what every claim that failed is counted under."""
        for one in self.tries:
            if False in one.told.values():
                yield from (self.target(one, item) for item, verdict in one.told.items() if verdict is False)


@dataclass(slots=True)
class Tally:
    """What has failed, held for a transaction; what is taken on top of it is stored at its end."""

    failed: dict[Target, int]
    made: dict[tuple[str, date], tuple[int, int]]
    new_failed: Counter[Target] = field(default_factory=Counter)
    new_claims: Counter[tuple[str, date]] = field(default_factory=Counter)
    new_failing: Counter[tuple[str, date]] = field(default_factory=Counter)

    def refusal(self, tried: Tried) -> ClaimsSpent | None:
        """Return why a call's claims are not answered, by what failed before it."""
        key, limit = (tried.system, tried.day), tried.limit
        claims, failed = self.made.get(key, (0, 0))
        claims, failed = claims + self.new_claims[key], failed + self.new_failing[key]
        if failed >= limit.failing_at_once + limit.failing_share * claims:
            return self._spent(
                tried,
                f"{failed} of the {claims} claims your system has made today have failed, more than agreed.",
            )
        if not (self.failed or self.new_failed):
            return None
        spent = [
            (item, one.place)
            for one in tried.tries
            for item in one.told
            if self._failed(tried.target(one, item)) >= limit.failing_per_item
        ]
        if not spent:
            return None
        items, places = sorted({item for item, _ in spent}), sorted({place for _, place in spent})
        told = ", ".join(map(str, places[:_TOLD])) + (
            "" if len(places) <= _TOLD else f" and {len(places) - _TOLD} more"
        )
        return self._spent(
            tried,
            f"Of subjects at place {told}, {limit.failing_per_item} claims on {', '.join(items)} have failed today, as many as agreed.",
        )

    def take(self, tried: Tried) -> None:
        """Count a call that is answered."""
        key = (tried.system, tried.day)
        self.new_failed.update(tried.failures())
        self.new_claims[key] += tried.claims
        self.new_failing[key] += tried.failed

    async def store(self, connection: "asyncpg.Connection") -> None:
        """Write what was taken."""
        if self.new_failed:
            rows = [(*target, number) for target, number in sorted(self.new_failed.items())]
            await connection.execute(_ADD_FAILED, *map(list, zip(*rows, strict=True)))
        if self.new_claims:
            made = [(*key, number, self.new_failing[key]) for key, number in self.new_claims.items()]
            await connection.execute(_ADD_MADE, *map(list, zip(*made, strict=True)))

    def _failed(self, target: Target) -> int:
        return self.failed.get(target, 0) + self.new_failed[target]

    def _spent(self, tried: Tried, detail: str) -> ClaimsSpent:
        return ClaimsSpent(
            detail, hint="Have the values looked at by a person, or ask again tomorrow.",
            agreement=tried.agreement, term="claims", retry_after=tried.retry_after,
        )  # fmt: skip


def holding(asked: Sequence[Tried]) -> str:
    """Return the statement that holds the subjects of calls until its transaction ends, to be sent as it begins."""
    if not asked:
        return ""
    places = sorted(
        {int.from_bytes(one.subject[:4], "big") % _LOCKS for tried in asked for one in tried.tries}
    )
    return f"; SELECT count(pg_advisory_xact_lock({_KIND}, place)) FROM unnest('{{{','.join(map(str, places))}}}'::int[]) place"


async def tally(connection: "asyncpg.Connection", asked: Sequence[Tried]) -> Tally:
    """Return what has failed before calls whose subjects are held."""
    found = Tally({}, {})
    if asked:
        subjects = list({one.subject for tried in asked for one in tried.tries})
        systems, days = list({tried.system for tried in asked}), list({tried.day for tried in asked})
        for system, resource, item, subject, day, failed, claims in await connection.fetch(
            _BEFORE, subjects, systems, days
        ):
            if subject is None:
                found.made[system, day] = (claims, failed)
            else:
                found.failed[system, resource, item, subject, day] = failed
    return found


async def forget(connection: "asyncpg.Connection", before: date, most: int = 1000) -> bool:
    """Forget some of what was counted before a day; whether there may be more."""
    numbers = [
        int((await connection.execute(query, before, most)).rpartition(" ")[2]) for query in _FORGOTTEN
    ]
    return max(numbers) == most
