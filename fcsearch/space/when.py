"""The conditions that a space writes: `when` of a parameter."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.space.mistakes import Collector
from fcsearch.space.nodes import Node, instead
from fcsearch.space.parameters import Condition, Parameter, Range
from fcsearch.space.reading import read_value

MAX_CONDITION_VALUES = 10_000


def when_of(node: Node) -> Node | None:
    """What the field of a parameter says under `when`; None if it has none."""
    return node.value.get("when") if isinstance(node.value, dict) else None


def read_when(
    name: str, node: Node, drafts: Mapping[str, Parameter], *, named: Collection[str]
) -> tuple[Condition, ...]:
    """The conditions that the file writes for a parameter.

    Args:
        name: Its name.
        node: Its field.
        drafts: The parameters that can be read by themselves. Conditions on others are left out.
        named: The parameters that the space names, or implies.

    Raises:
        SpaceError: every mistake in them.
    """
    when, key = when_of(node), f"parameters.{name}.when"
    if when is None:
        return ()
    if not isinstance(when.value, dict) or not when.value:
        raise when.fail(key, f"when must be a mapping such as {{update_rule: adam}}; found {when.found()}")
    conditions, mistakes = [], Collector(node.mark.source)
    for parent, field in when.value.items():
        with mistakes.collecting():
            if parent == name:
                raise field.fail_key(key, f"{name} cannot depend on itself")
            if parent not in HYPERPARAMETERS:
                raise field.fail_key(key, f"unknown parameter {reprlib.repr(parent)}{instead(parent, HYPERPARAMETERS)}")
            if parent not in named:
                raise field.fail_key(key, f"{parent} is not in this space; name it under parameters")
            if parent in drafts:
                values = _read_condition(parent, field, f"{key}.{parent}", drafts[parent])
                conditions.append(Condition(parent, values))
    mistakes.check()
    return tuple(conditions)


def _read_condition(parent: str, node: Node, key: str, draft: Parameter) -> tuple[Any, ...]:
    """The values of `parent` under which a condition holds."""
    if isinstance(draft, Range) and not draft.is_integer:
        raise node.fail_key(key, f"{parent} is a continuous range; a condition needs a parameter with listed values")
    if len(draft.finite_values() or ()) > MAX_CONDITION_VALUES:
        raise node.fail_key(key, f"a condition needs a parameter of at most {MAX_CONDITION_VALUES} values; found more")
    items = node.value if isinstance(node.value, tuple) else (node,)
    lists = bool(items) and all(isinstance(item.value, tuple) for item in items)
    if HYPERPARAMETERS[parent].kind == "widths" and not lists:
        items = (node,)  # one list of widths, not a list of such lists
    if not items:
        raise node.fail(key, f"at least one value of {parent} is needed; found {node.found()}")
    found, mistakes = list[Any](), Collector(node.mark.source)
    for item in items:
        with mistakes.collecting():
            found.append(read_value(parent, item, key))
    mistakes.check()
    return tuple(dict.fromkeys(found))
