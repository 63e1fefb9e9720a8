"""``hub person password``, ``totp`` and ``unlock``, and ``hub contact``, as typed in."""

import json
import re
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from hub.cli import app
from infra.database import Role, open_database
from schemas.errors import (
    AlreadyRegistered,
    MalformedRequest,
    NotRegistered,
    WeakPassword,
    WrongSecondFactor,
)

pytestmark = pytest.mark.server
PASSWORD = "seven turnips in a row"


def run(*arguments, typed=None):
    shown = CliRunner().invoke(app, list(arguments), input=typed)
    if shown.exception and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    assert shown.exit_code == 0, shown.output
    return shown


@pytest.fixture
def place(hub_settings, monkeypatch):
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    run("organisation", "add", "A", "--name", "局")
    run("person", "add", "zhang.desk", "--name", "测试", "--organisation", "A", "--role", "user")
    return hub_settings


def account(place):
    with open_database(place) as database, database.engine(Role.APPLICATION).connect() as connection:
        return connection.execute(text("SELECT * FROM catalog.account")).mappings().one()


def test_a_password_is_typed_piped_or_made(place):
    typed = run("person", "password", "zhang.desk", typed=f"{PASSWORD}\n{PASSWORD}\n")
    first = account(place)["password"]
    assert PASSWORD not in typed.output
    assert "zhang.desk may sign in until" in typed.output
    piped = run("person", "password", "zhang.desk", "--stdin", "--json", typed=f"{PASSWORD}\n")
    assert json.loads(piped.stdout).keys() == {"person", "until"}
    assert account(place)["password"] != first
    made = json.loads(run("person", "password", "zhang.desk", "--generate", "--json").stdout)
    assert re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}", made["password"])
    shown = " ".join(run("person", "password", "zhang.desk", "--generate").output.split())
    assert re.search(r"It is [a-z2-9-]{23} and is not shown again\.$", shown)


def test_an_address_is_told_of_duties_until_it_is_removed(place):
    assert "Nobody is told." in run("contact", "list").output
    added = json.loads(
        run("contact", "add", "A", "desk@example.org", "--bearer", "provider", "--json").stdout
    )
    assert (added["address"], added["bearers"]) == ("desk@example.org", ["provider"])
    assert (
        "is told of duties as authority"
        in run("contact", "add", "A", "b@example.org", "--bearer", "authority").output
    )
    assert added["id"] in run("contact", "list").output
    assert added in json.loads(run("contact", "list", "--organisation", "A", "--json").stdout)
    wrong = ("add", "A", "desk"), ("add", "A", "c@example.org", "--bearer", "boss"), ("add", "B", "c@example.org"), ("list", "--organisation", "B")  # fmt: skip
    for words in (*wrong, ("add", "A", "desk@example.org"), ("remove", "A", "c-0")):
        with pytest.raises((MalformedRequest, NotRegistered, AlreadyRegistered)):
            run("contact", *words)
    assert "is told no more" in run("contact", "remove", "A", added["id"]).output
    assert added["id"] not in run("contact", "list").output


def test_a_second_factor_is_set_up_and_taken_away(place):
    """A device reads the URI from standard error while the command waits for its code."""
    run("person", "password", "zhang.desk", "--stdin", typed=f"{PASSWORD}\n")
    command = [
        sys.executable,
        "-c",
        "from hub.cli import main; main()",
        "person",
        "totp",
        "zhang.desk",
        "--json",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waiting:
        uri = re.search(r"otpauth://\S+", waiting.stderr.readline())[0]
        code = pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0]).now()
        told, _ = waiting.communicate(f"{code}\n", timeout=60)
    assert waiting.returncode == 0
    assert len(json.loads(told)["recovery_codes"]) == 10
    assert account(place)["totp"] is not None
    assert (
        json.loads(run("person", "totp", "zhang.desk", "--reset", "--json").stdout)["second_factor"] is False
    )
    assert account(place)["totp"] is None


def test_what_cannot_be_is_one_clear_error(place):
    with pytest.raises(NotRegistered, match="hub person password"):
        run("person", "totp", "zhang.desk")
    with pytest.raises(NotRegistered):
        run("person", "unlock", "zhang.desk")
    with pytest.raises(WeakPassword):
        run("person", "password", "zhang.desk", "--stdin", typed="password1234\n")
    run("person", "password", "zhang.desk", "--stdin", typed=f"{PASSWORD}\n")
    with pytest.raises(WrongSecondFactor):
        run("person", "totp", "zhang.desk", typed="nonsense\n")
    assert account(place)["totp"] is None
    assert "may try again" in run("person", "unlock", "zhang.desk").output
