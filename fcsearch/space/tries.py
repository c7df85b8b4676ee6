"""Configurations that a user wants tried first: `learning_rate=0.01,depth=3`."""

from __future__ import annotations

import re
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.errors import SpaceError
from fcsearch.space.document import read_text
from fcsearch.space.nodes import instead
from fcsearch.space.parameters import Constant, show
from fcsearch.space.reading import read_value
from fcsearch.space.search_space import SearchSpace

# A comma that is in no brackets, as those of a list of widths are.
_COMMA = re.compile(r",(?![^\[]*\])")


def read_try(text: str, space: SearchSpace) -> dict[str, Any]:
    """The values that a text gives to parameters of the space; the sampler chooses those that it does not name.

    Args:
        text: `key=value,...`, with values in YAML.
        space: What is searched.

    Raises:
        SpaceError: what is no such text, or lies outside the space.
    """
    source, values = f"--try {text}", dict[str, Any]()
    for part in _COMMA.split(text):
        name, sign, value = part.partition("=")
        name = name.strip()
        if not sign or not name:
            raise SpaceError(f"{source}: a configuration is key=value,..., such as learning_rate=0.01; found {part!r}")
        if name not in HYPERPARAMETERS:
            raise SpaceError(f"{source}: unknown parameter {name!r}{instead(name, space.parameters)}")
        if name in values:
            raise SpaceError(f"{source}: {name} must be named once; found it twice")
        values[name] = read_value(name, read_text(value, source, positions=False), name)
    for name, value in values.items():
        _check(name, value, space, source)
    for name in values:
        for condition in space.parameters[name].when:
            parent = space.parameters.get(condition.parent)
            known = values.get(condition.parent, parent.value if isinstance(parent, Constant) else None)
            if known is not None and known not in condition.values:
                needed = " or ".join(show(value) for value in condition.values)
                raise SpaceError(
                    f"{source}: {name} is read where {condition.parent} is {needed}; found {show(known)}; leave it out"
                )
    return values


def _check(name: str, value: Any, space: SearchSpace, source: str) -> None:
    if name not in space.parameters:
        raise SpaceError(
            f"{source}: {name} is not searched in this space; name one of {', '.join(space.parameters)}, or add it "
            f"with --set parameters.{name}=..."
        )
    parameter = space.parameters[name]
    if not parameter.contains(value):
        raise SpaceError(
            f"{source}: {name} must lie in the space, {parameter.describe()}; found {show(value)}; widen it with --set "
            f"parameters.{name}=..."
        )
