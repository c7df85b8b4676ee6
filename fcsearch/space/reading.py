"""From the nodes of a document to parameters without conditions, and the checks of single values."""

from __future__ import annotations

import contextlib
import math
import reprlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fcsearch.config import HYPERPARAMETERS, check_parameter
from fcsearch.config.update_rules import decoupled
from fcsearch.errors import ConfigError
from fcsearch.space.nodes import Node, fields_of, instead, spaced
from fcsearch.space.parameters import Choices, Constant, Parameter, Range, show
from fcsearch.text import without_commas

MAX_STEPS = 1_000_000
# The most layers that hidden_dims may name.
MAX_LAYERS = 999
# What the mapping of a parameter may have.
PARAMETER_KEYS = ("low", "high", "log", "step", "choices", "value", "when")
_EXAMPLES = {
    "integer": "{low: 2, high: 5} or {choices: [2, 3, 5]}",
    "number": "{low: 1.0e-4, high: 1.0e-1, log: true} or {choices: [0.1, 0.2]}",
    "word": "{choices: [a, b]}",
    "widths": "{choices: [[512, 256], [128]]}",
}


def read_value(name: str, node: Node, key: str) -> Any:
    """The value of the parameter `name` that `node` holds, in the type that a trial configuration has.

    Raises:
        SpaceError: a value that `fcsearch.config.check_parameter` refuses, or beyond the space's own limits.
    """
    parameter = HYPERPARAMETERS[name]
    if parameter.kind == "widths":
        return _read_widths(node, key)
    if isinstance(node.value, (dict, tuple)) or node.value is None:
        raise node.fail(key, f"{name} must be a single value here; found {node.found()}")
    if node.value in parameter.old_words:
        return node.value
    _check(name, node, key, node.value)
    limit = parameter.space_high
    if limit is not None and isinstance(node.value, int) and node.value > limit:
        raise node.fail(key, f"{name} must be at most {limit} in a space; found {node.found()}")
    return float(node.value) if parameter.kind == "number" and not isinstance(node.value, str) else node.value


def _read_widths(node: Node, key: str) -> tuple[int, ...]:
    """A list of layer widths."""
    if not isinstance(node.value, tuple):
        found = f"the text {reprlib.repr(node.value)}" if isinstance(node.value, str) else node.found()
        raise node.fail(key, f"hidden_dims must be a list of widths such as [512, 256]; found {found}")
    if len(node.value) > MAX_LAYERS:
        raise node.fail(key, f"hidden_dims must name at most {MAX_LAYERS} layers; found {len(node.value)}")
    return tuple(read_value("hidden_dim", item, f"{key}[{i}]") for i, item in enumerate(node.value))


def _check(name: str, node: Node, key: str, value: Any) -> None:
    """Refuse a value that `name` does not accept."""
    try:
        check_parameter(name, value[:60] if isinstance(value, str) else value)
    except ConfigError as error:
        words = HYPERPARAMETERS[name].words
        hint = ""
        if isinstance(value, str):
            hint = instead(value, words) if words else f" (text; {_unquoted(name, value)})"
            hint = spaced(value, PARAMETER_KEYS) or hint
            if name == "update_rule" and (rule := decoupled(value)):
                hint = f"; {value} is {rule} with a weight_decay, such as 0.1"
        # As the file writes it.
        truth = f"{name} must be {HYPERPARAMETERS[name].requirement}; found {node.found()}"
        raise node.fail(key, f"{truth if isinstance(value, bool) else error}{hint}") from None


def _unquoted(name: str, value: str) -> str:
    """What to write in place of a text where a number belongs."""
    integer = HYPERPARAMETERS[name].kind == "integer"
    if plain := without_commas(value, integer=integer):
        return plain
    with contextlib.suppress(ValueError, OverflowError):
        if math.isfinite(int(value) if integer else float(value)):
            return f"write it without quotes: {value.strip()}"
    return f"write a number without quotes: {name}: {1 if integer else 0.1}"


