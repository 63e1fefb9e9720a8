"""DAGs that follow data, not clocks: after a library has taken something in, its scorecard is made anew and the ledger sealed."""

from collections.abc import Iterable
from typing import Any

from airflow.sdk import DAG, AssetAny, task

from dags.orders import hub_opened, library, of_the_hub, wanted
from hub.dag_names import SEAL, scorecard_dag_name
from hub.registered import registered_sources
from infra.settings import load_settings
from schemas.resource import resource_named


def scorecard(resource: str) -> dict[str, Any]:
    """Make the scorecard of a resource anew and return it in brief: scores and counts."""
    from hub.following import rescore

    with hub_opened() as hub:
        return rescore(hub, resource, actor=f"dag:{scorecard_dag_name(resource)}")


def seal() -> dict[str, int]:
    """Seal the ledger; returns how many entries, and the size of the tree."""
    from hub.following import seal_ledger

    with hub_opened() as hub:
        return seal_ledger(hub)


def scorecard_dag(code: str) -> DAG:
    """Return the DAG of one resource's scorecard."""
    resource = resource_named(code)
    with DAG(
        dag_id=scorecard_dag_name(code),
        dag_display_name=f"{resource.title}：质量评分",
        description=f"The six dimensions of {resource.title}, after it has taken something in",
        schedule=[library(code)],
        tags={"scorecard", resource.library or code},
        **of_the_hub(),
    ) as dag:
        task(task_id="scorecard")(scorecard)(code)
    return dag


def seal_dag(codes: Iterable[str]) -> DAG:
    """Return the DAG that seals the ledger after any library has taken something in."""
    with DAG(
        dag_id=SEAL,
        dag_display_name="账本封存",
        description="Number what was committed, extend the Merkle tree, sign a checkpoint",
        schedule=AssetAny(*(library(code) for code in codes)),
        tags={"seal", "ledger"},
        **of_the_hub(),
    ) as dag:
        task(task_id="seal")(seal)()
    return dag


_resources = sorted({source.resource for source in registered_sources(load_settings()).values()})
for _code in _resources:
    if wanted(scorecard_dag_name(_code)):
        scorecard_dag(_code)
if _resources and wanted(SEAL):
    seal_dag(_resources)
