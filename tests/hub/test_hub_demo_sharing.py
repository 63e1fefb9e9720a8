"""The demo's sharing story on a hub without a city: what it tells is what happened."""

import asyncio

import pytest
from made_resources import citizen
from sqlalchemy import text

from audit.recording import record_administration
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.system import System
from hub import server
from hub.caller import new_private_key
from hub.demo_sharing import cast
from hub.demo_sharing.story import GRANTS, tell
from infra.database import Role

pytestmark = pytest.mark.server


def test_two_departments_publish_and_a_third_applies_calls_objects_and_is_recalled(bare_hub):
    key = new_private_key(bare_hub.settings.home, cast.DESK)
    with bare_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_organisation(Organisation(cast.BUREAU, "市政务服务管理办公室", "500000"), actor="test")
        desk = System(cast.DESK, cast.BUREAU, "行政审批平台", (key.as_dict(private=False),))
        catalogue.add_system(desk, actor="test")
    settings = bare_hub.settings.model_copy(update={"port": server.free_port()})
    with server.served(settings, settings.home / "server.log") as url:
        story = asyncio.run(tell(bare_hub, url, [citizen(n) for n in range(GRANTS)]))
    assert {code[:9] for code in story.figures["published"].values()} == {"307001002", "307003001"}
    assert {told["told_missing"] for told in story.figures["agreements"].values()} == {11, 12}
    objection = story.figures["objection"]
    assert (objection["state"], objection["outcome"], objection["recalled_call"]) == (
        "rated",
        "corrected",
        True,
    )
    assert objection["notices"] == story.calls - 1, "every call that was answered with the wrong amount"
    with bare_hub.database.engine(Role.AUDITOR).connect() as connection:
        calls = connection.execute(text("SELECT count(*) FROM ledger.entry WHERE action = 'record'"))
        acts = connection.execute(text("SELECT DISTINCT action FROM ledger.entry")).scalars().all()
    assert calls.scalar_one() == story.calls
    assert {"entry.publish", "application.approve", "agreement.begin", "objection.raise"} <= {*acts}
