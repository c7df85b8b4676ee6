"""The reference of a space's parameters, for the docs."""

from __future__ import annotations

from fcsearch.config import HYPERPARAMETERS, Hyperparameter
from fcsearch.space.parameters import show


def parameters_markdown() -> str:
    """A Markdown table of every parameter: what values it takes, its default, where it is read, and its meaning."""
    lines = ["| parameter | values | default | read where | meaning |", "| --- | --- | --- | --- | --- |"]
    for parameter in HYPERPARAMETERS.values():
        values = parameter.requirement.removeprefix("one of ")
        default = "" if parameter.name == "hidden_dims" else f"`{show(parameter.default)}`"
        lines.append(f"| `{parameter.name}` | {values} | {default} | {_where(parameter)} | {parameter.meaning} |")
    return "\n".join(lines) + "\n"


def _where(parameter: Hyperparameter) -> str:
    if parameter.under is not None:
        return f"`{parameter.under[0]}` is {' or '.join(parameter.under[1])}"
    return "there is a hidden layer" if parameter.needs_hidden_layer else "always"
