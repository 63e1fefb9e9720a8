"""Questions that administrators define beside those that are shipped: version by version, each with its ledger entry, none ever changed."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Column, Connection, DateTime, Integer, Table, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB

from catalog.agreement import Agreement
from catalog.question import NAMED, Question, question_from, questions_shipped
from catalog.recorded import Recorded
from catalog.tables import METADATA
from schemas.errors import AlreadyRegistered, ConfigurationError, UnknownQuestion
from schemas.resource import Resource, resource_named

LARGEST = 64 * 1024  # bytes of a definition
QUESTION = Table(
    "question",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("resource", Text),
    Column("definition", JSONB),
    Column("registered_by", Text),
    Column("registered_at", DateTime(timezone=True), server_default=func.now()),
)


class QuestionRegister(Recorded):
    """Writes questions, on a connection whose transaction the caller commits."""

    def add(self, question: Question, *, actor: str) -> None:
        """Register a question, or its next version; it is held against its resource first.

        ``AlreadyRegistered`` for a name that is shipped or a version that is there, ``ConfigurationError`` for one that does not follow.
        """
        resource = resource_named(question.resource)
        resource.check_in_use()
        question.check_against(resource)
        if len(orjson.dumps(question.told_as)) > LARGEST:
            raise ConfigurationError(f"A question is defined in at most {LARGEST} bytes.")
        if any(one.name == question.name for one in questions_shipped().values()):
            raise AlreadyRegistered(
                f"Question {question.name} is shipped with the hub.", hint="Give yours another name."
            )
        self._check_follows(question)
        values = {"name": question.name, "version": question.version, "resource": question.resource}
        told = {**values, "items": list(question.items), "legal_basis": question.legal_basis}
        self._add(
            QUESTION,
            values | {"definition": dict(question.told_as), "registered_by": actor},
            question.named,
            actor,
            told,
        )

    def _check_follows(self, question: Question) -> None:
        query = select(QUESTION.c.version, QUESTION.c.resource).where(QUESTION.c.name == question.name)
        versions = [tuple(row) for row in self._connection.execute(query.order_by(QUESTION.c.version))]
        if any(version == question.version for version, _ in versions):
            raise AlreadyRegistered(
                f"Question {question.named} is registered already; a version never changes."
            )
        if question.version != len(versions) + 1:
            raise ConfigurationError(f"The next version of question {question.name} is {len(versions) + 1}.")
        if versions and versions[-1][1] != question.resource:
            raise ConfigurationError(f"Question {question.name} is about resource {versions[-1][1]}.")


def question_named(connection: Connection, named: str) -> Question:
    """Return a question by its name, in its latest version, or by name and version; ``UnknownQuestion`` where there is none."""
    name, _, version = named.partition("@")
    shipped = [one for one in questions_shipped().values() if named in (one.name, one.named)]
    if shipped:
        return max(shipped, key=lambda one: one.version)
    if not NAMED.match(f"{name}@{version or 1}"):
        raise _unknown()
    query = (
        select(QUESTION.c.definition)
        .where(QUESTION.c.name == name)
        .order_by(QUESTION.c.version.desc())
        .limit(1)
    )
    if version:
        query = query.where(QUESTION.c.version == int(version))
    found = connection.execute(query).scalar()
    if found is None:
        raise _unknown()
    return question_from(found)


def every_question(connection: Connection) -> list[Question]:
    """Return every version of every question, those that are shipped first."""
    query = select(QUESTION.c.definition).order_by(QUESTION.c.name, QUESTION.c.version)
    return [*questions_shipped().values(), *map(question_from, connection.execute(query).scalars())]


def check_questions(connection: Connection, agreement: Agreement, resource: Resource) -> None:
    """Raise ``UnknownQuestion`` where an agreement names one that is not there, or is about another resource than its own.

    Else whoever registers it later would say what was agreed. What does not fit the resource as it is, or as it will be, is told as
    ``Question.check_against`` tells it.
    """
    for named in agreement.answer.questions:
        question = question_named(connection, named)
        if question.resource != resource.code:
            raise UnknownQuestion(
                f"Question {named} is not about {resource.code}.", hint="Run: hub question list"
            )
        question.check_against(resource)


def question_told(question: Question) -> Mapping[str, Any]:
    """Describe a question as JSON does: its definition, and the items that it turns on."""
    return {**question.told_as, "items": list(question.items)}


def _unknown() -> UnknownQuestion:
    return UnknownQuestion(
        "There is no question of that name.", hint="GET /v1/questions, or hub question list, lists them."
    )
