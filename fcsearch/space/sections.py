"""The sections of a space file beside its parameters: checked by the model, and against each other."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from fcsearch.config import HYPERPARAMETERS
from fcsearch.data.spec import SYNONYMS, DatasetSpec
from fcsearch.errors import SpaceError
from fcsearch.refusals import Refusal, refusals, schema_of
from fcsearch.space.grid import enumerate_grid
from fcsearch.space.keys import SAMPLERS, SamplerSpec, SpaceFile
from fcsearch.space.mistakes import Collector
from fcsearch.space.nodes import Node, instead
from fcsearch.space.parameters import Constant, Parameter, Range
from fcsearch.text import did_you_mean

_MISSING = {
    "parameters": "what to search is missing; add for example parameters: {epochs: 10}",
    "sampler": f"the sampler's name is missing; add for example name: {SAMPLERS[0]}",
}


def read_sections(root: Node) -> SpaceFile:
    """The document, checked but for its parameters.

    Raises:
        SpaceError: every mistake that pydantic found, and its place.
    """
    try:
        return SpaceFile.model_validate(root.plain())
    except ValidationError as error:
        found = Collector(root.mark.source)
        for refusal in refusals(error, schema_of(SpaceFile), synonyms=SYNONYMS):
            with found.collecting():
                raise _located(refusal, root) from None
        found.check()
        raise


def _located(refusal: Refusal, root: Node) -> SpaceError:
    """The error with the place of what is refused: a file's line, or an override."""
    node, keys, branch = root, list[str](), ""
    for step in refusal.path:
        if isinstance(node.value, dict) and step in node.value:
            node = node.value[str(step)]
            keys.append(str(step))
        elif isinstance(node.value, tuple) and isinstance(step, int):
            node = node.value[step]
            keys[-1] += f"[{step}]"
        else:
            branch = str(step)
    key, above = ".".join(keys), ".".join(keys[:-1]) or "space"
    hint = did_you_mean(refusal.near)
    if refusal.kind == "missing":
        section = str(refusal.path[0])
        return node.fail(section, _MISSING[section])
    if refusal.kind == "together":
        return node.fail_key(above, refusal.says)
    if refusal.kind == "unknown":
        what = f"{branch} has no option" if branch in SAMPLERS else "unknown key"
        known = instead(keys[-1], refusal.known) if refusal.known else "; it has none"
        if len(keys) == 1 and keys[0] in HYPERPARAMETERS:
            known, hint = "; indent it below parameters", ""
        return node.fail_key(above, f"{what} {reprlib.repr(keys[-1])}{known if ':' in keys[-1] else hint or known}")
    found = node.found(integer=refusal.says.startswith("an integer"))
    return node.fail(key, f"{refusal.says} is needed; found {found}{hint}")


def dataset_of(file: SpaceFile, root: Node) -> DatasetSpec:
    """The dataset, with what the file says of it beside it; it is not loaded."""
    options = root.value["dataset"].value if isinstance(root.value, dict) and "dataset" in root.value else None
    own_folds = isinstance(options, dict) and "folds" in options
    beside = {"task": file.task, "class_weight": file.class_weight, "folds": None if own_folds else file.folds}
    given: dict[str, Any] = {key: value for key, value in beside.items() if value is not None}
    return dataclasses.replace(file.dataset, **given)


def check_sampler_fits(sampler: SamplerSpec, parameters: Mapping[str, Parameter], node: Node) -> None:
    """Refuse a sampler that could only draw at random in this space: that is what `random` is for."""
    ranges = [p for p in parameters.values() if isinstance(p, Range) and p.low < p.high and not p.when]
    needed = {"cmaes": 2, "qmc": 1}.get(sampler.name, 0)
    if len(ranges) < needed:
        raise node.fail(
            "sampler",
            f"{sampler.name} needs {needed} or more ranges that always apply; found {len(ranges)}. "
            "Take tpe or random, or give ranges (low and high) for choices",
        )


def trials_of(file: SpaceFile, parameters: Mapping[str, Parameter], sampler_node: Node) -> int:
    """The number of trials: as the file says, with `grid` at most its size; one if nothing varies."""
    given = file.trials if "trials" in file.model_fields_set else None
    if file.sampler.name == "grid":
        try:
            size = len(enumerate_grid(parameters))
        except SpaceError as error:
            raise sampler_node.fail("sampler", str(error)) from None
        return size if given is None else min(given, size)
    varied = any(not isinstance(parameter, Constant) for parameter in parameters.values())
    return file.trials if given is not None or varied else 1
