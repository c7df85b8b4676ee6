"""Tables of earlier versions, converted to the current columns."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# Increased when an earlier fcsearch could not read a current run directory.
# 1: `weight_scale` was a text, a number or `kaiming`, and there was no `init`.
FORMAT = 2


def to_current(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A part of a run of format 1 as a table of `schema`; columns that it lacks are null."""
    if "weight_scale" in table.column_names and pa.types.is_string(table.schema.field("weight_scale").type):
        text = table["weight_scale"]
        is_kaiming = pc.equal(text, "kaiming")
        scale = pc.cast(pc.if_else(is_kaiming, None, text), pa.float64())
        init = pc.if_else(is_kaiming, "kaiming", "normal")  # null if the text is
        place = table.schema.get_field_index("weight_scale")
        table = table.set_column(place, "weight_scale", scale).append_column("init", init)
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
