"""The catalogue's search through the real server, for systems and people, on the ledger like any call."""

import pytest

ASKED = {"q": "房屋"}


@pytest.fixture
def ask(served_hub):
    token = served_hub.token("stranger")

    def _ask(**params):
        return served_hub.http.get(
            "/v1/catalogue", params=params, headers={"Authorization": f"Bearer {token}"}
        )

    return _ask


def test_a_system_finds_entries_and_what_is_asked_wrongly_is_said(ask):
    found = ask(q="公租房", open="false", limit="5")
    assert (found.status_code, found.json()) == (200, {"hits": [], "next": None, "complete": True})
    assert found.headers["Hub-Entry"]
    for wrong in ({}, {"q": "房", "open": "perhaps"}, {"q": "房", "limit": "many"}, {"q": "房", "limit": "101"}, {"q": "房", "colour": "red"},
                  {"q": "房", "after": "x"}):  # fmt: skip
        assert (ask(**wrong).status_code, ask(**wrong).json()["code"]) == (400, "malformed_request")


def test_coverage_is_counted_for_whoever_uses_the_catalogue(served_hub):
    headers = {"Authorization": f"Bearer {served_hub.token('stranger')}"}
    told = served_hub.http.get("/v1/catalogue/coverage", headers=headers).json()["coverage"]
    assert (told[0]["by"], told[0]["published"], told[0]["demands"]) == ("all", 0, 0)
    assert served_hub.http.get("/v1/catalogue/coverage?by=x", headers=headers).status_code == 400


def test_nobody_finds_nothing(served_hub):
    assert served_hub.http.get("/v1/catalogue", params=ASKED).status_code == 401
