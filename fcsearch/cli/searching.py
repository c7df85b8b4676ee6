"""What `fcsearch run` and `fcsearch resume` share: options, and the last lines of output."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fcsearch.cli.number_types import Integer, Number
from fcsearch.cli.shared_options import options
from fcsearch.text import without_commas

if TYPE_CHECKING:
    from fcsearch.search.execution import SearchResult
    from fcsearch.space import SearchSpace

# Exit codes as shells give them: 128 and the signal's number.
_INTERRUPTED = {"interrupt": 130, "terminate": 143}
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


class Duration(click.ParamType[float]):
    """A time such as 90s, 10m or 1h30m, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The duration in seconds."""
        if isinstance(value, (int, float)):
            return float(value)
        parts = _PART.findall(value)
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
        # Of 1h30 it is not known whether minutes are meant.
        unclear = len(parts) > 1 and not all(unit for _, unit in parts)
        if "".join(number + unit for number, unit in parts) != value or unclear or seconds <= 0:
            self.fail(f"a time must be above 0 and written like 90s, 10m or 1h30m; found {value!r}", param, ctx)
        return seconds


class AutoNumber(click.ParamType[int | str]):
    """An integer, or `auto`.

    Args:
        what: What it means, for messages.
        least: The smallest allowed integer.
    """

    def __init__(self, what: str, *, least: int) -> None:
        self.name = what
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """The number, or the word."""
        if value == "auto" or isinstance(value, int):
            return value  # type: ignore[no-any-return]
        if not value.isdecimal() or int(value) < self._least:
            plain = without_commas(value, integer=True)
            found = f"{value!r}{f'; {plain}' if plain else ''}"
            self.fail(f"{self.name} must be an integer of at least {self._least}, or auto; found {found}", param, ctx)
        return int(value)


# Resources, the time budget and the output.
resource_options = options(
    click.option(
        "--time-budget",
        type=Duration(),
        metavar="TIME",
        help="The command's whole time, nearly: training ends early enough for the report. 90s, 10m, 1h30m.",
    ),
    click.option(
        "--workers",
        type=Integer(min=1),
        help="Packs trained at once. Default: one per GPU, else one per core.",
    ),
    click.option("--gpus-per-worker", type=Number(min=0), help="GPUs of each worker; 0.5 shares one, 0 uses none."),
    click.option(
        "--cpus-per-worker",
        type=Number(min=0, min_open=True),
        help="CPUs, and threads, of each worker. Default: 1.",
    ),
    click.option(
        "--tf32",
        is_flag=True,
        default=None,
        help="Multiply in TF32 on GPUs: faster, but with a mantissa of 10 bits instead of 23.",
    ),
    click.option(
        "--pack-size",
        type=AutoNumber("a pack size", least=1),
        metavar="N|auto",
        help="The most trials that train together, in one pass (a pack). Default: auto.",
    ),
    click.option(
        "--keep-models", type=Integer(min=1), help="How many of the best trials keep their weights. Default: 3."
    ),
    click.option(
        "--pool",
        type=click.Choice(["ray", "local"]),
        help="What trains the packs: Ray, or processes of this machine without Ray. Default: ray.",
    ),
    click.option(
        "--checkpoint-every",
        type=Number(min=0),
        metavar="SECONDS",
        help="How often long trials are saved while they train, for `resume` to continue from. Default: 10.",
    ),
    click.option("--address", metavar="HOST:PORT", help="Search on this Ray cluster instead of this machine alone."),
    click.option("--quiet", is_flag=True, help="Show nothing but errors, and print the run directory at the end."),
    click.option("--verbose", is_flag=True, help="Also show a line for every trial."),
)


refit_option = click.option(
    "--refit/--no-refit",
    default=None,
    help="Also train the winner on training and validation rows together. Default: only with folds.",
)
# How to search.
search_options = options(
    click.option(
        "--confirm",
        type=AutoNumber("a number of configurations", least=0),
        metavar="N|auto",
        help="How many of the best are trained again with other seeds; 0: none. Default: as many as take little time.",
    ),
    click.option("--confirm-seeds", type=Integer(min=1), help="With how many other seeds. Default: 5 at most."),
    refit_option,
    click.option("--ensemble", type=Integer(min=0), help="Candidates for the ensemble; 0: no ensemble. Default: 50."),
    click.option(
        "--page-every",
        type=Number(min=0),
        metavar="SECONDS",
        help="How often report.html is written while the search is running; 0: only at its end. Default: 30.",
    ),
    resource_options,
)


def varying(space: SearchSpace) -> list[str]:
    """The parameters that differ between trials."""
    from fcsearch.space import Constant

    return [name for name, parameter in space.parameters.items() if not isinstance(parameter, Constant)]


@contextlib.contextmanager
def going_on(path: Path, *, again: str = "resume") -> Iterator[None]:
    """Where a second signal ends a run at once, say with which command it goes on; exits with 130, or 143 (SIGTERM)."""
    try:
        yield
    except KeyboardInterrupt as signal:
        from fcsearch.cli.console import print_sentence
        from fcsearch.results import remote
        from fcsearch.results.no_run import MANIFEST

        if not (path / MANIFEST).is_file():
            raise
        from fcsearch.search.loop.interruption import Terminated

        print_sentence(_go_on("interrupted", again, remote.address(path)), sys.stderr)
        click.get_current_context().exit(_INTERRUPTED["terminate" if isinstance(signal, Terminated) else "interrupt"])


def _go_on(why: str, again: str, path: str) -> str:
    return f"{why}: continue with `{shlex.join(['fcsearch', again, path])}`"


def conclude(result: SearchResult, *, quiet: bool, again: str = "resume") -> None:
    """Print the report and, with the command `again`, how to continue; exits with 130 (Ctrl-C) or 143 (SIGTERM)."""
    from fcsearch.cli.console import print_sentence
    from fcsearch.results import remote

    path = remote.address(result.run.path)
    if quiet:
        click.echo(path)
    elif result.report is not None:
        from fcsearch.cli.closing import print_closing
        from fcsearch.cli.console import print_report

        print_report(result.report)
        print_closing(result.report)
    if result.ended_by != "trials" and not quiet:
        why = "the time budget is used up" if result.ended_by == "time_budget" else "interrupted"
        print_sentence(_go_on(why, again, path), sys.stderr)
    if (code := _INTERRUPTED.get(result.ended_by)) is not None:
        click.get_current_context().exit(code)
