"""How to use an exported model: the code in its card."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from fcsearch.data.facts import DATE_PARTS
from fcsearch.data.transform import FeatureTransform
from fcsearch.inference.choosing import Chosen
from fcsearch.inference.exported import LABEL, PROBABILITIES, Exported, output_names
from fcsearch.inference.outputs import PREDICTION

# onnxruntime reads it when it is imported.
_WITHOUT_TELEMETRY = ("import os", "", 'os.environ["ORT_DISABLE_TELEMETRY"] = "1"', "")
# The parts of dates, of what pandas calls `.dt`.
_DATE_PARTS = {
    "year": "times.year",
    "month": "times.month",
    "day_of_week": "times.day_of_week",
    "day_of_year": "times.day_of_year",
    "hour": "(times.hour * 3600 + times.minute * 60 + times.second) / 3600",
}


def usage(chosen: Chosen, exported: Exported, form: str, name: str) -> Iterator[str]:
    """The lines of the section; `name` is that of the exported file."""
    if form == "safetensors":
        yield from ("```console", f"$ fcsearch predict {name} new_rows.csv --out predictions.csv", "```")
        return
    yield from ("| input | type | shape | meaning |", "| --- | --- | --- | --- |")
    for item in exported.inputs:
        cells = (item.name, item.kind, item.shape, item.meaning)
        yield f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""
    transform = chosen.predictor.transform
    if transform.target is not None:
        yield f"Output: `{PREDICTION}` (one number per row, float64), in the unit of the label."
    else:
        label = "the class, as text" if form == "onnx" else "the index of the class in `classes`"
        yield f"Outputs: `{LABEL}` ({label}) and `{PROBABILITIES}` (rows x classes, float32)."
    yield from ("", "```python")
    outputs = output_names(transform)
    if form == "torch":
        yield from _torch(exported, name) if transform.target is None else _torch_target(exported, name)
    elif transform.array is None:
        yield from _onnx_columns(exported, transform, name, outputs)
    else:
        yield from _onnx_array(exported, name, outputs)
    yield "```"


def _torch_target(exported: Exported, name: str) -> Iterator[str]:
    item = exported.inputs[0]
    yield from (
        "import torch",
        "",
        f"model = torch.export.load({json.dumps(name)}).module()",
        f"x = torch.zeros({_sizes(item.shape)}, dtype=torch.{item.kind})  # two rows; put yours here",
        f'print(model(x)["{PREDICTION}"])',
    )


def _torch(exported: Exported, name: str) -> Iterator[str]:
    item = exported.inputs[0]
    yield from (
        "import json",
        "",
        "import torch",
        "",
        'about = {"fcsearch.classes": ""}',
        f"model = torch.export.load({json.dumps(name)}, extra_files=about).module()",
        'classes = json.loads(about["fcsearch.classes"])',
        f"x = torch.zeros({_sizes(item.shape)}, dtype=torch.{item.kind})  # two rows; put yours here",
        "found = model(x)",
        'print([classes[place] for place in found["label"]], found["probabilities"])',
    )


def _onnx_array(exported: Exported, name: str, outputs: Sequence[str]) -> Iterator[str]:
    item = exported.inputs[0]
    yield from (
        *_WITHOUT_TELEMETRY,
        "import numpy as np",
        "import onnxruntime",
        "",
        f"session = onnxruntime.InferenceSession({json.dumps(name)})",
        f"x = np.zeros(({_sizes(item.shape)}), dtype=np.{item.kind})  # two rows; put yours here",
        *_run(outputs, '{"x": x}'),
    )


def _onnx_columns(exported: Exported, transform: FeatureTransform, name: str, outputs: Sequence[str]) -> Iterator[str]:
    names = [item.name for item in exported.inputs]
    numbers = next((item.kind for item in exported.inputs if item.kind != "string"), "float64")
    yield from (
        *_WITHOUT_TELEMETRY,
        "import onnxruntime",
        "import pandas as pd",
        "",
        f"session = onnxruntime.InferenceSession({json.dumps(name)})",
        *_read(transform),
        *_renamed(transform, names),
        *_parts_of_dates(transform, names),
        "columns = {",
        '    item.name: frame[[item.name]].fillna("").to_numpy(object)',
        '    if item.type == "tensor(string)"',
        f'    else frame[[item.name]].to_numpy("{numbers}")',
        "    for item in session.get_inputs()",
        "}",
        *_run(outputs, "columns"),
    )


def _read(transform: FeatureTransform) -> Iterator[str]:
    """Lines that read a CSV file like those that the model was trained on."""
    inputs = transform.inputs
    texts = dict.fromkeys(item.name for item in inputs if item.kind == "category" or item.reading in DATE_PARTS)
    separator = "" if transform.delimiter == "," else f", sep={_literal(transform.delimiter)}"
    decimal = "" if transform.decimal == "." else f", decimal={_literal(transform.decimal)}"
    if "" in texts:
        # pandas names such a column by its place, and wants the type under that name.
        yield f'names = pd.read_csv("new_rows.csv"{separator}, nrows=0).columns'
        yield 'unnamed = next(name for name in names if name.startswith("Unnamed: "))'
    types = ", ".join(f'{_literal(name) if name else "unnamed"}: "str"' for name in texts)
    yield f'frame = pd.read_csv("new_rows.csv"{separator}{decimal}, dtype={{{types}}}, na_values="?")'


def _renamed(transform: FeatureTransform, names: Sequence[str]) -> Iterator[str]:
    """Lines that give columns the names of inputs, where these differ."""
    titles = [item.title for item in transform.inputs]
    if "" in titles:
        # pandas' name for such a column.
        yield 'frame.columns = ["" if name.startswith("Unnamed: ") else name for name in frame.columns]'
    if others := {title: name for title, name in zip(titles, names, strict=True) if title != name}:
        yield f"frame = frame.rename(columns={_literal(others)})"


def _parts_of_dates(transform: FeatureTransform, names: Sequence[str]) -> Iterator[str]:
    """Lines that make the numbers of columns of dates, as `data.readings` does."""
    read = ""
    for item, name in zip(transform.inputs, names, strict=True):
        if item.kind == "category" or item.reading not in DATE_PARTS:
            continue
        if item.name != read:
            read = str(item.name)
            yield f"texts = frame[{_literal(read)}].str.strip()"
            yield r'texts = texts.str.replace(r"^(\d+)\.(\d+)\.(\d+)", r"\3-\2-\1", regex=True)  # 31.01.2026'
            zone = ", utc=True" if item.zoned else ""
            yield f'times = pd.to_datetime(texts, format="ISO8601"{zone}).dt'
        yield f"frame[{_literal(name)}] = {_DATE_PARTS[item.reading]}"


def _literal(value: object) -> str:
    """A text, or a dict of texts, as Python has it."""
    return json.dumps(value, ensure_ascii=False)


def _run(outputs: Sequence[str], inputs: str) -> Iterator[str]:
    """Run a session, and print its outputs."""
    names = ", ".join(outputs)
    yield f"{names} = session.run({json.dumps(outputs)}, {inputs}){'[0]' if len(outputs) == 1 else ''}"
    yield f"print({names})"


def _sizes(shape: str) -> str:
    """`rows x 8 x 8` as the sizes of two rows."""
    return ", ".join(["2", *shape.split(" x ")[1:]])
