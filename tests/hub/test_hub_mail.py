"""Mail: how a server is spoken to, what is tried anew, and what a message looks like; by a real mail server."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from postbox import allowing, open_postbox

from catalog.contact import Bearer, Contact
from hub.duties.digest import MOST_LINES, Digest
from hub.duties.duty import Finding, Lack
from hub.duties.mail import Mail
from hub.duties.mail_server import MailServer
from hub.duties.table import duty_named
from infra.settings import load_settings
from schemas.errors import ConfigurationError, NotificationFailed

AT = datetime(2026, 1, 19, 23, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
DESK = Contact("c-desk", "A", "desk@example.org", frozenset({Bearer.PROVIDER}))
SENDER, BODY = "hub@city.example.org", '{"subject": "履职 Duties", "text": "什么 what\\n.\\n"}'
LATE = Finding(duty_named("late_delivery"), Lack("AP1", "A", due=datetime(2026, 1, 18, 16, tzinfo=UTC)), 1)


@pytest.fixture(scope="module")
def postbox():
    with open_postbox() as one:
        yield one


def mail(postbox, scheme="smtp", user=None, password=None, contact=DESK):
    postbox.waited.clear()
    postbox.taken.clear()
    postbox.tried.clear()
    server = MailServer(scheme, "127.0.0.1", postbox.port, SENDER, user, password)
    return Mail(server, {contact.id: contact}, {"A": "市场监督管理局"}, ZONE, postbox.waited.append)


def sent(channel, id_="duties_1"):
    try:
        channel.send("c-desk", id_, AT, BODY)
    finally:
        channel.server.close()


def test_a_message_arrives_as_it_was_written(postbox):
    sent(mail(postbox))
    ((to, message),) = postbox.taken
    assert to == DESK.address
    shown = {
        name: message[name] for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted", "Date")
    }
    assert shown == {
        "From": SENDER, "To": DESK.address, "Subject": "履职 Duties", "Message-ID": "<duties_1@city.example.org>",
        "Auto-Submitted": "auto-generated", "Date": "Mon, 19 Jan 2026 23:30:00 +0000",
    }  # fmt: skip
    assert message.get_content_type() == "text/plain"
    assert postbox.told(DESK.address) == ["什么 what\n.\n"]


@pytest.mark.parametrize(
    ("where", "answers", "waited", "tries"),
    [(DESK.address, ["450 later", "451 later"], [1.0, 4.0], 3), ("DATA", ["452 full"], [1.0], 2), (DESK.address, ["421 closing"], [1.0], 2)],
)  # fmt: skip
def test_what_may_help_is_tried_anew_by_the_same_id(postbox, where, answers, waited, tries):
    channel, postbox.answers = mail(postbox), {where: list(answers)}
    sent(channel)
    assert (postbox.waited, len(postbox.tried)) == (waited, tries)
    assert set(postbox.ids()) == {"<duties_1@city.example.org>"}


@pytest.mark.parametrize(
    ("where", "answers", "said", "waited"),
    [(DESK.address, ["550 no desk@example.org here"], "answers 550 to the recipient", []),
     ("DATA", ["554 no"], "answers 554", []), (DESK.address, ["450 no"] * 3, "answers 450 to the recipient", [1.0, 4.0])],
)  # fmt: skip
def test_what_is_not_taken_is_said_without_the_address(postbox, where, answers, said, waited):
    channel, postbox.answers = mail(postbox), {where: list(answers)}
    with pytest.raises(NotificationFailed, match=said) as error:
        sent(channel)
    assert "example.org" not in str(error.value)
    assert postbox.waited == waited


def test_a_server_that_is_away_is_not_tried_for_each_contact():
    with open_postbox() as gone:
        pass
    channel = mail(gone)
    for _ in range(3):
        with pytest.raises(NotificationFailed, match="ConnectionRefusedError"):
            sent(channel)
    assert gone.waited == [1.0, 4.0]
    with pytest.raises(NotificationFailed, match="not there any more"):
        channel.send("c-none", "duties_1", AT, BODY)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    """A certificate of this machine, its own issuer, and what a server and a client make of it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    at = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), at, at + timedelta(days=1))
        .add_extension(alternative, critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("certificate")
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return context, certificate


def test_an_encrypted_server_is_signed_in_to_where_it_is_trusted(trusted, monkeypatch):
    context, certificate = trusted
    users = {"authenticator": allowing("hub", "secret"), "auth_required": True}
    for scheme, options in (
        (
            "smtps",
            {"ssl_context": context, "auth_require_tls": False},
        ),  # it does not count what it is wrapped in
        ("smtp+starttls", {"tls_context": context, "require_starttls": True}),
    ):
        with open_postbox(**users, **options) as postbox:
            with pytest.raises(NotificationFailed, match="certificate"):
                sent(mail(postbox, scheme, "hub", "secret"))
            with monkeypatch.context() as patch:
                patch.setenv("SSL_CERT_FILE", str(certificate))
                sent(mail(postbox, scheme, "hub", "secret"))
                assert len(postbox.taken) == 1
                with pytest.raises(NotificationFailed, match="answers 535") as error:
                    sent(mail(postbox, scheme, "hub", "other"))
                assert "other" not in str(error.value)
                assert postbox.waited == []


def test_nothing_is_said_in_the_open_where_encryption_is_asked_for(postbox):
    with pytest.raises(NotificationFailed, match="does not offer STARTTLS"):
        sent(mail(postbox, "smtp+starttls", "hub", "secret"))
    assert postbox.tried == []


def test_a_digest_counts_in_its_subject_and_says_what_to_do():
    late = Finding(LATE.duty, Lack("AP2", "A", due=datetime(2026, 1, 10, tzinfo=UTC)), 6)
    source = Finding(duty_named("undelivered_source"), Lack("tax", "B"), 0)
    digest = Digest("市场监督管理局", (LATE, late, source), AT, ZONE)
    assert digest.subject == "履职提醒 Duties: 2 alerts, 1 notice · 市场监督管理局"
    assert (
        digest.text
        == """\
市场监督管理局
2026-01-20 07:30 (Asia/Shanghai)

【供数超期】 late_delivery · alert · 条例第 22, 38 条 article 22, 38
What was agreed is delivered within 20 working days.
  - AP1, due 2026-01-19, 1 working day late
  - AP2, due 2026-01-10, 6 working days late
To do: Deliver the application.

【数据源从未供数】 undelivered_source · notice
A source that is registered delivers.
  - tax, B
To do: Pull it, or have the department push to it.

此邮件由系统发出，请勿回复 · Sent by the hub; nobody reads what is answered.
"""
    )


def test_a_long_digest_says_where_the_rest_is():
    many = [replace(LATE, lack=replace(LATE.lack, subject=f"AP{number}")) for number in range(MOST_LINES + 2)]
    text = Digest("局", many, AT, ZONE).text
    assert f"AP{MOST_LINES - 1}," in text
    assert f"AP{MOST_LINES}," not in text
    assert "  … and 2 more: hub duties --duty late_delivery, GET /v1/duties?duty=late_delivery\n" in text


def test_no_name_makes_a_header_of_its_own(postbox):
    channel = mail(postbox)
    channel.names = {"A": "局\r\nBcc: thief@example.org\n\nbody\u2028x\x85y"}
    body = channel.written("c-desk", (LATE,), AT)
    channel.send("c-desk", "duties_2", AT, body)
    with pytest.raises(
        ValueError, match="linefeed"
    ):  # what was written is one line; were it not, it would not be sent
        channel.send("c-desk", "duties_2", AT, '{"subject": "a\\nBcc: thief@example.org", "text": ""}')
    channel.server.close()
    ((_, message),) = postbox.taken
    assert message["Bcc"] is None
    assert message["Subject"].endswith("· 局 Bcc: thief@example.org body x y")
    assert set(postbox.tried) == {DESK.address}


@pytest.mark.parametrize(
    ("name", "told"),
    [("URL", {"URL": "http://mail"}), ("URL", {"URL": "smtp://hub:hunter2@mail"}), ("URL", {"URL": "smtps://mail:port"}),
     ("URL", {"URL": "smtps://"}), ("SENDER", {"URL": "smtps://mail"}), ("SENDER", {"URL": "smtps://mail", "SENDER": "hunter2"}),
     ("USER", {"URL": "smtps://mail", "SENDER": SENDER, "USER": "hub"}),
     ("PASSWORD", {"URL": "smtp://mail", "SENDER": SENDER, "USER": "hub", "PASSWORD": "hunter2"})],
)  # fmt: skip
def test_a_wrong_setting_is_said_and_not_quoted(name, told, monkeypatch):
    for setting, value in told.items():
        monkeypatch.setenv(f"HUB_SMTP_{setting}", value)
    with pytest.raises(ConfigurationError, match=f"HUB_SMTP_{name}") as error:
        load_settings()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "port"), [("smtps://mail", 465), ("smtp+starttls://mail", 587), ("smtp://mail:2525", 2525)]
)
def test_a_server_is_read_from_the_settings(url, port, monkeypatch):
    told = {"URL": url, "SENDER": "hub@例子.中国", "USER": "hub", "PASSWORD": "hunter2"}
    for setting, value in told.items():
        monkeypatch.setenv(f"HUB_SMTP_{setting}", value.replace("//mail:", "//localhost:"))
    server = MailServer.of(load_settings())
    assert (server.port, server.domain, server.password) == (port, "xn--fsqu00a.xn--fiqs8s", "hunter2")
    assert "hunter2" not in repr(server) + repr(load_settings())
