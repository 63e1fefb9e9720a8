"""Contacts: addresses that are valid, an organisation's own, on no ledger entry and in no error."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.recording import record_administration
from catalog.contact import OWN, Bearer, Contact, bearers_named, heard, valid_address
from catalog.contacts import Contacts
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from infra.database import Role as Login
from schemas.errors import AlreadyRegistered, MalformedRequest, NotRegistered

ADDRESS = "desk@example.org"


@pytest.mark.parametrize(
    ("given", "known"),
    [("Desk@EXAMPLE.org", "Desk@example.org"), ("窗口@例子.中国", None), ("desk@例子.中国", "desk@xn--fsqu00a.xn--fiqs8s")],
)  # fmt: skip
def test_an_address_is_kept_as_mail_servers_know_it(given, known):
    if known is None:
        with pytest.raises(MalformedRequest, match="before the @-sign"):
            valid_address(given)
    else:
        assert valid_address(given) == known


@pytest.mark.parametrize(
    "wrong",
    ["", "secret", "secret@", "@secret.org", "secret@localhost", "secret@example.org\nBcc: x@example.org", "secret@exa!mple.org",
     "secret <secret@example.org>", "secret@example.org,x@example.org", "sec ret@example.org", "secret\r@example.org",
     "secret@" + "x" * 300 + ".org", '"secret\\"@example.org', "secret@[192.0.2.1]"],
)  # fmt: skip
def test_what_is_no_address_is_said_and_not_quoted(wrong):
    with pytest.raises(MalformedRequest, match="no e-mail address") as error:
        valid_address(wrong)
    for shown in (str(error.value), repr(error.value.__context__), repr(error.value.__cause__)):
        assert "secret" not in shown
        assert "exa!mple" not in shown


def test_who_is_told_of_whose_duties():
    own = Contact.made("A", ADDRESS)
    assert own.bearers == OWN
    authority = Contact.made("A", ADDRESS, frozenset({Bearer.AUTHORITY}))
    for bearer, organisation, who in (
        (Bearer.USER, "A", own), (Bearer.USER, "B", None), (Bearer.PROVIDER, None, authority), (Bearer.AUTHORITY, "A", authority),
        (Bearer.AUTHORITY, "B", authority), (Bearer.SECURITY_ADMINISTRATOR, "A", None),
    ):  # fmt: skip
        assert [one for one in (own, authority) if heard(bearer, organisation) in one.hears] == (
            [who] if who else []
        )
    assert bearers_named(["security_administrator", "user"]) == {Bearer.SECURITY_ADMINISTRATOR, Bearer.USER}
    with pytest.raises(MalformedRequest, match="Nobody bears duties as 'boss'"):
        bearers_named(["boss"])
    with pytest.raises(MalformedRequest, match="somebody's duties"):
        Contact.made("A", ADDRESS, frozenset())


@pytest.mark.server
def test_contacts_are_written_with_their_entries_and_read(database):
    def writing(connection):
        return Contacts(connection, record_administration)

    engine = database.engine(Login.APPLICATION)
    first, second = Contact.made("A", ADDRESS), Contact.made("A", "a@example.org")
    with engine.begin() as connection:
        Catalogue(connection, record_administration).add_organisation(
            Organisation("A", "局", "500000"), actor="ops"
        )
        for one in (first, second):
            writing(connection).add(one, actor="ops")
    for wrong, error in ((Contact.made("A", "DESK@example.org"), AlreadyRegistered), (Contact.made("B", ADDRESS), NotRegistered)):  # fmt: skip
        with pytest.raises(error) as told, engine.begin() as connection:
            writing(connection).add(wrong, actor="ops")
        assert "example.org" not in str(told.value)
        assert told.value.__context__ is None
    with engine.begin() as connection:
        assert writing(connection).all() == writing(connection).of("A") == [second, first]
        with pytest.raises(NotRegistered):
            writing(connection).of("B")
        writing(connection).remove("A", second.id, actor="ops")
    for organisation, id_ in (("A", second.id), ("B", first.id)):
        with pytest.raises(NotRegistered, match="no contact"), engine.begin() as connection:
            writing(connection).remove(organisation, id_, actor="ops")
    with database.engine(Login.AUDITOR).connect() as connection:
        told = connection.execute(
            text("SELECT action, facts FROM ledger.entry WHERE action LIKE 'contact.%' ORDER BY id")
        )
        entries = [tuple(row) for row in told]
    named = {"organisation": "A", "bearers": ["provider", "user"]}
    assert entries == [
        ("contact.add", {"target": first.id, **named}), ("contact.add", {"target": second.id, **named}),
        ("contact.remove", {"target": second.id, "organisation": "A"}),
    ]  # fmt: skip
    with pytest.raises(DBAPIError, match="ledger entry"), engine.begin() as connection:
        connection.execute(text("DELETE FROM catalog.contact"))
