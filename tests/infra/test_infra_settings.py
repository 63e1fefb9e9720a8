"""Settings and their page, and what a log may say."""

import io
import json
import logging
from pathlib import Path

import pytest

from infra.settings import Settings, load_settings, settings_page
from infra.telemetry import configure_logging
from schemas.errors import ConfigurationError, SealBroken

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == settings_page(), "run: python -m infra.settings > docs/settings.md"


def test_every_setting_is_described_on_the_page():
    page = PAGE.read_text()
    for name, field in Settings.model_fields.items():
        assert field.description
        assert f"| `HUB_{name.upper()}` | {field.description} |" in page


def test_folders_follow_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_HOME", str(tmp_path))
    settings = load_settings()
    assert (settings.city, settings.keyring) == (tmp_path / "city", tmp_path / "keyring.json")
    monkeypatch.setenv("HUB_CITY", str(tmp_path / "elsewhere"))
    assert load_settings().city == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUB_PORT", "70000"),
        ("HUB_WORKERS", "many"),
        ("HUB_LOG_LEVEL", "loud"),
        ("HUB_OPENLINEAGE_URL", "ftp://there/events"),
        ("HUB_OPENLINEAGE_URL", "http://clerk:hunter2@there"),
        ("HUB_DATABASE_URL", "mysql://clerk:hunter2@there/hub"),
        ("HUB_OIDC_ISSUER", "http://elsewhere.example/"),
    ],
)
def test_a_wrong_setting_is_named_and_not_quoted(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as caught:
        load_settings()
    assert value not in str(caught.value)
    assert "hunter2" not in repr(caught.value.__context__)


def test_settings_do_not_show_passwords():
    assert "hunter2" not in repr(Settings(database_url="postgresql://clerk:hunter2@there/hub"))
    assert "hunter2" not in repr(Settings(openlineage_api_key="hunter2"))
    assert "hunter2" not in repr(Settings(oidc_client_secret="hunter2"))


def test_a_provider_without_a_client_is_told(monkeypatch):
    monkeypatch.setenv("HUB_OIDC_ISSUER", "https://id.example/")
    with pytest.raises(ConfigurationError, match="HUB_OIDC_CLIENT_ID is missing"):
        load_settings()


@pytest.fixture
def log():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = before


def test_json_lines_say_what_happened_and_not_what_a_driver_said(log):
    configure_logging("INFO", machine=True, stream=log)
    try:
        raise ValueError("the number 500101…")
    except ValueError:
        logging.getLogger("hub.test").exception("Refused", extra={"source": "social_security"})
    logging.getLogger("hub.test").debug("not shown")
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["level"], line["message"], line["source"]) == ("ERROR", "Refused", "social_security")
    assert line["error"].startswith("ValueError at ")
    assert "500101" not in log.getvalue()


def test_plain_lines_keep_the_hubs_own_words(log):
    configure_logging("INFO", stream=log)
    try:
        raise SealBroken("A value does not open.")
    except SealBroken:
        logging.getLogger("hub.test").exception("Stopped")
    assert "SealBroken: A value does not open." in log.getvalue()
    assert "Traceback" not in log.getvalue()
