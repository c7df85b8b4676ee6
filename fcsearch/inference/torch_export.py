"""Export as a torch.export program, which torch loads without fcsearch."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch

from fcsearch.data.transform import FeatureTransform
from fcsearch.inference.exported import (
    ARRAY,
    LABEL,
    PROBABILITIES,
    Exported,
    InputFacts,
    check,
    described,
    raw_kind,
    shape_words,
)
from fcsearch.inference.module import PredictorModule
from fcsearch.inference.outputs import PREDICTION
from fcsearch.inference.predictor import Predictor
from fcsearch.inference.sample import sample_rows
from fcsearch.text import first_few

# torch records the source location of each operation, with paths of the exporting machine.
_ORIGINS = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")


def export_torch(predictor: Predictor, facts: Mapping[str, Any]) -> Exported:
    """A program that takes raw rows `x` and returns the outputs of `PredictorModule`.

    Raises:
        FcsearchError: the program's predictions differ from fcsearch's.
    """
    transform = predictor.transform
    raw, shape = sample_rows(transform), _shape(transform)
    rows = torch.from_numpy(raw).reshape(-1, *shape)
    program = torch.export.export(
        PredictorModule(predictor).eval(), (rows,), dynamic_shapes=({0: torch.export.Dim("rows")},)
    )
    for node in program.graph.nodes:
        for name in _ORIGINS:
            node.meta.pop(name, None)
    stream = io.BytesIO()
    torch.export.save(program, stream, extra_files=described(predictor, facts))
    stream.seek(0)
    found = torch.export.load(stream).module()(rows)
    if transform.target is None:
        difference = check(predictor, raw, found[LABEL].numpy(), found[PROBABILITIES].numpy())
    else:
        difference = check(predictor, raw, None, found[PREDICTION].numpy()[:, None])
    table = transform.array is None
    return Exported(
        stream.getvalue(),
        (InputFacts(ARRAY, raw_kind(transform), shape_words(shape), _meaning(transform)),),
        difference,
        {".transform.json": transform.to_json() + "\n"} if table else {},
    )


def _shape(transform: FeatureTransform) -> tuple[int, ...]:
    return (transform.raw_width,) if transform.array is None else transform.array.shape


def _meaning(transform: FeatureTransform) -> str:
    array = transform.array
    if array is not None:
        return "bytes from 0 to 255, as in training" if array.pixels else "numbers, as in training"
    names = []
    for item in transform.inputs:
        if item.kind == "category":
            places = first_few([f"{place} {name!r}" for place, name in enumerate(item.categories)], 3)
            names.append(f"{item.name} (index of the category: {places}; -1 for any other)")
        elif item.reading == "boolean":
            names.append(f"{item.title} (1 for true, 0 for false)")
        else:
            names.append(item.title if item.width == 1 else f"{item.name} ({item.width} numbers)")
    return f"the columns {', '.join(names)}; not a number (NaN) for a missing value"
