"""A chosen model as an exported file, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch

from fcsearch.errors import UsageError
from fcsearch.inference.choosing import MODEL_ENDING, Chosen
from fcsearch.inference.exported import Exported
from fcsearch.inference.predictor import Predictor
from fcsearch.inference.sink import open_out
from fcsearch.results.model_file import model_texts
from fcsearch.wording import option

Facts = Mapping[str, Any]


def export_model(chosen: Chosen, form: str) -> Exported:
    """The model in a form of FORMS, checked.

    Raises:
        UsageError: packages that it needs are not installed, or the form cannot hold such a model.
        FcsearchError: the exported model's predictions differ from fcsearch's.
    """
    return _EXPORTERS[form](chosen.predictor, chosen.facts)


def form_of(out: Path, form: str | None) -> str:
    """The requested form, else that of the file's ending; UsageError if they contradict each other."""
    by_ending = next((name for name, ending in FORMS.items() if out.name.lower().endswith(ending)), None)
    found = form or by_ending
    if found is None or by_ending != found:
        wanted = FORMS[form] if form else ", ".join(f"{ending} ({name})" for name, ending in FORMS.items())
        other = f" or {option('format')}" if form else ""
        raise UsageError(f"{option('out')} must end in {wanted}; found {out}. Change the ending{other}.")
    return found


def beside(out: Path, ending: str) -> Path:
    """The file that belongs to an exported one: `model.onnx.md` to `model.onnx`."""
    return out.with_name(out.name + ending)


def write_export(exported: Exported, out: Path, card: str) -> list[Path]:
    """Write the model, its card and what else belongs to it; returns the files.

    Raises:
        UsageError: the file system refuses.
    """
    texts = {**exported.beside, ".md": card}
    # The model comes last: if it exists, so do the others.
    contents = {beside(out, ending): text.encode() for ending, text in texts.items()}
    for path, content in {**contents, out: exported.content}.items():
        with open_out(path) as stream:
            stream.write(content)
    return [out, *contents]


def _torch(predictor: Predictor, facts: Facts) -> Exported:
    from fcsearch.inference.torch_export import export_torch  # a second

    return export_torch(predictor, facts)


def _onnx(predictor: Predictor, facts: Facts) -> Exported:
    from fcsearch.inference.onnx_export import export_onnx

    return export_onnx(predictor, facts)


def _safetensors(predictor: Predictor, facts: Facts) -> Exported:
    """The model file of the run, which `fcsearch predict` and `FullyConnectedNet.load` read."""
    if len(predictor.members) > 1:
        raise UsageError(
            f"{option('format', 'safetensors')} holds one network; found {len(predictor.members)}. Export as "
            "torch or onnx."
        )
    network = predictor.members[0].network
    texts = {**network.metadata(), **model_texts(facts, predictor.transform.to_json())}
    return Exported(safetensors.torch.save(network.params, texts))


_EXPORTERS: dict[str, Callable[[Predictor, Facts], Exported]] = {
    "torch": _torch,
    "onnx": _onnx,
    "safetensors": _safetensors,
}
# The ending of each form's files.
FORMS = {"torch": ".pt2", "onnx": ".onnx", "safetensors": MODEL_ENDING}
