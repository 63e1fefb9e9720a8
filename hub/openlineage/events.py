"""The events of one run: START, then COMPLETE, FAIL or ABORT, with the facets of OpenLineage's own model.

Columns of the source that the hub does not read are not told of (Decree 809, article 25), nor is any least, greatest or example
value: data quality is told in counts.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    documentation_job,
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    ownership_job,
    parent_run,
    processing_engine_run,
    schema_dataset,
)

from connectors.transforms import Kind, Transformation, transformations
from hub.openlineage.told import Counted, Parent, Problem, Told
from quality.report import RuleScore
from quality.rules import Severity

Facet = TypeVar("Facet")
STATES: Mapping[str, RunState] = {
    "done": RunState.COMPLETE, "refused": RunState.FAIL, "failed": RunState.FAIL, "stopped": RunState.ABORT,
}  # fmt: skip


def _version() -> str:
    try:
        return version("exchange-hub")
    except PackageNotFoundError:  # run from a folder, never installed
        return "0"


PRODUCER = f"urn:exchange-hub:{_version()}"


def started(told: Told, at: datetime) -> RunEvent:
    """Return the event of a run that begins."""
    return _event(told, at, RunState.START, Counted(), None)


def ended(told: Told, at: datetime, outcome: str, counted: Counted, problem: Problem | None) -> RunEvent:
    """Return the event of a run that ended: ``outcome`` is one of ``STATES``."""
    return _event(told, at, STATES[outcome], counted, problem)


def _event(told: Told, at: datetime, state: RunState, counted: Counted, problem: Problem | None) -> RunEvent:
    over = state is not RunState.START
    return RunEvent(
        eventTime=at.isoformat(),
        eventType=state,
        producer=PRODUCER,
        run=Run(told.run, _run_facets(told, problem)),
        job=Job(told.namespace, f"ingest.{told.source.code}", _job_facets(told)),
        inputs=[_input(told, counted, over=over)],
        outputs=[_output(told, counted, over=over)],
    )


def _made(kind: Callable[..., Facet], **fields: Any) -> Facet:
    return kind(producer=PRODUCER, **fields)


# ── run and job ──────────────────────────────────────────────────────────────────────────────────────


def _run_facets(told: Told, problem: Problem | None) -> dict[str, Any]:
    engine = processing_engine_run.ProcessingEngineRunFacet
    facets: dict[str, Any] = {
        "processing_engine": _made(engine, version=PRODUCER.rpartition(":")[2], name="exchange-hub")
    }
    if told.parent is not None:
        facets["parent"] = _parent(told.parent)
    if told.window is not None:
        facets["nominalTime"] = _made(
            nominal_time_run.NominalTimeRunFacet,
            nominalStartTime=told.window.since.isoformat(),
            nominalEndTime=told.window.until.isoformat(),
        )
    if problem is not None:
        facets["errorMessage"] = _made(
            error_message_run.ErrorMessageRunFacet,
            message=f"{problem.code}: {problem.title}",
            programmingLanguage="PYTHON",
        )
    return facets


def _parent(parent: Parent) -> parent_run.ParentRunFacet:
    return _made(
        parent_run.ParentRunFacet,
        run=parent_run.Run(parent.run),
        job=parent_run.Job(parent.namespace, parent.job),
        root=parent_run.Root(
            parent_run.RootRun(parent.root_run), parent_run.RootJob(parent.namespace, parent.root_job)
        ),
    )


def _job_facets(told: Told) -> dict[str, Any]:
    owner = ownership_job.Owner(told.source.department, "department")
    described = f"{told.source.title} → {told.resource.title}"
    return {
        "jobType": _made(job_type_job.JobTypeJobFacet, processingType="BATCH", integration="EXCHANGE_HUB", jobType="INGEST"),
        "ownership": _made(ownership_job.OwnershipJobFacet, owners=[owner]),
        "documentation": _made(documentation_job.DocumentationJobFacet, description=described),
    }  # fmt: skip


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────


def _input(told: Told, counted: Counted, *, over: bool) -> InputDataset:
    types = counted.types or {}
    fields = [schema_dataset.SchemaDatasetFacetFields(name, types.get(name)) for name in told.source.columns]
    facets: dict[str, Any] = {"schema": _made(schema_dataset.SchemaDatasetFacet, fields=fields)}
    found: dict[str, Any] = {}
    if over:
        columns = _column_of(told)
        found["inputStatistics"] = _made(
            input_statistics_input_dataset.InputStatisticsInputDatasetFacet, rowCount=counted.pulled
        )
        found["dataQualityMetrics"] = _metrics(counted, columns)
        if assertions := _assertions(counted.scores, columns):
            kind = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet
            found["dataQualityAssertions"] = _made(kind, assertions=assertions)
    return InputDataset(told.read.namespace, told.read.name, facets=facets, inputFacets=found)


def _column_of(told: Told) -> dict[str, str]:
    """Return the column of each item that has one of its own: a rule on the item is one on the column."""
    found = transformations(told.source, told.resource)
    return {item: one.columns[0] for item, one in found.items() if len(one.columns) == 1}


def _metrics(counted: Counted, columns: Mapping[str, str]) -> Any:
    kind = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet
    missing = {
        columns[score.item or ""]: data_quality_metrics_input_dataset.ColumnMetrics(
            nullCount=score.dirty, count=score.rows - score.dirty
        )
        for score in counted.scores
        if score.name == "not_null" and score.item in columns
    }
    return _made(kind, columnMetrics=missing, rowCount=counted.pulled)


def _assertions(scores: Sequence[RuleScore], columns: Mapping[str, str]) -> list[Any]:
    return [
        data_quality_assertions_dataset.Assertion(
            assertion=score.name,
            success=score.dirty == 0,
            column=columns.get(score.item or ""),
            severity="warn" if score.severity is Severity.WARNING else "error",
            name=score.title,
            actual=f"{score.dirty} of {score.rows} rows",
        )
        for score in scores
        if score.rows
    ]


# ── what is written ──────────────────────────────────────────────────────────────────────────────────


def _output(told: Told, counted: Counted, *, over: bool) -> OutputDataset:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(item.name, item.type.name.lower(), item.title)
        for item in told.resource.items
    ]
    facets: dict[str, Any] = {
        "schema": _made(schema_dataset.SchemaDatasetFacet, fields=fields),
        "columnLineage": _column_lineage(told),
    }
    kind = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    found: dict[str, Any] = {"outputStatistics": _made(kind, rowCount=counted.written)} if over else {}
    return OutputDataset(told.written.namespace, told.written.name, facets=facets, outputFacets=found)


def _column_lineage(told: Told) -> Any:
    fields = {
        item: column_lineage_dataset.Fields([_direct(told, item, one, column) for column in one.columns])
        for item, one in transformations(told.source, told.resource).items()
        if one.kind is not Kind.CONSTANT
    }
    kind = column_lineage_dataset.ColumnLineageDatasetFacet
    return _made(kind, fields=fields, dataset=_indirect(told))


def _direct(told: Told, item: str, found: Transformation, column: str) -> Any:
    """A sealed item is told as masked: nobody gets the original from where it is written."""
    how = column_lineage_dataset.Transformation(
        "DIRECT", found.kind.value.upper(), "; ".join(found.steps), told.resource.item(item).sealed
    )
    return column_lineage_dataset.InputField(told.read.namespace, told.read.name, column, [how])


def _indirect(told: Told) -> list[Any]:
    """Return the columns that decide of whole rows: whose they are, which come at all, and which word is the later one."""
    source = told.source
    key = source.mapping[told.resource.key.name].source_columns
    marks = [*((column, "GROUP_BY", "records are made one of a subject") for column in key)]
    if source.watermark is not None:
        marks.append((source.watermark.column, "FILTER", "shows what is new"))
    if source.tombstone is not None:
        marks.append((source.tombstone.column, "FILTER", "tells which rows are gone"))
    if source.observed_at is not None:
        marks.append((source.observed_at, "SORT", "of words of one rank the latest wins"))
    return [
        column_lineage_dataset.InputField(
            told.read.namespace, told.read.name, column,
            [column_lineage_dataset.Transformation("INDIRECT", how, why, False)],
        )
        for column, how, why in marks
    ]  # fmt: skip
