"""One round a day: what is due by the clock is done, who is due is reminded, and what stands undone is counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from catalog.actor import HUB
from hub.composition import Hub
from hub.duties.watching import ground_in, watch
from hub.feeds import prune_feeds
from hub.objections.bureau import Bureau
from hub.objections.closing import look
from hub.objections.reminding import remind
from hub.sharing.desk import tick
from infra.clock import Clock, now
from infra.database import Role


@dataclass(frozen=True)
class Round:
    """How many matters were dealt with, by act; which could not be and why; how many findings stand, by duty."""

    done: Mapping[str, int]
    failed: Mapping[str, str]
    found: Mapping[str, int]


def go_round(hub: Hub, clock: Clock = now) -> Round:
    """Tick, remind, look, forget old changes, watch; as often as one likes, for what was done is not done again."""
    bureau = Bureau.of(hub, clock)
    ticked = tick(hub.settings, hub.database, clock)
    done = Counter({act: len(ids) for act, ids in ticked.done.items()})
    done["remind"] += len(remind(bureau, hub.database))
    done["close"] += sum(len(look(bureau, hub.database, code).corrected) for code in hub.resources)
    if (days := hub.settings.feed_days) is not None:
        done["prune"] += sum(prune_feeds(hub, days, actor=HUB.id).values())
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        found = Counter(one.duty.name for one in watch(ground_in(hub, connection, clock)))
    return Round(+done, dict(ticked.failed), found)
