"""The command line: help, clear errors, exit codes, JSON."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app, main
from hub.commands import screen
from hub.server import answers, free_port
from infra.place import locked
from schemas.errors import ConfigurationError, UnknownSource

HUB = Path(sys.executable).parent / "hub"


@pytest.fixture
def hub_environment(hub_settings, monkeypatch):
    """Commands run in this process, on the test's own database."""
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    return hub_settings


def run(*arguments: str, answer: str | None = None):
    return CliRunner().invoke(app, list(arguments), input=answer)


COMMANDS = [
    [], ["demo"], ["serve"], ["ingest"], ["status"], ["call"], ["bench"], ["city"], ["city", "build"], ["city", "live"],
    ["client", "add"], ["client", "list"], ["agreement", "add"], ["agreement", "list"], ["explain", "call"], ["audit", "tail"], ["audit", "seal"],
    ["audit", "verify"], ["db", "upgrade"], ["db", "reset"], ["source", "init"], ["source", "list"], ["source", "check"], ["source", "drift"],
    ["source", "accept"], ["quarantine", "groups"], ["quarantine", "list"], ["quarantine", "export"],
    ["quarantine", "take-back"], ["quarantine", "replay"], ["quarantine", "dismiss"], ["quarantine", "escalate"],
    ["quality", "scorecard"], ["quality", "history"], ["quality", "consistency"], ["quality", "docs"],
    ["codes", "list"], ["codes", "show"], ["codes", "import"], ["codes", "changes"], ["codes", "at"], ["codes", "history"],
    ["codes", "events"], ["codes", "crosswalk"], ["codes", "search"],
    ["organisation", "add"], ["organisation", "move"], ["organisation", "rename"], ["organisation", "office"], ["organisation", "list"],
    ["person", "add"], ["person", "roles"], ["person", "suspend"], ["person", "resume"], ["person", "list"],
    ["person", "password"], ["person", "totp"], ["person", "unlock"],
    ["client", "suspend"], ["client", "resume"], ["client", "key", "add"], ["client", "key", "retire"], ["client", "key", "list"],
    ["resource", "publish"], ["resource", "list"], ["resource", "show"], ["resource", "withdraw"],
    ["resource", "plan"], ["resource", "migrate"], ["resource", "contract"],
    ["airflow"], ["schedule"], ["schedule", "pause"], ["schedule", "resume"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "hub")
def test_every_command_has_help(command):
    shown = run(*command, "--help")

    assert shown.exit_code == 0
    assert len(shown.output.splitlines()) > 5


def test_upgrade_then_status(hub_environment):
    assert run("db", "upgrade").exit_code == 0
    shown = run("status", "--json")

    assert shown.exit_code == 0
    told = json.loads(shown.output)
    assert ["natural_person", 0, 0, 0] in told["libraries"]
    assert told["sources"][0][0] == "public_security"
    ((lacking, needed, is_needed),) = told["calendar"]
    assert (str(lacking - 1) in needed, is_needed) == (True, False)


def test_ingest_wants_a_source_that_exists(hub_environment):
    run("db", "upgrade")

    with pytest.raises(UnknownSource, match="or say --all"):
        CliRunner().invoke(app, ["ingest"], catch_exceptions=False)
    failed = run("ingest", "tax_office")
    assert failed.exit_code == 1
    assert "There is no source 'tax_office'. Registered are: public_security" in failed.output


def test_a_system_and_its_agreement(hub_environment):
    run("db", "upgrade")
    added = run("client", "add", "desk", "--organisation", "11500000MB1670604W", "--json")
    assert added.exit_code == 0, added.output
    key = Path(json.loads(added.output)["private_key"])
    assert key.stat().st_mode & 0o777 == 0o600

    terms = ["--purpose", "审批", "--legal-basis", "食品安全法", "--item", "name"]
    assert run("agreement", "add", "desk", "legal_person", *terms).exit_code == 0
    (listed,) = json.loads(run("agreement", "list", "--json").output)
    assert (listed["system"], listed["items"], listed["purposes"]) == ("desk", 1, "审批")
    (system,) = json.loads(run("client", "list", "--json").output)
    assert (system["system"], len(system["keys"])) == ("desk", 1)

    told = json.loads(run("audit", "tail", "--json").output)
    assert [entry["action"] for entry in told] == ["organisation.add", "system.add", "agreement.add"]
    assert json.loads(run("audit", "seal", "--json").output) == {"sealed": 3, "tree_size": 3}
    assert json.loads(run("audit", "verify", "--json").output)["sealed"] == 3


def test_reset_asks_first(hub_environment):
    run("db", "upgrade")
    run("client", "add", "desk", "--organisation", "X")

    assert run("db", "reset", answer="n\n").exit_code == 1
    assert json.loads(run("client", "list", "--json").output) != []
    assert run("db", "reset", "--yes").exit_code == 0
    assert json.loads(run("client", "list", "--json").output) == []


def test_a_call_without_key_or_hub(hub_environment):
    told = ["--as", "desk", "--purpose", "p", "--legal-basis", "l", "--case", "c"]
    with pytest.raises(ConfigurationError, match="This machine has no key for desk"):
        CliRunner().invoke(app, ["call", "legal_person", "K", *told], catch_exceptions=False)


def test_who_interrupts_is_told_what_stays(hub_environment, monkeypatch, capsys):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    run("db", "upgrade")
    monkeypatch.setattr("hub.progress.ingest_source", interrupted)
    monkeypatch.setattr(sys, "argv", ["hub", "ingest", "credit_permit"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert "What was committed stays" in capsys.readouterr().err


def test_two_demos_do_not_share_a_home(hub_environment):
    home = hub_environment.home / "demo"
    home.mkdir(parents=True)
    with locked(home / "demo.lock"), pytest.raises(ConfigurationError, match="Another demo is running"):
        CliRunner().invoke(app, ["demo"], catch_exceptions=False)
    assert [path.name for path in home.iterdir()] == ["demo.lock"]


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_the_server_stops_with_the_program(hub_environment, told):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    serving = subprocess.Popen(
        [HUB, "serve", "--port", str(port), "--workers", "1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,  # so that the signal reaches the program alone
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while not answers(url):
            assert serving.poll() is None, serving.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        serving.send_signal(told)
        assert serving.wait(60) == 0
        assert not answers(url)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(serving.pid, signal.SIGKILL)


def test_what_people_write_is_shown_as_they_wrote_it(capsys):
    said = "[/x] [red]赤[/red] :warning:"
    screen.console.print(screen.table(said, ("said", "by"), [(said, 1)]))
    screen.tell({}, said, as_json=False)
    assert capsys.readouterr().out.count(said) == 3


def test_an_error_is_one_sentence_and_a_status(tmp_path):
    """The installed program, as a user meets it."""
    command = [HUB, "city", "live", str(tmp_path / "nowhere")]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)

    assert failed.returncode == 1
    assert "There is no city in" in failed.stderr
    assert "hub city build" in failed.stderr
    assert "Traceback" not in failed.stderr
    machine = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert json.loads(machine.stderr)["error"] == "configuration"
