"""Ingesting several sources before a user's eyes."""

from collections.abc import Iterable
from typing import Any

from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connectors.window import Window
from hub.commands.screen import console
from hub.composition import Hub
from hub.ingest import Step, ingest_source
from hub.source_report import SourceReport
from schemas.errors import HubError


def ingest_each(
    hub: Hub,
    codes: Iterable[str],
    batch_rows: int | None = None,
    *,
    window: Window | None = None,
    quiet: bool = False,
) -> tuple[list[SourceReport], dict[str, HubError]]:
    """Ingest source by source with a progress line each; one that fails never stops the next."""
    reports: list[SourceReport] = []
    failures: dict[str, HubError] = {}
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=quiet) as progress:
        for code in codes:
            line = progress.add_task(f"{code}", total=None)

            def advance(step: Step, line: Any = line, code: str = code) -> None:
                progress.update(
                    line,
                    description=f"{code}: {step.stage}",
                    advance=step.rows if step.stage == "commit" else 0,
                )

            try:
                report = ingest_source(hub, code, progress=advance, batch_rows=batch_rows, window=window)
                reports.append(report)
                progress.update(line, description=code, total=reports[-1].pulled)
            except HubError as error:
                failures[code] = error
                progress.update(line, description=f"{code}: {error.title}")
    return reports, failures
