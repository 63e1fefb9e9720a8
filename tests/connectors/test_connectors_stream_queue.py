"""Messages of a real RabbitMQ: each stored once, whatever breaks in between; what cannot be read is kept, with its reason."""

# ruff: noqa: F811 (fixtures that are imported)

import json
import uuid

import pika
import pytest
from broker import broker  # noqa: F401 (fixture)

from connectors.batch import FAULT_REASON
from connectors.connector import Connector
from connectors.kinds import open_connector
from connectors.pull import pull, standing
from connectors.standardise import standardise
from connectors.stream.message_queue import UNREADABLE
from schemas.errors import (
    DefinitionError,
    MissingColumn,
    SourceError,
    SourceLoginFailed,
    SourceUnreachable,
)
from schemas.resource import resource_named

MAPPING = {"credit_code": "code", "name": "body.name"}


class Queue:
    """A queue with what the hub knows of it."""

    def __init__(self, broker, durable=True):
        self.broker, self.name = broker, f"register_{uuid.uuid4().hex[:8]}"
        self.library: dict[str, tuple] = {}
        self.state = None
        with broker.connect() as connection:
            connection.channel().queue_declare(self.name, durable=durable)

    def publish(self, *bodies, identified=False):
        with self.broker.connect() as connection:
            channel = connection.channel()
            channel.tx_select()  # all are there when the commit is answered
            for body in bodies:
                content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
                told = pika.BasicProperties(
                    delivery_mode=2, message_id=uuid.uuid4().hex if identified else None
                )
                channel.basic_publish("", self.name, content, told)
            channel.tx_commit()

    def waiting(self) -> int:
        with self.broker.connect() as connection:
            return connection.channel().queue_declare(self.name, passive=True).method.message_count

    def store(self, batch):
        for row in batch.table.to_pylist():
            self.library[row["_row"]] = (row["code"], row["body.name"])
        self.state = json.loads(json.dumps(batch.watermark))

    def pull(self, source, batch_rows=10):
        batches = list(pull(source, self.state, batch_rows))
        for batch in batches:
            self.store(batch)
        return batches


@pytest.fixture
def queue(broker):
    return Queue(broker)


@pytest.fixture
def queue_source(define):
    def make(of, url=None, mapping=None, **fields):
        told = {"name": of.name, "idle_seconds": 0.3} | fields.pop("queue", {})
        fields = {"resource": "legal_person", "row_id": "id"} | fields
        options = {"url": url or of.broker.reference, "queue": told}
        return define("stream", options, mapping or MAPPING, **fields)

    return make


@pytest.fixture(autouse=True)
def _secret(monkeypatch):
    monkeypatch.setenv("BROKER_SECRET", "guest")


def firm(number, name="甲"):
    return {"id": number, "code": f"91{number}", "body": {"name": name}}


# ── once ─────────────────────────────────────────────────────────────────────────────────────────────


def test_messages_come_in_order_and_leave_the_queue_once_they_are_stored(queue, queue_source):
    source = queue_source(queue)
    queue.publish(*(firm(number) for number in range(25)))
    batches = queue.pull(source)
    assert [batch.number_of_rows for batch in batches] == [10, 10, 5]
    assert [row for batch in batches for row in batch.table["_row"].to_pylist()] == [
        str(n) for n in range(25)
    ]
    assert batches[0].shape == {"id": "number", "code": "text", "body": "object", "body.name": "text"}
    assert queue.waiting() == 25
    assert queue.pull(source) == []
    assert queue.waiting() == 0
    assert queue.pull(source) == []


def test_what_is_not_stored_comes_again(queue, queue_source):
    source = queue_source(queue)
    queue.publish(*(firm(number) for number in range(25)))
    lost = list(pull(source, None, 10))  # as if the hub was killed before it stored
    again = pull(source, None, 10)
    first = next(again)
    queue.store(first)
    again.close()  # as if it was killed after the first batch
    assert first.digest == lost[0].digest
    rest = queue.pull(source)
    assert [batch.digest for batch in rest] == [batch.digest for batch in lost[1:]]
    assert queue.waiting() == 15
    queue.publish(firm(3, "新"))
    (batch,) = queue.pull(source)
    assert batch.table["_row"].to_pylist() == ["3"]
    assert queue.library == {str(n): (f"91{n}", "新" if n == 3 else "甲") for n in range(25)}


def test_a_message_like_one_before_is_another_one(queue, queue_source):
    """A state that returns to what it was says so in the same words; it must count even if it is redelivered."""
    source = queue_source(queue)
    queue.publish(firm(1, "开"), firm(1, "关"))
    queue.pull(source)
    assert queue.library == {"1": ("911", "关")}
    assert queue.pull(source) == []  # taken off
    queue.publish(firm(1, "开"))
    assert len(list(pull(source, queue.state))) == 1  # and killed before it was stored
    queue.pull(source)
    assert queue.library == {"1": ("911", "开")}


