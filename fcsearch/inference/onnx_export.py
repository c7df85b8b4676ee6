"""Export as an ONNX file, checked with onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.facts import DATE_PARTS
from fcsearch.data.transform import FeatureTransform, NumberInput
from fcsearch.errors import UsageError
from fcsearch.inference.exported import (
    Exported,
    InputFacts,
    check,
    described,
    output_names,
    raw_kind,
    shape_of,
    shape_words,
)
from fcsearch.inference.predictor import Predictor
from fcsearch.inference.sample import sample_rows
from fcsearch.text import first_few
from fcsearch.wording import option

# A text that is never a category.
_UNKNOWN = "\ufffd"


def export_onnx(predictor: Predictor, facts: Mapping[str, Any]) -> Exported:
    """A model of named columns, or of one array `x`, that gives `label` (text) and `probabilities`, or `prediction`.

    Raises:
        UsageError: onnx or onnxruntime is not installed.
        FcsearchError: the model's predictions differ from fcsearch's.
    """
    # onnxruntime would send telemetry, and leave a file in the temporary folder.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnx
        import onnxruntime

        from fcsearch.inference.onnx_graph import build_model, input_names
    except ImportError as error:
        raise UsageError(
            f"{option('format', 'onnx')} needs the packages onnx and onnxruntime; found: {error}. Run: pip "
            "install 'fcsearch[onnx]'"
        ) from error
    model = build_model(predictor, described(predictor, facts))
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    transform, raw = predictor.transform, sample_rows(predictor.transform)
    names = input_names(transform)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    *labels, values = session.run(output_names(transform), _feed(transform, names, raw))
    if labels:
        place = {name: index for index, name in enumerate(transform.class_names)}
        difference = check(predictor, raw, np.array([place[label] for label in labels[0]]), values)
    else:
        difference = check(predictor, raw, None, values[:, None])
    return Exported(content, _inputs(transform, names), difference)


def _feed(transform: FeatureTransform, names: tuple[str, ...], raw: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Raw rows as the model's inputs."""
    feed: dict[str, npt.NDArray[Any]] = {}
    left = 0
    for name, item in zip(names, transform.inputs, strict=True):
        if item.kind == "category":
            texts = dict(enumerate(item.categories))
            codes = raw[:, left]
            column = ["" if np.isnan(code) else texts.get(int(code), _UNKNOWN) for code in codes]
            feed[name] = np.array(column, dtype=object)[:, None]
            left += 1
        else:
            feed[name] = raw[:, left : left + item.width].reshape(-1, *shape_of(item))
            left += item.width
    return feed


def _meaning(item: NumberInput) -> str:
    if item.reading == "boolean":
        return "true or false: 1 or 0"
    if item.reading in DATE_PARTS:
        monday = " (Monday: 0)" if item.reading == "day_of_week" else ""
        return f"{item.reading.replace('_', ' ')}{monday} of {item.name}{' in UTC' if item.zoned else ''}"
    return "bytes from 0 to 255" if item.pixels else f"number{'s' if item.width > 1 else ''}"


def _inputs(transform: FeatureTransform, names: tuple[str, ...]) -> tuple[InputFacts, ...]:
    found = []
    for name, item in zip(names, transform.inputs, strict=True):
        if item.kind == "category":
            known = first_few([*map(repr, item.categories)], 5)
            gap = "" if "" in item.categories else "; an empty text if it is missing"
            kind, meaning = "string", f"a category: {known}{gap}"
        else:
            kind = raw_kind(transform)
            gaps = "" if item.fill is None else "; not a number (NaN) if it is missing"
            meaning = _meaning(item) + gaps
        found.append(InputFacts(name, kind, shape_words(shape_of(item)), meaning))
    return tuple(found)
