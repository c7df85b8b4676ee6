"""The options of `fcsearch train` for hyperparameters, and the configuration that they make."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import click

from fcsearch.cli.number_types import AnyInteger, AnyNumber
from fcsearch.config import HYPERPARAMETERS, Hyperparameter, TrialConfig
from fcsearch.config.objective import LOSSES_OF, Task
from fcsearch.config.update_rules import decoupled
from fcsearch.errors import UsageError
from fcsearch.text import did_you_mean, nearest


class _Widths(click.ParamType[tuple[int, ...]]):
    """Integers separated by commas."""

    name = "widths"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The integers as a tuple."""
        try:
            parts = [part.strip() for part in value.split(",") if part.strip()]
            # In 1,024 the comma is not between two layers.
            if any(part != str(int(part)) for part in parts):
                raise ValueError
            return tuple(map(int, parts))
        except ValueError:
            self.fail(
                f"integers separated by commas are needed, such as 512,256 and not 0512; found {value!r}", param, ctx
            )


class _Words(click.Choice[str]):
    """One of some words; of any other, what was meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word."""
        if value not in self.choices:
            hint = did_you_mean(nearest(value, self.choices))
            if param is not None and param.name == "update_rule" and (rule := decoupled(value)):
                hint = f"; {value} is {rule} with weight decay, such as --update-rule {rule} --weight-decay 0.1"
            self.fail(f"must be one of {', '.join(self.choices)}; found {value!r}{hint}", param, ctx)
        return str(value)


_TYPES: dict[str, Any] = {"integer": AnyInteger(), "number": AnyNumber(), "widths": _Widths()}


def parameter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each hyperparameter; `--hidden-dims` replaces a space's `depth` and `hidden_dim`."""
    command = click.option("--seed", type=AnyInteger(), help="Seed of every random draw.")(command)
    for parameter in reversed(HYPERPARAMETERS.values()):
        if parameter.name not in ("depth", "hidden_dim"):
            kind = _TYPES.get(parameter.kind) or _Words(parameter.words)
            command = click.option(_option(parameter.name), type=kind, help=_help(parameter))(command)
    return command


def _help(parameter: Hyperparameter) -> str:
    if parameter.name == "hidden_dims":
        return "Units of each hidden layer, such as 512,256; '' for none."
    if parameter.under is None:
        return f"{parameter.meaning}."
    return f"{parameter.meaning}; for {parameter.under[0]} {' and '.join(parameter.under[1])}."


def changed(config: TrialConfig, parameters: dict[str, Any]) -> TrialConfig:
    """The configuration with the options that are given (None: it is not), and what they imply.

    Raises:
        ConfigError: a value outside its range.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    for known in HYPERPARAMETERS.values():
        if known.implies_parent and known.under is not None and known.name in given:
            parent, values = known.under
            given.setdefault(parent, values[0])
    return dataclasses.replace(config, **given)


def require_read(config: TrialConfig, parameters: dict[str, Any]) -> None:
    """Refuse an option that is given and that this network never reads; UsageError."""
    for known in HYPERPARAMETERS.values():
        if parameters.get(known.name) is None:
            continue
        if known.under is not None and not config.reads(known.name):
            parent, values = known.under
            other, found = _option(parent), getattr(config, parent)
            cure = f"leave it out, or give {other} {values[0]}"
            raise UsageError(
                f"{_option(known.name)} is read where {other} is {' or '.join(values)}; found {found}; {cure}"
            )
        if known.needs_hidden_layer and not config.hidden_dims:
            cure = "leave it out, or give --hidden-dims 100"
            raise UsageError(f"{_option(known.name)} needs a hidden layer; found a network without one; {cure}")


def for_task(config: TrialConfig, task: Task) -> TrialConfig:
    """The configuration with a loss of this task: the task's default, if it has the default of another task.

    Raises:
        UsageError: the loss is one of another task that was chosen.
    """
    losses = LOSSES_OF[task]
    if config.loss in losses:
        return config
    if config.loss != HYPERPARAMETERS["loss"].default:
        raise UsageError(f"--loss for a {task} must be {' or '.join(losses)}; found {config.loss}")
    return dataclasses.replace(config, loss=losses[0])


def _option(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"
