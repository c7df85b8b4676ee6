"""The sections of a space file beside its parameters: dataset, sampler, trials, early stopping."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Mapping
from typing import Any, cast

from fcsearch.config.objective import TASKS, Task
from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import DataError, SpaceError
from fcsearch.space.grid import enumerate_grid
from fcsearch.space.nodes import Node, fields_of, instead
from fcsearch.space.parameters import Constant, Parameter, Range
from fcsearch.space.reading import check_option
from fcsearch.space.vocabulary import (
    DEFAULT_DATASET,
    DEFAULT_SAMPLER,
    DEFAULT_TRIALS,
    EARLY_STOPPING_OPTIONS,
    SAMPLER_OPTIONS,
    TRIALS_SCHEMA,
)


@dataclasses.dataclass(frozen=True)
class SamplerSpec:
    """Which of Optuna's samplers suggests the trials.

    Attributes:
        name: `tpe`, `random`, `grid`, `qmc`, `cmaes` or `gp`.
        options: Arguments of the sampler's constructor, those that the file names.
    """

    name: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
    """Asynchronous successive halving: of all trials that reach a rung, the best 1 in `reduction_factor` go on.

    Attributes:
        method: `asha`.
        min_epochs: Epochs of the first rung; each next rung is `reduction_factor` times as far.
        reduction_factor: At least 2.
    """

    method: str = "asha"
    min_epochs: int = 3
    reduction_factor: int = 3


def read_choice(node: Node | None, key: str, known: tuple[str, ...]) -> str | None:
    """One of some words, or None where there is none."""
    if node is None or node.value is None:
        return None
    check_option(node, key, {"enum": list(known)})
    return str(node.value)


def read_dataset(node: Node | None, task: Node | None = None, class_weight: Node | None = None) -> DatasetSpec:
    """The dataset that `node` names, its options checked; it is not loaded.

    `task` says what is learned of it, and `class_weight` how much the rows of each class count.
    """
    spec = _read_spec(node)
    if (named := cast(Task | None, read_choice(task, "task", TASKS))) is not None:
        spec = dataclasses.replace(spec, task=named)
    if class_weight is None or class_weight.value is None:
        return spec
    try:
        return dataclasses.replace(spec, class_weight=class_weight.plain())
    except DataError as error:
        raise class_weight.fail("class_weight", str(error)) from None


def _read_spec(node: Node | None) -> DatasetSpec:
    if node is None:
        return DatasetSpec.from_value(DEFAULT_DATASET)
    if not isinstance(node.value, (str, dict)):
        raise node.fail("dataset", f"a name, a path or a mapping with options is needed; found {node.found()}")
    try:
        return DatasetSpec.from_value(node.plain())
    except DataError as error:
        raise node.fail("dataset", str(error)) from None


def read_sampler(node: Node | None) -> SamplerSpec:
    """The sampler, from its name or from a mapping of `name` and options."""
    if node is None:
        return SamplerSpec(DEFAULT_SAMPLER)
    fields = node.value if isinstance(node.value, dict) else {"name": node}
    name = fields.get("name")
    if name is None:
        raise node.fail("sampler", f"the sampler's name is missing; add for example name: {DEFAULT_SAMPLER}")
    check_option(name, "sampler", {"enum": list(SAMPLER_OPTIONS)})
    known = SAMPLER_OPTIONS[str(name.value)]
    options = {key: field for key, field in fields.items() if key != "name"}
    for key, field in options.items():
        if key not in known:
            hint = instead(key, known) if known else "; it has none"
            raise field.fail_key("sampler", f"{name.value} has no option {reprlib.repr(key)}{hint}")
        check_option(field, f"sampler.{key}", known[key])
    _check_combination(options)
    return SamplerSpec(str(name.value), {key: field.value for key, field in options.items()})


def _check_combination(options: Mapping[str, Node]) -> None:
    """Refuse options that Optuna does not take together."""
    chosen = [key for key in ("use_separable_cma", "with_margin", "lr_adapt") if key in options and options[key].value]
    if len(chosen) > 1:
        raise options[chosen[1]].fail_key(
            "sampler", f"{chosen[0]} and {chosen[1]} do not go together; keep one of them"
        )
    given = {key: field.value for key, field in options.items()}
    if given.get("group") and given.get("multivariate") is False:
        raise options["group"].fail_key("sampler", "group needs multivariate: true; found multivariate: false")


def check_sampler_fits(sampler: SamplerSpec, parameters: Mapping[str, Parameter], node: Node) -> None:
    """Refuse a sampler that could only draw at random in this space, which `random` does without the pretence."""
    ranges = [p for p in parameters.values() if isinstance(p, Range) and p.low < p.high and not p.when]
    needed = {"cmaes": 2, "qmc": 1}.get(sampler.name, 0)
    if len(ranges) < needed:
        raise node.fail(
            "sampler",
            f"{sampler.name} needs {needed} or more ranges that always apply; found {len(ranges)}. "
            "Take tpe or random, or give ranges (low and high) for choices",
        )


def read_trials(
    node: Node | None, sampler: SamplerSpec, parameters: Mapping[str, Parameter], sampler_node: Node
) -> int:
    """How many trials: as the file says, at most the grid under `grid`; one where there is nothing to vary."""
    given = None
    if node is not None:
        check_option(node, "trials", TRIALS_SCHEMA)
        given = cast(int, node.value)
    if sampler.name == "grid":
        try:
            size = len(enumerate_grid(parameters))
        except SpaceError as error:
            raise sampler_node.fail("sampler", str(error)) from None
        return size if given is None else min(given, size)
    varied = any(not isinstance(parameter, Constant) for parameter in parameters.values())
    return given if given is not None else (DEFAULT_TRIALS if varied else 1)


def read_early_stopping(node: Node | None) -> EarlyStopping | None:
    """Early stopping, from its method's name or from a mapping; None where there is none."""
    if node is None or node.value is None:
        return None
    known = EARLY_STOPPING_OPTIONS
    if not isinstance(node.value, dict):
        check_option(node, "early_stopping", known["method"])
        return EarlyStopping(method=str(node.value))
    fields = fields_of(node, "early_stopping", known=list(known), what="early_stopping")
    for key, field in fields.items():
        check_option(field, f"early_stopping.{key}", known[key])
    values: dict[str, Any] = {key: field.value for key, field in fields.items()}
    return EarlyStopping(**values)
