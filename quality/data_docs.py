"""Data Docs: Great Expectations' own pages over the validation results that batches left, made to be read offline.

Every source's suite has a page, and so has each of its last validations. The pages come from the report's counts alone, so
that no value of a record can be on them. Great Expectations' pages load styles and scripts from the web and draw their
index with them; here each page carries its style, no script, and a policy that keeps a browser from loading anything.
"""

import ast
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from quality.report import RuleScore
from quality.rules import Rule
from quality.suites import expectation
from schemas.errors import DataDocsNotMade
from schemas.resource import Resource

SITE = "data_docs"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; font-src 'self'"
# Great Expectations writes the rows of its index as literals into a script: an id, columns, data.
_INDEX = re.compile(
    r"\$\('#([\w-]+)'\)\.bootstrapTable\(\s*Object\.assign\(\s*\{\s*columns: (\[.*\]),\s*data: (\[.*\]),"
)


@dataclass(frozen=True)
class Validation:
    """What was found in one batch: the scores of its rules; ``name`` tells batches apart."""

    name: str
    at: datetime
    scores: Sequence[RuleScore]


@dataclass(frozen=True)
class Documented:
    """One source's rules over a resource, and its latest validations."""

    source: str
    resource: Resource
    rules: Sequence[Rule]
    validations: Sequence[Validation]

    @property
    def suite_name(self) -> str:
        """What the suite is called on the pages."""
        return f"{self.resource.code}.{self.source}"


def publish(folder: Path, documented: Sequence[Documented]) -> Path:
    """Write the site into ``folder``, in place of one that was there; returns its index page.

    Raises ``DataDocsNotMade`` when a page is missing, for Great Expectations only logs that it could not make one, and when
    the folder holds something else.
    """
    _check_folder(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    context = _context(folder)
    for source in documented:
        _add(context, source)
    context.build_data_docs()
    wanted = {"expectations": len(documented), "validations": sum(len(s.validations) for s in documented)}
    for section, number in wanted.items():
        made = len(list((folder / section).rglob("*.html")))
        if made != number:
            raise DataDocsNotMade(f"{made} of {number} pages of {section} were made in {folder}.")
    for page in folder.rglob("*.html"):
        _make_offline(page)
    return folder / "index.html"


def _check_folder(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / "index.html").exists():
        raise DataDocsNotMade(
            f"{folder} holds something else than Data Docs.", hint="Name an empty or a new folder with --out."
        )


# ── Great Expectations' part ─────────────────────────────────────────────────────────────────────────


def _context(folder: Path) -> Any:
    import great_expectations
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    defaults = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    defaults.data_docs_sites = {
        SITE: {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        }
    }
    return great_expectations.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=defaults,
            progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
            analytics_enabled=False,
        ),
    )


def _add(context: Any, documented: Documented) -> None:
    from great_expectations.core import ExpectationSuite
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    judged = [rule for rule in documented.rules if rule.by_great_expectations]
    expectations = {(rule.item, rule.name): expectation(documented.resource, rule) for rule in judged}
    context.suites.add(ExpectationSuite(name=documented.suite_name, expectations=list(expectations.values())))
    configurations = {place: found.configuration for place, found in expectations.items()}
    for validation in documented.validations:
        result = _result(documented.suite_name, validation, configurations)
        key = ValidationResultIdentifier(
            expectation_suite_identifier=ExpectationSuiteIdentifier(documented.suite_name),
            run_id=result.meta["run_id"],
            batch_identifier=validation.name,
        )
        context.validation_results_store.set(key, result)


def _result(suite: str, validation: Validation, configurations: Mapping[Any, Any]) -> Any:
    from great_expectations.core import ExpectationSuiteValidationResult, RunIdentifier

    results = [
        _finding(score, configurations[score.item, score.name])
        for score in validation.scores
        if score.rows and (score.item, score.name) in configurations
    ]
    successful = sum(result.success for result in results)
    return ExpectationSuiteValidationResult(
        success=successful == len(results),
        results=results,
        suite_name=suite,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": successful,
            "unsuccessful_expectations": len(results) - successful,
            "success_percent": 100 * successful / len(results) if results else None,
        },
        meta={
            "run_id": RunIdentifier(run_name=validation.name, run_time=validation.at),
            "expectation_suite_name": suite,
            "batch_spec": {"data_asset_name": suite, "batch": validation.name},
        },
    )


def _finding(score: RuleScore, configuration: Any) -> Any:
    from great_expectations.core import ExpectationValidationResult

    return ExpectationValidationResult(
        success=score.dirty == 0,
        expectation_config=configuration,
        result={
            "element_count": score.rows,
            "unexpected_count": score.dirty,
            "unexpected_percent": 100 * score.dirty / score.rows,
        },
        exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
    )


# ── our part: pages that need no network ─────────────────────────────────────────────────────────────


def _make_offline(page: Path) -> None:
    from lxml import html

    text = page.read_text(encoding="utf-8")
    root: Any = html.document_fromstring(text)
    for table, columns, data in _INDEX.findall(text):
        _fill(root.get_element_by_id(table), ast.literal_eval(columns), ast.literal_eval(data))
    for element in list(_from_elsewhere(root)):
        element.drop_tree()
    for link in root.xpath("//a[starts-with(@href, 'http')]"):
        link.attrib.pop("href")
    for own in root.iter("style"):
        own.text = re.sub(r"url\(['\"]?https?:[^)]*\)", "none", own.text or "")
    for element in root.iter("*"):
        for name in [name for name in element.attrib if name.startswith("on")]:
            del element.attrib[name]
    style = (resources.files("quality") / "data_docs.css").read_text(encoding="utf-8")
    head = root.find("head")
    head.insert(
        0, html.fragment_fromstring(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">')
    )
    head.append(html.fragment_fromstring(f"<style>{style}</style>"))
    page.write_bytes(html.tostring(root, encoding="utf-8", doctype="<!DOCTYPE html>"))


def _from_elsewhere(root: Any) -> Iterator[Any]:
    """Yield what asks the network, runs, or invites to a service."""
    yield from root.xpath("//script | //link[starts-with(@href, 'http')] | //img[starts-with(@src, 'http')]")
    yield from root.xpath(
        "//footer | //button | //*[contains(@class, 'modal')][not(ancestor::*[contains(@class, 'modal')])]"
    )


def _fill(table: Any, columns: Sequence[Mapping[str, str]], rows: Sequence[Mapping[str, str]]) -> None:
    """Write the rows that a script would have drawn, each linked to its page; the newest first."""
    from lxml import html

    heads = "".join(f"<th>{told['title']}</th>" for told in columns)
    table.append(html.fragment_fromstring(f"<tr>{heads}<th>Page</th></tr>"))
    for row in sorted(rows, key=lambda row: row.get("run_time", ""), reverse=True):
        cells = [f"<td>{row.get(told['field'], '')}</td>" for told in columns]
        link = f'<td><a href="{row["_table_row_link_path"]}">open</a></td>'
        table.append(html.fragment_fromstring(f"<tr>{''.join(cells)}{link}</tr>"))