def test_a_broker_that_restarts_has_lost_nothing(broker, queue, queue_source):
    source = queue_source(queue)
    queue.publish(*(firm(number) for number in range(12)))
    batches = pull(source, None, 5)
    queue.store(next(batches))
    broker.stop()
    with pytest.raises(SourceUnreachable, match="cannot be reached"):
        list(batches)
    with pytest.raises(SourceUnreachable):
        list(pull(source, queue.state))
    broker.start()
    queue.publish(firm(1, "后"))
    queue.pull(source, 5)
    queue.pull(source)
    assert queue.waiting() == 0
    assert queue.library == {str(n): (f"91{n}", "后" if n == 1 else "甲") for n in range(12)}


def test_a_run_takes_no_more_than_it_may(queue, queue_source):
    source = queue_source(queue, queue={"most_messages": 10})
    queue.publish(*(firm(number) for number in range(25)))
    assert [sum(batch.number_of_rows for batch in queue.pull(source)) for _ in range(4)] == [10, 10, 5, 0]
    assert len(queue.library) == 25
    assert queue.waiting() == 0


def test_several_records_a_message_are_stored_whole(queue, queue_source):
    source = queue_source(queue, queue={"records": "data.items"})
    queue.publish(
        {"data": {"items": [firm(n) for n in range(7)]}},
        {"data": {"items": []}},
        {"data": {"items": [firm(7), firm(0, "后")]}},
        identified=True,
    )
    batches = pull(source, None, 4)
    queue.store(next(batches))
    batches.close()  # killed within a message: it comes again whole
    rest = queue.pull(source, 4)
    assert sum(batch.number_of_rows for batch in rest) >= 5
    assert queue.library == {str(n): (f"91{n}", "后" if n == 0 else "甲") for n in range(8)}
    assert queue.pull(source) == []
    assert queue.waiting() == 0


def test_tombstones_say_what_is_gone(queue, queue_source):
    source = queue_source(queue, deletions={"by": "tombstone", "column": "op", "values": ["delete"]})
    queue.publish(firm(1) | {"op": "upsert"}, {"id": 2, "op": "delete"})
    (batch,) = queue.pull(source)
    assert batch.table["_gone"].to_pylist() == [False, True]
    queue.publish(*(firm(number) for number in range(60)))  # nothing is deleted: the member may be missing
    assert sum(batch.number_of_rows for batch in queue.pull(source, 100)) == 60


# ── what cannot be read ──────────────────────────────────────────────────────────────────────────────


def test_what_cannot_be_read_is_quarantined_with_its_reason_and_stops_nothing(queue, queue_source):
    source = queue_source(queue)
    queue.publish(firm(1), b"{not json", b"\xff\xfe\x00", b'"text"', firm(2), b"[1, {}]")
    (batch,) = queue.pull(source)
    assert batch.table[UNREADABLE].to_pylist() == [
        None, "{not json", "\\xff\\xfe\x00", '"text"', None, "1", None,
    ]  # fmt: skip
    problems = standardise(source, resource_named("legal_person"), batch).problems.to_pylist()
    assert [problem for problem in problems if problem["rule"] == "message"] == [
        {
            "_index": place,
            "item": "credit_code",
            "rule": "message",
            "reason": "the message holds no JSON record",
        }
        for place in (1, 2, 3, 5)
    ]
    assert batch.table[FAULT_REASON].null_count == 3
    assert queue.pull(source) == []
    assert queue.waiting() == 0


def test_a_member_that_no_message_has_is_named(queue, queue_source):
    source = queue_source(queue, mapping=MAPPING | {"representative_name": "legalPerson"})
    queue.publish(*(firm(n) for n in range(60)))
    with pytest.raises(MissingColumn, match="'legalPerson'"):
        list(pull(source, None, 100))


def test_what_a_queue_needs_and_has_not_is_named(broker, queue, queue_source):
    with pytest.raises(SourceError, match=r"the queue 'none' .* is not there"):
        list(pull(queue_source(queue, queue={"name": "none"})))
    with pytest.raises(SourceUnreachable):
        list(pull(queue_source(queue, "amqp://guest:${env:BROKER_SECRET}@127.0.0.1:1/%2F")))
    with pytest.raises(SourceLoginFailed) as caught:
        list(pull(queue_source(queue, broker.reference.replace("guest:", "nobody:"))))
    assert "guest" not in str(caught.value)
    with pytest.raises(DefinitionError, match="is not a URL"):
        list(pull(queue_source(queue, "amqp://guest:${env:BROKER_SECRET}@127.0.0.1:port/%2F")))
    with pytest.raises(DefinitionError, match="cannot be found by comparison"):
        list(standing(queue_source(queue, deletions={"by": "comparison"})))


def test_a_queue_kept_by_another_is_named(broker, queue_source):
    queue = Queue(broker)
    with broker.connect() as connection:
        exclusive = f"own_{uuid.uuid4().hex[:8]}"
        connection.channel().queue_declare(exclusive, exclusive=True)
        with pytest.raises(SourceError, match="is kept by another"):
            list(pull(queue_source(queue, queue={"name": exclusive})))


def test_it_is_a_connector(queue, queue_source):
    opened: Connector = open_connector(queue_source(queue))
    opened.acknowledge({})
    opened.close()
    opened.close()
