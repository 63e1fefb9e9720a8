"""Raw rows as JSON text, for quarantine to keep what was delivered."""

import pyarrow as pa
import pyarrow.types as pt


def rows_as_json(table: pa.Table) -> pa.Array:
    """Write each row as a JSON object, binary values in hexadecimal; done by DuckDB, column-wise."""
    import duckdb

    if not table.num_columns or not table.num_rows:
        return pa.array(["{}"] * table.num_rows, pa.string())
    # Numbered for the query, so that no column name of a department becomes part of its text unquoted.
    numbered = table.rename_columns([f"c{place}" for place in range(table.num_columns)])
    parts = [
        f"{_key(field.name)}, {'hex' if pt.is_binary(field.type) else ''}(c{place})"
        for place, field in enumerate(table.schema)
    ]
    with duckdb.connect() as connection:
        connection.register("delivered", numbered)
        query = f"SELECT CAST(json_object({', '.join(parts)}) AS VARCHAR) AS line FROM delivered"
        lines = connection.execute(query).to_arrow_table().column("line")
    return pa.concat_arrays(lines.chunks).cast(pa.string())


def _key(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
