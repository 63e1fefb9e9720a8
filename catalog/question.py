"""A question (派生核验): a yes or no about a subject, defined once as readable data, so that nobody needs the items it turns on.

``asks`` is an expression: ``{all: […]}``, ``{any: […]}``, ``{not: …}``, or a test of an item (``catalog.question_tests``) such as
``{item: date_of_birth, reached: {years: 18}}``. What is not known stays so: no is said only where no value could change it (Kleene).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import yaml

from catalog.question_tests import TESTS, Facts
from schemas.errors import ConfigurationError, DefinitionError
from schemas.resource import Resource

NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
NAMED = re.compile(r"^[a-z][a-z0-9_]{0,39}@[1-9][0-9]{0,5}$")
DEEPEST, MOST_TESTS = 8, 40
_FIELDS = frozenset({"name", "version", "title", "title_en", "resource", "legal_basis", "asks", "by", "of"})
_REQUIRED = ("name", "version", "title", "resource", "legal_basis", "asks")


class Of(StrEnum):
    """Of which of a subject's records it is asked."""

    RECORD = "record"
    ANY = "any"
    NONE = "none"


class Combined(StrEnum):
    """How expressions are put together."""

    ALL = "all"
    ANY = "any"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Tested:
    """A test of one item, with its argument."""

    item: str
    test: str
    argument: Any

    def told(self, facts: Facts, today: date) -> bool | None:
        """Answer of a record."""
        return TESTS[self.test].judge(self.item, self.argument, facts, today)

    def tests(self) -> Iterator["Tested"]:
        """Yield every test in it."""
        yield self


@dataclass(frozen=True, slots=True)
class Combination:
    """Expressions put together; ``not`` has one."""

    how: Combined
    parts: tuple["Expression", ...]

    def told(self, facts: Facts, today: date) -> bool | None:
        """Answer of a record."""
        verdicts = [part.told(facts, today) for part in self.parts]
        if self.how is Combined.NOT:
            return _not(verdicts[0])
        return any_of(verdicts) if self.how is Combined.ANY else _not(any_of([_not(one) for one in verdicts]))

    def tests(self) -> Iterator[Tested]:
        """Yield every test in it."""
        for part in self.parts:
            yield from part.tests()


Expression = Tested | Combination


def any_of(verdicts: Sequence[bool | None]) -> bool | None:
    """Tell whether one of them is yes; None where none is and one is not known."""
    return True if True in verdicts else None if None in verdicts else False


