"""Departments' services: a JSON interface, and a queue of messages."""

import json
import uuid

import pika
from department_system import MAPPING, SECRET, System
from json_interface import JsonInterface, Reply
from servers import PASSWORD, USER


class Interface(System):
    """By cursor, and what changed since; the key goes in a header."""

    may_repeat = True

    def __init__(self, define, request):
        super().__init__(define)
        self.ticks, self.stamps, self.twice = 0, {}, False
        self.cut_short = 0
        self.interface = JsonInterface(self._answer)
        self.port = self.interface.port

    def _answer(self, request):
        if request.headers.get("x-user") != USER or request.headers.get("x-key") != PASSWORD:
            return Reply(status=401)
        since, at = int(request.query.get("since", 0)), int(request.query.get("after", 0))
        found = sorted((stamp, n) for n, stamp in self.stamps.items() if stamp >= since)
        page = 7 if len(found) < 100 else 70  # smaller than a batch, and never a part of one
        begin = at
        if self.twice and at:  # under its own cursor comes the page before, and then it goes on
            self.twice, begin = False, at - page
        items = [
            {"id": n, "code": f"91{n}", "name": self.rows[n], "stamp": stamp}
            for stamp, n in found[begin : at + page]
        ]
        following = at + page if at + page < len(found) else None
        return Reply({"items": items, "next": following}, drop=self.cut_short)

    def put(self, rows):
        for number in rows:
            self.ticks += 1
            self.stamps[number] = self.ticks
        self.rows |= rows

    def source(self, mapping=None, port=None, user=USER):
        options = {
            "url": f"http://127.0.0.1:{port or self.port}/firms",
            "records": "items",
            "paging": {"by": "cursor", "parameter": "after", "cursor": "next"},
            "since": {"parameter": "since"},
            "headers": {"X-User": user},
            "authentication": {"by": "api_key", "name": "X-Key", "key": SECRET},
            "retries": 0,
            "timeout_seconds": 5,
        }
        fields = {"row_id": "id", "watermark": {"column": "stamp", "type": "integer"}}
        return self.define("rest", options, mapping or MAPPING, resource=self.resource, **fields)

    def truncate(self):
        self.cut_short = 20

    def close(self):
        self.interface.close()


class Messages(System):
    tells_gone = True

    def __init__(self, define, request):
        super().__init__(define)
        self.broker = request.getfixturevalue("broker")
        self.name, self.port = f"firms_{uuid.uuid4().hex[:8]}", self.broker.port
        request.getfixturevalue("monkeypatch").setenv("STORE_SECRET", "guest")
        with self.broker.connect() as connection:
            connection.channel().queue_declare(self.name, durable=True)

    def _publish(self, *told):
        with self.broker.connect() as connection:
            channel = connection.channel()
            channel.tx_select()  # all are there when the commit is answered; to confirm one by one takes minutes
            for one in told:
                body = json.dumps(one, ensure_ascii=False).encode()
                channel.basic_publish("", self.name, body, pika.BasicProperties(delivery_mode=2))
            channel.tx_commit()

    def put(self, rows):
        self._publish(*({"id": n, "code": f"91{n}", "name": name} for n, name in rows.items()))
        self.rows |= rows

    def delete(self, number):
        self._publish({"id": number, "code": f"91{number}", "name": "", "operation": "delete"})
        del self.rows[number]

    def source(self, mapping=None, port=None, user=USER):
        login = "guest" if user == USER else user
        options = {
            "url": f"amqp://{login}:{SECRET}@127.0.0.1:{port or self.port}/%2F",
            "queue": {"name": self.name, "idle_seconds": 0.3},
        }
        gone = {"by": "tombstone", "column": "operation", "values": ["delete"]}
        fields = {"row_id": "id", "deletions": gone}
        return self.define("stream", options, mapping or MAPPING, resource=self.resource, **fields)
