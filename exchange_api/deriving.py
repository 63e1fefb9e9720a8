"""Deriving (派生核验): the answer of a defined question about subjects, under an agreement that names the question and none of its items.

Part of the security boundary: records are judged here in the clear; yes, no or not known alone leaves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from catalog.agreement import MOST_KEYS
from catalog.asking import Way
from catalog.question import Question, question_from
from catalog.question_register import QuestionRegister, every_question, question_named, question_told
from catalog.question_tests import Facts
from exchange_api.agreed import all_shown
from exchange_api.bodies import valid
from exchange_api.calls import Call, Stated, body_of, checked_key, stated_in
from exchange_api.door import Attempt, Door
from exchange_api.doubt_marks import mark
from exchange_api.library import Library, Row, Shelf
from exchange_api.readings import indexes_of, open_shelf_of, rows_of
from exchange_api.transactions import Transactions
from schemas.comparing import tidy_identifier
from schemas.errors import ConfigurationError, MalformedRequest, TooManyKeys, UnknownItem, UnknownQuestion
from schemas.resource import Item

_FIELDS = ("keys", "purpose", "legal_basis", "case_code")
_WORDS: Mapping[bool | None, str] = {True: "yes", False: "no", None: "unknown"}


class Deriving:
    """The readings of ``/v1/questions`` and of ``POST /v1/resources/{code}/questions/{name}``."""

    def __init__(self, library: Library, door: Door, transactions: Transactions) -> None:
        self._library, self._door, self._transactions = library, door, transactions
        self._known: dict[str, Question] = {}

    async def derive(self, attempt: Attempt) -> Any:
        """Answer a question of up to 1,000 subjects."""
        shelf = open_shelf_of(self._library, attempt)
        body = await body_of(attempt.request)
        attempt.stated = stated_in(attempt.headers, body)
        attempt.keys = len(body["keys"]) if isinstance(body.get("keys"), list) else 0
        question = await self._asked(attempt, shelf)
        asked_by = shelf.resource.item(question.by) if question.by else shelf.resource.key
        call = _call(question, asked_by, body, attempt.stated, attempt.organisation)
        attempt.subjects = indexes_of(shelf, call)
        agreement = self._door.agreed(attempt, shelf.resource.code, call)
        attempt.items = question.items
        every = await rows_of(self._library, shelf, call, attempt.subjects)
        found = all_shown(attempt, agreement, shelf, every)
        rows = [found.get(index, ()) for index in attempt.subjects]
        answers = await self._answers(shelf, question, rows)
        told = Counter(_WORDS[answer] for answer in answers)
        attempt.facts = {
            **(attempt.facts or {}),
            "question": question.named,
            "answers": dict(sorted(told.items())),
        }
        return {
            "resource": shelf.resource.code, "question": question.name, "version": question.version,
            "legal_basis": question.legal_basis, "answers": self._told(shelf, question, call, rows, answers),
        }  # fmt: skip

    async def questions(self, attempt: Attempt) -> Any:
        """List every version of every question."""
        found = await self._transactions.alone(every_question)
        attempt.records = len(found)
        return {"questions": [question_told(one) for one in found]}

    async def question(self, attempt: Attempt) -> Any:
        """Describe a question in its latest version, or in the one named behind an @."""
        return question_told(await self._named(attempt.request.path_params["name"]))

    async def add(self, attempt: Attempt) -> Any:
        """Register a question, or its next version."""
        body = await body_of(attempt.request)
        question = valid(lambda: question_from(body))
        await self._transactions.committed(
            attempt,
            lambda given: valid(
                lambda: QuestionRegister(given.connection, given.record).add(question, actor=given.actor.id)
            ),
        )
        return question_told(question)

    async def _asked(self, attempt: Attempt, shelf: Shelf) -> Question:
        """Return the question in the version asked for, else the latest that an agreement of the caller names, else the latest of all."""
        name = attempt.request.path_params["name"]
        named = [
            one
            for agreement in self._door.agreements(attempt, shelf.resource.code)
            for one in agreement.answer.questions
            if name in (one, one.partition("@")[0])
        ]
        question = await self._named(
            max(named, key=lambda one: int(one.partition("@")[2])) if named else name
        )
        if question.resource != shelf.resource.code:
            raise UnknownQuestion(
                "There is no such question on this resource.", hint="GET /v1/questions lists them."
            )
        try:
            question.check_against(shelf.resource)
        except (UnknownItem, ConfigurationError):
            raise UnknownQuestion(
                "The resource has another version now, which the question does not fit.",
                hint="Have its next version registered.",
            ) from None
        return question

    async def _named(self, named: str) -> Question:
        if named in self._known:
            return self._known[named]
        found = await self._transactions.alone(lambda connection: question_named(connection, named))
        if "@" in named:  # a version never changes
            self._known[named] = found
        return found

    async def _answers(
        self, shelf: Shelf, question: Question, rows: Sequence[Sequence[Row]]
    ) -> list[bool | None]:
        """Judge the records of every subject, all of them opened at once."""
        flat, today = [row for its in rows for row in its], self._door.today()
        records = iter(shelf.reader.records(flat, question.items))
        history = (
            await self._library.history(shelf, [row["_subject"] for row in flat])
            if question.looks_back
            else {}
        )
        return [
            question.answer([self._facts(shelf, question, row, next(records), history) for row in its], today)
            for its in rows
        ]

    def _facts(
        self,
        shelf: Shelf,
        question: Question,
        row: Row,
        values: Mapping[str, Any],
        history: Mapping[bytes, Sequence[Row]],
    ) -> Facts:
        if not question.looks_back:
            return Facts(values)
        before = history.get(row["_subject"], ())
        older = shelf.reader.records(before, question.items)
        versions = [
            (self._day(row), values),
            *((self._day(one), told) for one, told in zip(before, older, strict=True)),
        ]
        return Facts(values, versions)

    def _day(self, row: Row) -> date:
        return self._door.day(row["_valid_from"])

    def _told(
        self,
        shelf: Shelf,
        question: Question,
        call: Call,
        rows: Sequence[Sequence[Row]],
        answers: Sequence[bool | None],
    ) -> list[dict[str, Any]]:
        doubted = self._door.doubts(shelf.resource.code)
        told: list[dict[str, Any]] = [
            {"key": key, "answer": answer} for key, answer in zip(call.keys, answers, strict=True)
        ]
        for one, its in zip(told, rows, strict=True):
            if doubted is not None:
                mark([one] * len(its), its, question.items, doubted)
        return told


def _call(
    question: Question, asked_by: Item, body: Mapping[str, Any], stated: Stated, organisation: str
) -> Call:
    if body.keys() - set(_FIELDS):
        raise MalformedRequest(
            "There is a field that is not known.", hint=f"Known are: {', '.join(_FIELDS)}."
        )
    keys = body.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise MalformedRequest("Field keys must be a list of at least one text.")
    if len(keys) > MOST_KEYS:
        raise TooManyKeys(
            f"A question may be asked of {MOST_KEYS} subjects, not {len(keys)}.", hint="Split the call."
        )
    read = dict.fromkeys(
        checked_key(asked_by, tidy_identifier(asked_by, key), place) for place, key in enumerate(keys, 1)
    )
    return Call(
        [*read], (), question.by, False, stated, organisation, way=Way.DERIVE, question=question.named
    )
