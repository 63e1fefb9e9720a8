"""When a source delivered and whether it could be read, as scores."""

from datetime import UTC, datetime, timedelta

import pytest

from quality.deliveries import CYCLES, Delivery, accessibility, timeliness
from schemas.resource import resources_shipped

START = datetime(2026, 1, 1, 2, tzinfo=UTC)


def _days(*numbers, behind=0.0):
    moments = [START + timedelta(days=number) for number in numbers]
    return [Delivery(moment, moment - timedelta(days=behind)) for moment in moments]


def _told(deliveries, cycle, after_last=0.0):
    now = (deliveries[-1].received_at if deliveries else START) + timedelta(days=after_last)
    return {score.name: (score.rows, score.dirty) for score in timeliness(deliveries, cycle, now)}


@pytest.mark.parametrize(
    ("days", "after_last", "rows", "dirty"),
    [
        ((), 9, 0, 0),  # nothing came yet: nothing to hold it against
        ((0,), 1.4, 0, 0),  # the next update is within its grace
        ((0,), 1.6, 1, 1),
        ((0, 1, 2, 3), 0.5, 3, 0),
        ((0, 1.1, 1.95, 3.2), 0.5, 3, 0),  # minutes early or late are no matter
        ((0, 1, 4), 0.2, 4, 2),  # two days without an update
        ((0, 1), 10, 10, 9),
    ],
)
def test_updates_are_held_against_the_declared_cycle(days, after_last, rows, dirty):
    assert _told(_days(*days), "daily", after_last)["punctual"] == (rows, dirty)


def test_a_yearly_resource_is_not_late_after_a_month_and_one_without_cycle_never():
    assert _told(_days(0, 30), "yearly", 100)["punctual"] == (1, 0)
    assert _told(_days(0, 30), "other", 1000) == {"punctual": (0, 0), "period": (0, 0), "sequence": (1, 0)}


def test_a_delivery_of_old_rows_only_is_not_of_its_period():
    deliveries = [*_days(0, behind=300), *_days(1, behind=0.9), Delivery(START + timedelta(days=2))]
    assert _told(deliveries, "daily")["period"] == (2, 1)


def test_an_older_delivery_that_comes_late_is_out_of_sequence():
    deliveries = [*_days(0, behind=1), *_days(1, behind=5), *_days(2, behind=1)]
    assert _told(deliveries, "daily")["sequence"] == (2, 1)


def test_only_what_the_departments_system_refused_counts_against_it():
    problems = [
        None,
        None,
        "source_unreachable",
        "missing_column",
        "batch_refused",
        "ledger_unavailable",
        "KeyError",
    ]
    (score,) = accessibility(problems)
    assert (score.rows, score.dirty, score.score) == (5, 2, 60)
    assert accessibility([])[0].score is None


def test_every_cycle_a_resource_declares_is_known():
    assert {resource.update_cycle for resource in resources_shipped().values()} <= {*CYCLES, "other"}
