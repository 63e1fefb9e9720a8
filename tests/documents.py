"""The project's pages as tests read them: their fenced blocks, and the commands that these show."""

import re
import shlex
import subprocess
from pathlib import Path

from typer.testing import CliRunner

from hub.cli import app

ROOT = Path(__file__).parents[1]


def page(name: str) -> str:
    """Return the text of a page of ``docs/``."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return what stands in the fenced blocks whose fence says that language, and all that it says."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(script: str, code: int = 0) -> list[str]:
    """Run a block as a person types it in, and return what each ``hub`` said; each has to end with that status.

    ``hub`` runs in this process, which has imported it already; what stands between is the shell's.
    """
    said, between = [], []
    for line in script.splitlines():
        words = shlex.split(line, comments=True) if line.startswith("hub ") else []
        if not words:
            between.append(line)
            continue
        subprocess.run(["sh", "-eu", "-c", "\n".join(between)], check=True)
        between = []
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code == code, (line, done.output, done.exception)
        said.append(done.output)
    assert not any(between), "what follows the last command would not run"
    return said
