"""The documents are true: their examples run, their links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import documents
import pytest
import typer
from made_resources import MARRIAGE
from typer.testing import CliRunner

from hub.cli import app

ROOT = documents.ROOT
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path, language: str) -> list[str]:
    return documents.blocks(page.read_text(encoding="utf-8"), language)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_shown_exists_with_its_options(page):
    root = typer.main.get_command(app)
    for line in "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words or Path(words[0]).name != "hub":
            continue
        command, rest = root, words[1:]
        while rest and hasattr(command, "commands"):
            assert rest[0] in command.commands, line
            command, rest = command.commands[rest[0]], rest[1:]
        known = {name for told in command.params for name in (*told.opts, *told.secondary_opts)}
        given = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "--"}
        assert given <= known | {"--help", "-h"}, line


def test_the_suite_shown_is_the_shipped_one():
    (example,) = blocks(ROOT / "docs" / "quality.md", "yaml")

    assert example == (ROOT / "quality" / "suites" / "natural_person.yaml").read_text(encoding="utf-8")


def test_the_example_of_a_source_is_the_shipped_one():
    example, _ = blocks(ROOT / "docs" / "sources.md", "yaml")

    assert example == (ROOT / "connectors" / "sources" / "social_security.yaml").read_text(encoding="utf-8")


def test_the_resource_shown_is_the_one_that_is_published_in_tests():
    (example,) = blocks(ROOT / "docs" / "resources.md", "yaml")

    assert example.strip() == MARRIAGE.strip()


def test_the_draft_shown_is_what_the_command_writes(tmp_path, monkeypatch):
    page = ROOT / "docs" / "sources.md"
    (delivered,), (_, drafted), (script,) = (blocks(page, kind) for kind in ("csv", "yaml", "sh"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "home"))
    (tmp_path / "参保名单.csv").write_text(delivered, encoding="utf-8")

    done = CliRunner().invoke(app, shlex.split(script.splitlines()[0])[1:])

    assert done.exit_code == 0, done.output
    assert (tmp_path / "insured.yaml").read_text(encoding="utf-8") == drafted.replace("$PWD", str(tmp_path))


def test_the_readme_names_every_make_target_it_uses():
    described = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = set(re.findall(r"make ([a-z-]+)", described))
    used = set()
    for page in ("README.md", "CONTRIBUTING.md"):
        used |= set(
            re.findall(r"(?:^|`|\s)make ([a-z-]+)", "\n".join(blocks(ROOT / page, "sh")), re.MULTILINE)
        )

    assert used
    assert used <= targets


def test_the_readme_by_hand_works_as_written(tmp_path):
    """Run the block as it stands, with this interpreter's hub and a home of its own."""
    (script,) = [block for block in blocks(ROOT / "README.md", "sh") if "hub city build" in block]
    script = script.replace("$PWD/.hub/mine", str(tmp_path / "mine")).replace(
        ".venv/bin/hub", f"{Path(sys.executable).parent}/hub"
    )

    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "natural_person" in done.stdout
    assert "Agreement approval-desk.division_area is in force" in done.stdout
