"""`fcsearch check`: is the hand-written arithmetic right on this machine?"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from fcsearch.errors import ConfigError, FcsearchError

if TYPE_CHECKING:
    import torch

    from fcsearch.nn.gradcheck import Check


@click.command()
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where to compute: cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A table for people, or JSON with every single comparison for programs.",
)
def check(device: str, output: str) -> None:
    """Check every hand-written gradient and update rule on this machine.

    Holds the backward pass of every layer, loss and network, plain and with a member axis, to central differences
    and to autograd, and every update rule to plain arithmetic over 50 steps; all in double precision. Prints the
    relative errors. Exits with 1 if any is above its limit.

    \b
    Example:
      fcsearch check
      fcsearch check --device cuda --format json
    """
    target = _device(device)
    from fcsearch.nn.selfcheck import run_checks

    started = time.perf_counter()
    checks = list(run_checks(target))
    seconds = time.perf_counter() - started
    if output == "json":
        click.echo(json.dumps(_as_json(checks, target, seconds), indent=2))
    else:
        _print_table(checks)
        click.echo(f"{len(checks)} checks in {seconds:.1f} s on {_describe(target)}")
    failed = [check for check in checks if not check.passed]
    if failed:
        worst = failed[0]
        raise FcsearchError(
            f"every check must pass; {len(failed)} of {len(checks)} failed on {target}, the first: {worst.subject}, "
            f"{worst.quantity} against {worst.reference}: relative error {worst.error:.1e}, limit {worst.limit:.0e}; "
            "do not trust training on this device: try --device cpu, or another torch version"
        )


def _device(name: str) -> torch.device:
    """Make a torch device of the option; ConfigError if there is none of that name on this machine."""
    import torch

    gpus = torch.cuda.device_count()
    known = ["cpu", *(["cuda"] if gpus else []), *(f"cuda:{index}" for index in range(gpus))]
    if name != "auto" and name not in known:
        raise ConfigError(f"--device must be auto, or one of {', '.join(known)} on this machine; found {name!r}")
    return torch.device(name if name != "auto" else known[min(1, gpus)])


def _describe(device: torch.device) -> str:
    import torch

    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return f"{kind} (torch {torch.__version__})"


def _as_json(checks: Sequence[Check], device: torch.device, seconds: float) -> dict[str, Any]:
    import torch

    rows = [
        {
            "subject": check.subject,
            "quantity": check.quantity,
            "reference": check.reference,
            "relative_error": check.error if math.isfinite(check.error) else None,
            "limit": check.limit,
            "passed": check.passed,
        }
        for check in checks
    ]
    passed = all(check.passed for check in checks)
    return {"device": str(device), "torch": torch.__version__, "seconds": seconds, "passed": passed, "checks": rows}


def _print_table(checks: Sequence[Check]) -> None:
    """One line a subject: the worst error against each kind of reference, and the quantities that failed."""
    from rich.table import Table
    from rich.text import Text

    from fcsearch.cli.console import print_table
    from fcsearch.nn.gradcheck import AUTOGRAD, DIFFERENCES, LIMITS

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("checked", no_wrap=True)
    table.add_column("differences", justify="right")
    table.add_column("exact", justify="right")
    table.add_column("")
    for subject, group in itertools.groupby(checks, key=lambda check: check.subject):
        same = list(group)
        failed = dict.fromkeys(check.quantity for check in same if not check.passed)
        verdict = Text(f"FAIL {' '.join(failed)}", style="bold red") if failed else Text("pass", style="green")
        differences = [check.error for check in same if check.reference == DIFFERENCES]
        exact = [check.error for check in same if check.reference != DIFFERENCES]
        table.add_row(subject, _worst(differences), _worst(exact), verdict)
    print_table(table)
    click.echo(f"differences: central differences, must be below {LIMITS[DIFFERENCES]:.0e}")
    click.echo(f"exact: autograd, or plain arithmetic for update rules, must be below {LIMITS[AUTOGRAD]:.0e}")


def _worst(errors: Sequence[float]) -> str:
    # An error that is no number is the worst of all.
    return f"{max(errors, key=lambda error: (math.isnan(error), error)):.1e}" if errors else "-"
