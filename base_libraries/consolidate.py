"""Contributions of the touched subjects + survivorship → golden records with provenance.

One pure Ibis expression over a table of contributions: ``_subject, _source, _batch, _observed_at`` and the resource's
items in the clear. DuckDB runs it, inside the process; nothing here reads or writes a database.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from base_libraries.survivorship import Rule, Survivorship, encode
from schemas.resource import Item

# Sort keys are rank ‖ age ‖ ordinal in one int64, so that one minimum decides: rank < 1e5, age < 1e10 s, ordinal < 1e3.
_END_OF_TIME = 9_999_999_999
_RANK = 10**13


@ibis.udf.agg.builtin(name="min")
def _smallest(key: int, n: int) -> list[int]:
    """The n smallest keys, ascending: DuckDB's own ``min(arg, n)``."""
    raise NotImplementedError


def consolidate(contributions: ir.Table, policy: Survivorship) -> ir.Table:
    """Return one row a subject: ``_subject``, ``_valid_from``, every item, ``_provenance`` (int32 list).

    The provenance has one integer an item, in the order of the layout: ``survivorship.encode(batch, rule)``; 0 for one that was
    dropped.
    """
    age = _END_OF_TIME - contributions["_observed_at"].epoch_seconds().cast("int64")
    base = age * 1000 + contributions["_source"].cast("int64")
    aggregates: dict[str, ir.Value] = {"_valid_from": contributions["_observed_at"].max()}
    for ordinal in policy.ordinals:
        aggregates[f"_batch_{ordinal}"] = contributions["_batch"].max(
            where=contributions["_source"] == ordinal
        )
    for item in policy.resource.items:
        aggregates |= _winner(contributions, base, item.name, policy.ranks.get(item.name, {}))
    grouped = contributions.group_by("_subject").aggregate(**aggregates)
    codes = [_provenance(grouped, name, policy) for name in policy.resource.layout]
    names = [item.name for item in policy.resource.items]
    return grouped.select("_subject", "_valid_from", *names, _provenance=ibis.array(codes))


def _winner(rows: ir.Table, base: Any, item: str, ranks: Mapping[int, int]) -> dict[str, ir.Value]:
    # Only the registered sources' words count: what one said that is no more has neither rank nor provenance.
    present = rows[item].notnull() & rows["_source"].isin(list(ranks))
    if len(ranks) <= 1:
        return {item: rows[item].arbitrary(where=present)}
    cases = [(rows["_source"] == ordinal, rank) for ordinal, rank in ranks.items()]
    key = ibis.cases(*cases, else_=99_999).cast("int64") * _RANK + base
    return {item: rows[item].argmin(key, where=present), f"_keys_{item}": _smallest(key, 2, where=present)}


def _provenance(grouped: ir.Table, item: str, policy: Survivorship) -> ir.Value:
    ranks = policy.ranks.get(item, {})
    nothing = ibis.literal(0, "int32")
    if not ranks:
        return nothing
    if len(ranks) == 1:
        (ordinal,) = ranks
        code = encode(grouped[f"_batch_{ordinal}"].cast("int32"), int(Rule.ONLY))
        return ibis.ifelse(grouped[item].isnull(), nothing, code.cast("int32"))
    keys: Any = grouped[f"_keys_{item}"]
    first, second = keys[0], keys[1]
    same_rank = first // _RANK == second // _RANK
    rule = ibis.cases(
        (second.isnull(), int(Rule.ONLY)),
        (~same_rank, int(Rule.AUTHORITY)),
        (first // 1000 != second // 1000, int(Rule.RECENCY)),
        else_=int(Rule.TIE_BREAK),
    )
    batch = ibis.cases(*[(first % 1000 == ordinal, grouped[f"_batch_{ordinal}"]) for ordinal in ranks])
    code = encode(batch.cast("int32"), rule.cast("int32"))
    return ibis.ifelse(grouped[item].isnull(), nothing, code.cast("int32"))


@cache
def _sql(policy: Survivorship) -> str:
    """Compile the expression for DuckDB: once a policy and process, for Ibis takes longer to build it than it runs."""
    items = {item.name: _ibis_type(item) for item in policy.resource.items}
    head = {"_subject": "binary", "_source": "int16", "_batch": "int32", "_observed_at": "timestamp('UTC')"}
    contributions = ibis.table(head | items, name="contributions")
    return str(ibis.to_sql(consolidate(contributions, policy).order_by("_subject"), dialect="duckdb"))


def _ibis_type(item: Item) -> Any:
    return ibis.dtype(item.arrow_type)


def run(engine: duckdb.DuckDBPyConnection, policy: Survivorship, contributions: pa.Table) -> pa.Table:
    """Consolidate an Arrow table of contributions on DuckDB, inside the process; the answer is ordered by subject."""
    engine.register("contributions", contributions)
    try:
        return engine.execute(_sql(policy)).to_arrow_table()
    finally:
        engine.unregister("contributions")


def alone(policy: Survivorship, contributions: pa.Table) -> pa.Table:
    """Return what ``run`` would of subjects that one contribution each speaks of: there is nothing to weigh."""
    sources, batches = (contributions[name].to_numpy() for name in ("_source", "_batch"))
    codes = np.zeros((contributions.num_rows, len(policy.resource.layout)), np.int32)
    for item in policy.resource.items:
        place = policy.resource.position(item.name)
        ranked = np.isin(sources, list(policy.ranks.get(item.name, ())))
        spoken = np.asarray(contributions[item.name].is_valid()) & ranked
        codes[spoken, place] = encode(batches[spoken], int(Rule.ONLY))
    offsets = pa.array(np.arange(0, codes.size + 1, codes.shape[1], dtype=np.int32))
    found = contributions.select(["_subject", "_observed_at", *(item.name for item in policy.resource.items)])
    found = found.rename_columns(["_subject", "_valid_from", *found.column_names[2:]])
    return found.append_column("_provenance", pa.ListArray.from_arrays(offsets, pa.array(codes.ravel())))
