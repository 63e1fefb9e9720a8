"""A queue of JSON messages over AMQP 0-9-1: a record, or a list of records, a message.

A message is taken off the queue only when what it said is known to be stored. A run leaves its messages in the queue, and the
state says how many they were and what: when the same ones come again, at the head of the queue and all of them, the next run
takes them off at once. If they come otherwise, they are read again and found unchanged. So neither a crash nor two messages of the
same content can lose anything. A message that cannot be read must not stop the queue, nor get lost: it
becomes a row without a key, which quality puts into quarantine with the message's text.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain, islice
from typing import Any, NoReturn

import pika
import pyarrow as pa
from pika.exceptions import (
    AMQPConnectionError,
    AMQPError,
    AuthenticationError,
    ChannelClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from connectors.batch import Delivery, Shape, with_faults
from connectors.json_members import ENOUGH, UNSTATED, loads, member, shape_of, table_of, text
from connectors.missing import missing_columns
from connectors.references import row_references
from connectors.source import Source
from connectors.stream import refusals
from connectors.stream.options import QueueOptions
from schemas.errors import DefinitionError
from schemas.resource import resource_named

UNREADABLE = "unreadable message"
"""The column with the text of messages that cannot be read, in batches that have such."""

_FAULT = ("message", "the message holds no JSON record")
_HEARTBEAT = 600  # seconds; the connection is silent while a batch is stored
_CONNECT_SECONDS = 10
_DENIED, _LOCKED = 403, 405


@dataclass(frozen=True)
class Message:
    """A message: its tag on this connection, its name, whether it came before, and its body."""

    tag: int
    name: str
    again: bool
    body: bytes


class Sequence:
    """Messages one after another: how many, and a digest of their names and bodies."""

    def __init__(self) -> None:
        self.count = 0
        self._digest = sha256()

    def add(self, message: Message) -> None:
        """Go on with a message."""
        self.count += 1
        for part in (message.name.encode(), message.body):
            self._digest.update(len(part).to_bytes(8, "big") + part)

    def state(self) -> dict[str, Any]:
        """Write it, JSON-ready."""
        return {"count": self.count, "digest": self._digest.hexdigest()}


@dataclass(frozen=True)
class Told:
    """A record of a message, or the text that is none."""

    name: str
    record: Mapping[str, Any]
    unreadable: str | None = None


class MessageQueue:
    """One queue."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._told: QueueOptions = source.option("queue")
        self._url = str(source.option("url"))
        self._place = refusals.place_of(source, self._url)
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # what it has to say is in the errors
        self._connection, self._channel = self._connect()

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield what the messages say, until none came for ``idle_seconds`` or ``most_messages`` were taken up."""
        stored = (state or {}).get("stored")
        members: Shape = (state or {}).get("members") or dict.fromkeys(self._source.columns, UNSTATED)
        as_of, taken = datetime.now(UTC), Sequence()
        came = self._messages()
        held: list[Told] = []
        for message in islice(chain(self._not_stored(came, stored), came), self._told.most_messages):
            told = list(self._records(message))
            if not told:  # a message of no record says nothing that could be stored
                self._take_off(message.tag)
                continue
            for one in told:
                if len(held) == batch_rows:
                    yield self._delivery(held, members := self._members(held, members), taken, as_of)
                    held = []
                held.append(one)
            taken.add(message)
        if held:
            yield self._delivery(held, self._members(held, members), taken, as_of)

    def glimpse(self, rows: int) -> Iterator[Delivery]:
        """Yield what the first messages say; all go back to the queue, marked as delivered before, when the connection closes."""
        told: list[Told] = []
        while len(told) < rows and (message := self._got()) is not None:
            told += self._records(message)
        if told:
            members = self._members(told[:rows], dict.fromkeys(self._source.columns, UNSTATED))
            yield self._delivery(told[:rows], members, Sequence(), datetime.now(UTC))

    def references(self) -> Iterator[pa.Array]:
        """A queue tells what changed, not what is there."""
        raise DefinitionError(
            f"Source {self._source.code}: deletions cannot be found by comparison in a queue.",
            hint="Let messages say it: deletions: {by: tombstone, column: …}.",
        )

    def acknowledge(self, state: dict[str, Any]) -> None:
        """Messages are taken off when they come again: ``deliveries`` is given the same state."""

    def close(self) -> None:
        """Close the connection; what was not taken off stays in the queue."""
        with suppress(AMQPError):
            self._connection.close()

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────

    def _not_stored(self, came: Iterator[Message], stored: Mapping[str, Any] | None) -> list[Message]:
        """Take off the messages at the head of the queue if they are the stored ones, and return them if they are not."""
        head, again = Sequence(), []
        if stored is None:
            return []
        for message in islice(came, stored["count"]):
            again.append(message)
            head.add(message)
            if not message.again:
                return again
        if again and head.state() == stored:
            self._take_off(again[-1].tag, multiple=True)
            return []
        return again

    def _messages(self) -> Iterator[Message]:
        try:
            taken = self._channel.consume(self._told.name, inactivity_timeout=self._told.idle_seconds)
            for method, properties, body in taken:
                if method is None:
                    return
                name = str(properties.message_id or "")
                yield Message(method.delivery_tag, name, bool(method.redelivered), body)
        except AMQPError as error:
            self._refuse(error)

    def _got(self) -> Message | None:
        """Ask for one message; one that is not taken off returns to its place."""
        try:
            method, properties, body = self._channel.basic_get(self._told.name)
        except AMQPError as error:
            self._refuse(error)
        if method is None:
            return None
        return Message(method.delivery_tag, str(properties.message_id or ""), bool(method.redelivered), body)

    def _take_off(self, tag: int, *, multiple: bool = False) -> None:
        try:
            self._channel.basic_ack(tag, multiple=multiple)
        except AMQPError as error:
            self._refuse(error)

    def _records(self, message: Message) -> Iterator[Told]:
        try:
            found = member(loads(message.body), self._told.records)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict | list):
            yield Told(message.name, {}, message.body.decode("utf-8", "backslashreplace"))
            return
        for record in found if isinstance(found, list) else [found]:
            if isinstance(record, dict):
                yield Told(message.name, record)
            else:
                yield Told(message.name, {}, text(record) or "null")

    def _members(self, told: list[Told], known: Shape) -> Shape:
        """Return the members of the records; that one is missing can be told only of many records."""
        records = [one.record for one in told if one.unreadable is None]
        members = shape_of(records, known)
        if (tombstone := self._source.tombstone) is not None:  # most messages delete nothing
            members = {tombstone.column: known.get(tombstone.column, UNSTATED), **members}
        lacking = self._source.lacks(members) if len(records) >= ENOUGH else []
        if lacking:
            where = f"the messages of {self._told.name!r} at {self._place} have no"
            raise missing_columns(self._source.code, where, lacking, members, self._source.columns)
        return members

    def _delivery(self, told: list[Told], members: Shape, taken: Sequence, as_of: datetime) -> Delivery:
        table = table_of([one.record for one in told], self._source.columns)
        names = pa.array([one.name for one in told], pa.string())
        table = table.append_column("_row", row_references(table, self._source.row_id, names))
        unreadable = pa.array([one.unreadable for one in told], pa.string())
        if unreadable.null_count < len(unreadable):
            table = table.append_column(UNREADABLE, unreadable)
            key = resource_named(self._source.resource).key.name
            faults = {place: _FAULT for place, one in enumerate(told) if one.unreadable is not None}
            table = with_faults(table, key, faults)
        state = {"stored": taken.state(), "members": dict(members)}
        return Delivery(_latest(table), f"queue {self._told.name}", state, as_of, members)

    # ── the connection ───────────────────────────────────────────────────────────────────────────────

    def _connect(self) -> tuple[Any, Any]:
        try:
            given = pika.URLParameters(self._url)
        except (ValueError, TypeError, KeyError):
            raise DefinitionError(f"Source {self._source.code}: options.url is not a URL of AMQP.") from None
        given.heartbeat = _HEARTBEAT
        given.socket_timeout = given.stack_timeout = given.blocked_connection_timeout = _CONNECT_SECONDS
        connection = None
        try:
            connection = pika.BlockingConnection(given)
            channel = connection.channel()
            channel.queue_declare(self._told.name, passive=True)
            channel.basic_qos(prefetch_count=self._told.most_messages)
        except (AMQPError, OSError) as error:
            if connection and connection.is_open:
                connection.close()
            self._refuse(error)
        return connection, channel

    def _refuse(self, error: Exception) -> NoReturn:
        """Raise what the broker answered as one of the hub's errors."""
        source, place = self._source, self._place
        if isinstance(error, ChannelClosedByBroker):
            if error.reply_code == _DENIED:
                raise refusals.login(source, place, "The user needs to read the queue.") from None
            what = "is kept by another" if error.reply_code == _LOCKED else "is not there"
            hint = "Correct options.queue.name, or ask the department."
            raise refusals.refused(source, f"the queue {self._told.name!r} at {place} {what}", hint) from None
        login = (AuthenticationError, ProbableAuthenticationError, ProbableAccessDeniedError)
        if isinstance(error, login):
            raise refusals.login(source, place) from None
        if isinstance(error, AMQPConnectionError):
            causes = [getattr(one, "exception", one) for one in error.args]
            if any(isinstance(cause, login) for cause in causes):
                raise refusals.login(source, place) from None
        raise refusals.unreachable(source, place) from None


def _latest(table: pa.Table) -> pa.Table:
    """Of several rows of one reference keep the last, for what a queue says later counts; all that cannot be read."""
    names: list[Any] = table.column("_row").to_pylist()
    if UNREADABLE in table.column_names:
        for place, unreadable in enumerate(table.column(UNREADABLE).to_pylist()):
            names[place] = names[place] if unreadable is None else place
    places = {name: place for place, name in enumerate(names)}
    return table if len(places) == len(names) else table.take(pa.array(sorted(places.values())))
