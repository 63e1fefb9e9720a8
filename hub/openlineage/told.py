"""What an event tells of, before it is one: light to make, so that a run waits for nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.datasets import Dataset
from connectors.source import Source
from connectors.window import Window
from quality.report import RuleScore
from schemas.resource import Resource


@dataclass(frozen=True)
class Parent:
    """The run that this one is part of, such as an Airflow task, and the whole that both are part of."""

    namespace: str
    job: str
    run: str
    root_job: str
    root_run: str


@dataclass(frozen=True)
class Told:
    """What an event tells of: a run over ``source``, from data set to data set; ``parent`` and ``window`` where it has them."""

    run: str
    namespace: str
    source: Source
    resource: Resource
    read: Dataset
    written: Dataset
    parent: Parent | None = None
    window: Window | None = None


@dataclass(frozen=True)
class Counted:
    """What a run did, in counts; ``types`` are those of the source's columns as far as its system tells them."""

    pulled: int = 0
    written: int = 0
    scores: Sequence[RuleScore] = ()
    types: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Problem:
    """Why a run did not end well: an error's code and title, never its words, which may quote a place in a system."""

    code: str
    title: str