def read_parameter(name: str, node: Node) -> Parameter:
    """The parameter `name` as `node` describes it, its `when` left aside."""
    key = f"parameters.{name}"
    kind = HYPERPARAMETERS[name].kind
    if node.value is None:
        raise node.fail_key(key, f"a value is needed; found nothing. Write a constant, or {_EXAMPLES[kind]}")
    if not isinstance(node.value, dict):
        if isinstance(node.value, tuple) and (kind != "widths" or any(isinstance(v.value, tuple) for v in node.value)):
            raise node.fail(key, f"several values are written {_EXAMPLES[kind]}; found {node.found()}")
        return Constant(name, read_value(name, node, key))
    fields = fields_of(node, key, known=PARAMETER_KEYS, what=name)
    forms: list[str] = [form for form in ("value", "choices") if form in fields]
    forms += ["low and high"] if "low" in fields or "high" in fields else []
    if len(forms) != 1:
        found = " with ".join(forms) or "none"
        hint = f". Set {key} as a whole" if node.overridden else ""
        raise node.fail(key, f"one of value, choices, or low and high is needed; found {found}{hint}")
    for extra in ("log", "step"):
        if extra in fields and forms != ["low and high"]:
            raise fields[extra].fail_key(key, f"{extra} goes with low and high, not with {forms[0]}")
    if "value" in fields:
        return Constant(name, read_value(name, fields["value"], f"{key}.value"))
    return _read_choices(name, fields["choices"], key) if "choices" in fields else _read_range(name, node, fields, key)


def _read_choices(name: str, node: Node, key: str) -> Choices:
    key = f"{key}.choices"
    if not isinstance(node.value, tuple) or not node.value:
        raise node.fail(key, f"choices must be a list of at least one value; found {node.found()}")
    values: list[Any] = []
    for i, item in enumerate(node.value):
        value = read_value(name, item, f"{key}[{i}]")
        if value in values:
            raise item.fail(f"{key}[{i}]", f"every choice must be listed once; found {show(value)} again")
        values.append(value)
    return Choices(name, tuple(values))


def _read_range(name: str, node: Node, fields: Mapping[str, Node], key: str) -> Range:
    if HYPERPARAMETERS[name].kind not in ("integer", "number"):
        raise node.fail(key, f"{name} has no range; write {_EXAMPLES[HYPERPARAMETERS[name].kind]}")
    for bound in ("low", "high"):
        if bound not in fields:
            raise node.fail(key, f"a range needs low and high; {bound} is missing")
    low, high = (_read_bound(name, fields[bound], f"{key}.{bound}") for bound in ("low", "high"))
    if low > high:
        culprit = _culprit(fields, "low", "high")
        raise fields[culprit].fail(
            f"{key}.{culprit}", f"low must not be above high; found low {show(low)}, high {show(high)}"
        )
    log = "log" in fields and fields["log"].value
    if not isinstance(log, bool):
        raise fields["log"].fail(f"{key}.log", f"true or false is needed; found {fields['log'].found()}")
    if log and low <= 0:
        culprit = _culprit(fields, "low", "log")
        raise fields[culprit].fail(f"{key}.{culprit}", f"a log range must lie above 0; found low {show(low)}")
    step = None
    if "step" in fields:
        step = _read_step(fields["step"], f"{key}.step", integer=isinstance(low, int), log=log)
        _check_steps(fields, key, low, high, step)
    return Range(name, low, high, log=log, step=step)


def _culprit(fields: Mapping[str, Node], *names: str) -> str:
    """Which of the fields that contradict each other to name: the one that an override set, else the first."""
    return next((name for name in names if fields[name].overridden), names[0])


def _read_bound(name: str, node: Node, key: str) -> float:
    if isinstance(node.value, str):
        integer = HYPERPARAMETERS[name].kind == "integer"
        raise node.fail(key, f"the bound of a range must be a number; found {node.found(integer=integer)}")
    bound: float = read_value(name, node, key)
    return bound


def _read_step(node: Node, key: str, *, integer: bool, log: bool) -> float:
    step = node.value
    if not isinstance(step, (int, float)) or isinstance(step, bool) or not 0 < step < math.inf:
        raise node.fail(key, f"step must be a number above 0; found {node.found(integer=integer)}")
    if log:
        raise node.fail_key(key, "step does not go with log: true; leave one of them out")
    if integer and not isinstance(step, int):
        raise node.fail(key, f"the step between integers must be an integer; found {node.found()}")
    return step if integer else float(step)


def _check_steps(fields: Mapping[str, Node], key: str, low: float, high: float, step: float) -> None:
    """Refuse a step that does not lead from low to high, which Optuna would silently lower."""
    if (high - low) / step > MAX_STEPS:
        raise fields["step"].fail(
            f"{key}.step", f"a range has at most {MAX_STEPS} steps; found more. Take a longer one"
        )
    # In decimals, as they were written: 0.5 is five steps of 0.1, which binary fractions would deny.
    top, stride = Decimal(str(high)), Decimal(str(step))
    remainder = (top - Decimal(str(low))) % stride
    if remainder:
        culprit = _culprit(fields, "high", "low", "step")
        below = top - remainder
        would = f"{below.normalize():f} or {(below + stride).normalize():f}"
        raise fields[culprit].fail(
            f"{key}.{culprit}",
            f"high must be low plus whole steps of {show(step)}: {show(high)} is not, {would} would be",
        )
