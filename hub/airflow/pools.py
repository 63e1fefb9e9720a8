"""Airflow's pools, one a department's system: kept in step while sources are registered and change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from hub.airflow.home import USER, AirflowHome

SECONDS = 10.0  # that an answer may take


def described(pools: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Return the pools, slots by name, as ``airflow pools import`` reads them."""
    return {
        name: {"slots": slots, "description": "one department system", "include_deferred": False}
        for name, slots in pools.items()
    }


@dataclass
class PoolKeeper:
    """Gives a running Airflow the pools its tasks name: a task whose pool is missing would wait for ever.

    A pool that is there is left alone: whoever gave it more or fewer slots knows the system.
    """

    home: AirflowHome
    given: set[str] = field(default_factory=set)

    def keep(self, pools: Mapping[str, int]) -> bool:
        """Make the pools that are missing; False where Airflow did not take one, so that it is tried again."""
        missing = described({name: slots for name, slots in pools.items() if name not in self.given})
        if not missing:
            return True
        try:
            with httpx.Client(base_url=self.home.url, timeout=SECONDS, trust_env=False) as client:
                _log_in(client, self.home.password())
                for name, pool in missing.items():
                    made = client.post("/api/v2/pools", json={"name": name, **pool})
                    if made.status_code != httpx.codes.CONFLICT:
                        made.raise_for_status()
                    self.given.add(name)
        except (httpx.HTTPError, KeyError, ValueError):
            return False
        return True


def _log_in(client: httpx.Client, password: str) -> None:
    answer = client.post("/auth/token", json={"username": USER, "password": password}).raise_for_status()
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
