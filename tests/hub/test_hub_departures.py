"""Rows that a department deletes: by a tombstone column, or by comparing keys; and a mass deletion is not believed."""

from dataclasses import replace

import pytest
from firms_register import FIRMS, SOURCE, register_in
from sqlalchemy import text

from connectors.definition import read_source
from hub.ingest import ingest_source
from infra.database import Role
from schemas.errors import TooManyDeletions


@pytest.fixture
def register(tmp_path):
    """A department's table of ten firms; ``run`` changes it."""
    run = register_in(tmp_path, ", ended TEXT")
    run("INSERT INTO firms VALUES (?, ?, ?, NULL)", *FIRMS)
    return run


@pytest.fixture
def firms(hub, tmp_path):
    """Return a function that gives the hub the one source, with changes to its definition."""

    def make(more: str):
        source = read_source(SOURCE + more, "firms.yaml", {"city": tmp_path})
        return replace(hub, sources={"firms": source})

    return make


def _left(hub) -> int:
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return connection.execute(text("SELECT count(*) FROM library.golden_legal_person")).scalar_one()


def test_rows_that_are_gone_are_found_by_comparing_keys(firms, register):
    hub = firms("deletions: {by: comparison, at_most: 0.3, every_hours: 0}")
    ingest_source(hub, "firms")
    register("DELETE FROM firms WHERE id IN (3, 4)")

    report = ingest_source(hub, "firms")

    assert (report.withdrawn, report.closed, _left(hub)) == (2, 2, 8)
    assert report.pulled == report.contributed + report.unchanged + report.quarantined
    assert ingest_source(hub, "firms").withdrawn == 0


def test_keys_are_compared_no_more_often_than_stated(firms, register):
    hub = firms("deletions: {by: comparison, at_most: 0.3, every_hours: 24}")
    ingest_source(hub, "firms")
    register("DELETE FROM firms WHERE id = 3")

    assert ingest_source(hub, "firms").withdrawn == 0


def test_a_department_that_lost_its_table_is_not_believed(firms, register):
    hub = firms("deletions: {by: comparison, at_most: 0.3, every_hours: 0}")
    ingest_source(hub, "firms")
    register("DELETE FROM firms WHERE id > 4")

    with pytest.raises(TooManyDeletions, match="5 of 10 rows"):
        ingest_source(hub, "firms")
    assert _left(hub) == 10


def test_a_tombstone_takes_back_what_was_said(firms, register):
    hub = firms("deletions: {by: tombstone, column: ended}")
    ingest_source(hub, "firms")
    register("UPDATE firms SET ended = '2026-01-05' WHERE id = 3")

    report = ingest_source(hub, "firms")

    assert (report.withdrawn, report.closed, report.unchanged, _left(hub)) == (1, 1, 9, 9)
    register("UPDATE firms SET ended = NULL WHERE id = 3")
    assert (ingest_source(hub, "firms").created, _left(hub)) == (1, 10)
