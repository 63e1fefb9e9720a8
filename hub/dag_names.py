"""What the hub's DAGs are called, for those who make them and for those who tell what depends on what."""

SEAL = "seal"
_INGEST, _SCORECARD = "ingest_", "scorecard_"


def ingest_dag_name(source: str) -> str:
    """Return the id of the DAG that pulls a source."""
    return f"{_INGEST}{source}"


def source_of_dag(dag: str) -> str:
    """Return the source that a DAG pulls."""
    return dag.removeprefix(_INGEST)


def scorecard_dag_name(resource: str) -> str:
    """Return the id of the DAG that scores a resource after its library has taken something in."""
    return f"{_SCORECARD}{resource}"