def _not(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


@dataclass(frozen=True, slots=True)
class Question:
    """One version of a question; it never changes. ``by`` is the lookup item that subjects are asked by, None the resource's key."""

    name: str
    version: int
    title: str
    resource: str
    legal_basis: str
    asks: Expression
    told_as: Mapping[str, Any]
    title_en: str = ""
    by: str | None = None
    of: Of = Of.RECORD

    @property
    def named(self) -> str:
        """Name and version, as agreements state it."""
        return f"{self.name}@{self.version}"

    @property
    def items(self) -> tuple[str, ...]:
        """The items it turns on, each once."""
        return tuple(dict.fromkeys(one.item for one in self.asks.tests()))

    @property
    def looks_back(self) -> bool:
        """Whether versions of a record are asked for."""
        return any(one.test == "held" for one in self.asks.tests())

    def answer(self, records: Sequence[Facts], today: date) -> bool | None:
        """Answer of a subject's records, all of them agreed; None where it is not known."""
        if self.of is Of.RECORD and not records:
            return None
        told = any_of([self.asks.told(facts, today) for facts in records])
        return _not(told) if self.of is Of.NONE else told

    def check_against(self, resource: Resource) -> None:
        """Raise ``UnknownItem``, or ``ConfigurationError`` where an item cannot be asked so."""
        if self.by is not None and self.by not in [item.name for item in resource.lookup_items]:
            raise ConfigurationError(
                f"Question {self.name} is asked by {self.by}, which is no lookup item of {resource.code}."
            )
        for one in self.asks.tests():
            if (fault := TESTS[one.test].fault(resource.item(one.item), one.argument)) is not None:
                raise ConfigurationError(
                    f"Item {one.item} of {resource.code} {fault}.",
                    hint=f"Test {one.test} of question {self.name}.",
                )


def question_from(told: Any) -> Question:
    """Read a question from a mapping, or raise ``ConfigurationError``."""
    if not isinstance(told, Mapping):
        raise ConfigurationError("A question is a mapping of names to values.", hint="See docs/questions.md.")
    if missing := [name for name in _REQUIRED if name not in told]:
        raise ConfigurationError(
            f"The question states no {', '.join(missing)}.", hint="See docs/questions.md."
        )
    if unknown := sorted(str(name) for name in told.keys() - _FIELDS):
        raise ConfigurationError(f"The question states {', '.join(unknown)[:200]}, which no question has.")
    texts = {name: _text(told, name) for name in ("name", "title", "resource", "legal_basis")}
    if not NAME.match(texts["name"]):
        raise ConfigurationError("The name of a question is not lower-case letters, digits and underscores.")
    if type(told["version"]) is not int or not 1 <= told["version"] < 10**6:
        raise ConfigurationError("The version of a question is a whole number from 1.")
    by = None if told.get("by") is None else _text(told, "by")
    asks = _expression(told["asks"], 1)
    if len(list(asks.tests())) > MOST_TESTS:
        raise ConfigurationError(f"A question may test {MOST_TESTS} times.")
    try:
        of = Of(told.get("of", "record"))
    except ValueError:
        raise ConfigurationError("A question is asked of record, any or none.") from None
    if by is not None and of is Of.RECORD:
        raise ConfigurationError(
            "By a lookup item there may be several records.", hint="Write of: any, or of: none."
        )
    english = _text(told, "title_en") if told.get("title_en") else ""
    return Question(
        **texts, version=told["version"], asks=asks, told_as=dict(told), title_en=english, by=by, of=of
    )


def read_question(text: str, origin: str) -> Question:
    """Read a question from YAML or JSON; ``DefinitionError`` names the file."""
    try:
        return question_from(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError):
        raise DefinitionError(f"{origin} is not YAML.") from None
    except ConfigurationError as error:
        raise DefinitionError(f"{origin}: {error.detail}", hint=error.hint) from None


@cache
def questions_shipped() -> Mapping[str, Question]:
    """Every question under ``catalog/questions``, by name and version."""
    folder = resources.files("catalog") / "questions"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name
    )
    found = [read_question(file.read_text(encoding="utf-8"), file.name) for file in files]
    return {question.named: question for question in found}


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told[name]
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > 300:
        raise ConfigurationError(f"Field {name} of a question must be a text of at most 300 characters.")
    return value.strip()


def _expression(told: Any, depth: int) -> Expression:
    if depth > DEEPEST:
        raise ConfigurationError(f"A question is nested deeper than {DEEPEST} levels.")
    match told:
        case {"item": str(item), **rest} if len(rest) == 1 and (test := str(next(iter(rest)))) in TESTS:
            return Tested(item, test, TESTS[test].read(told[test]))
        case {"not": part, **rest} if not rest:
            return Combination(Combined.NOT, (_expression(part, depth + 1),))
        case {"all": [_, *_] as parts, **rest} | {"any": [_, *_] as parts, **rest} if not rest:
            how = Combined.ALL if "all" in told else Combined.ANY
            return Combination(how, tuple(_expression(part, depth + 1) for part in parts))
    raise ConfigurationError(
        "What a question asks is of no known form.",
        hint=f"Write {{all: […]}}, {{any: […]}}, {{not: …}} or {{item: …}} with one of: {', '.join(TESTS)}.",
    )
