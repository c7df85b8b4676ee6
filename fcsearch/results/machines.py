"""The tables of a run name its machines by number, so that they can be passed on; run.json knows which they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from fcsearch.privacy import Privacy, is_numbered
from fcsearch.results.arrow import with_origin

if TYPE_CHECKING:
    from fcsearch.results.directory import RunDirectory
    from fcsearch.results.manifest import Manifest


def by_number(table: pa.Table, run: RunDirectory, manifest: Manifest) -> pa.Table:
    """Rows with their origin, with machines by number, and errors that name no path, machine, address or user.

    Machines that they are the first to name come into run.json before.
    """
    nodes = [node for node in table["node"].to_pylist() if node is not None and not is_numbered(node)]
    machines = tuple(dict.fromkeys([*manifest.machines, *nodes]))
    if machines != manifest.machines:
        run.update_manifest({"machines": machines})
    place = run.path.absolute()
    privacy = Privacy(machines, host=manifest.machine.get("host"), folders=[place, place.parent])
    for name, hide in (("node", privacy.node), ("error", privacy.of)):
        texts = table[name].to_pylist()
        if any(texts):
            number = table.schema.get_field_index(name)
            column = pa.array([text and hide(text) for text in texts], pa.string())
            table = table.set_column(number, table.schema.field(number), column)
    return with_origin(table, manifest)
