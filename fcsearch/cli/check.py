"""`fcsearch check`: is the hand-written arithmetic right on this machine?"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from fcsearch.cli.shared_options import output_format
from fcsearch.errors import ConfigError, FcsearchError

if TYPE_CHECKING:
    import torch

    from fcsearch.nn.gradcheck import Check

    Checks = Mapping[torch.device, Sequence[Check]]


@click.command()
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where to compute: cpu, cuda, cuda:1, ...; auto: on every device of this machine.",
)
@output_format
def check(device: str, form: str) -> None:
    """Check every hand-written gradient and update rule on this machine, and the engine that trains packs.

    Compares the plain net with independent references: every layer, loss and network with central differences and
    autograd, every update rule with plain arithmetic over 50 steps. Then compares the engine with the plain net: its
    passes, losses and update rules, and whole training with every setting, alone and in packs, with its compiled
    kernels and with torch operations, in both float64 and float32. Prints the relative errors, in JSON those of every
    single comparison. Exits with 1 if any is above its limit.

    \b
    Example:
      fcsearch check
      fcsearch check --device cuda --format json
    """
    import torch

    targets = _devices(device)
    from fcsearch.cli.console import print_sentence
    from fcsearch.nn.selfcheck import run_checks
    from fcsearch.training.checks import run_engine_checks

    started = time.perf_counter()
    checks = {target: [*run_checks(target), *run_engine_checks(target)] for target in targets}
    seconds = time.perf_counter() - started
    if form == "json":
        click.echo(json.dumps(_as_json(checks, seconds), indent=2))
    else:
        for target, found in checks.items():
            _print_tables(found, target)
        count = sum(map(len, checks.values()))
        print_sentence(
            f"{count} checks in {seconds:.1f} s on {', '.join(map(_describe, targets))} (torch {torch.__version__})"
        )
    _raise_failed(checks)


def _raise_failed(checks: Checks) -> None:
    """FcsearchError with the first check that failed, if one did."""
    failed = [(target, check) for target, found in checks.items() for check in found if not check.passed]
    if not failed:
        return
    target, first = failed[0]
    count = sum(map(len, checks.values()))
    raise FcsearchError(
        f"every check must pass; {len(failed)} of {count} failed, the first on {target}: {first.subject}, "
        f"{first.quantity} against {first.reference} ({first.arithmetic}): relative error {first.error:.1e}, "
        f"limit {first.limit:.0e}; do not trust training on this device: try another device or torch version, "
        "or FCSEARCH_NATIVE=0 if only the kernels failed"
    )


def _devices(name: str) -> list[torch.device]:
    """The torch devices that the option names; ConfigError if this machine has no such device."""
    import torch

    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    known = ["cpu", *(["cuda"] if gpus else []), *gpus]
    if name != "auto" and name not in known:
        raise ConfigError(f"--device must be auto, or one of {', '.join(known)} on this machine; found {name!r}")
    return [torch.device(device) for device in (["cpu", *gpus] if name == "auto" else [name])]


def _describe(device: torch.device) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _as_json(checks: Checks, seconds: float) -> dict[str, Any]:
    import torch

    rows = [
        {
            "device": str(target),
            "subject": check.subject,
            "arithmetic": check.arithmetic,
            "quantity": check.quantity,
            "reference": check.reference,
            "relative_error": check.error if math.isfinite(check.error) else None,
            "limit": check.limit,
            "passed": check.passed,
        }
        for target, found in checks.items()
        for check in found
    ]
    return {
        "device": ", ".join(map(str, checks)),
        "torch": torch.__version__,
        "seconds": seconds,
        "passed": all(row["passed"] for row in rows),
        "checks": rows,
    }


def _print_tables(checks: Sequence[Check], device: torch.device) -> None:
    """The plain net against references of other kinds, and the engine against the plain net."""
    from fcsearch.cli.console import print_sentence
    from fcsearch.nn.gradcheck import ARITHMETIC, AUTOGRAD, DIFFERENCES, LIMITS, PLAIN_NET

    plain = {"differences": ("plain net", {DIFFERENCES}), "exact": ("plain net", {AUTOGRAD, ARITHMETIC})}
    _print_table(f"plain net, {device}", checks, plain)
    print_sentence(f"differences: central differences, must be below {LIMITS[DIFFERENCES]:.0e}")
    print_sentence(f"exact: autograd, or plain arithmetic for update rules, must be below {LIMITS[AUTOGRAD]:.0e}\n")
    ways = sorted({check.arithmetic for check in checks} - {"plain net"})
    numbers = {str(dtype).removeprefix("torch."): reference for dtype, reference in PLAIN_NET.items()}
    engine = {f"{way} {dtype}": (way, {reference}) for way in ways for dtype, reference in numbers.items()}
    _print_table(f"packs, {device}", checks, engine)
    limits = ", ".join(f"below {LIMITS[reference]:.0e} in {dtype}" for dtype, reference in numbers.items())
    print_sentence(f"against the plain net: must be {limits}")
    if "kernels" not in ways:
        missing = "C compiler" if device.type == "cpu" else "cuda-bindings beside torch"
        print_sentence(f"kernels: none here (no {missing}, or FCSEARCH_NATIVE=0): packs train with torch operations")
    click.echo()


def _print_table(title: str, checks: Sequence[Check], columns: Mapping[str, tuple[str, set[str]]]) -> None:
    """One line per subject: the worst error in each column, and the first quantities that failed.

    Args:
        title: Title of the subjects' column.
        checks: Those of a device.
        columns: By name: the arithmetic and the references of the checks in that column.
    """
    from rich.table import Table
    from rich.text import Text

    from fcsearch.cli.console import print_table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(title, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right")
    table.add_column("")
    belongs = [check for check in checks if any(_is_in(check, column) for column in columns.values())]
    for subject in dict.fromkeys(check.subject for check in belongs):
        same = [check for check in belongs if check.subject == subject]
        failed = list(dict.fromkeys(check.quantity for check in same if not check.passed))
        verdict = Text(f"FAIL {_some(failed)}", style="bold red") if failed else Text("pass", style="green")
        errors = ([check.error for check in same if _is_in(check, column)] for column in columns.values())
        table.add_row(subject, *map(_worst, errors), verdict)
    print_table(table)


def _is_in(check: Check, column: tuple[str, set[str]]) -> bool:
    arithmetic, references = column
    return check.arithmetic == arithmetic and check.reference in references


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more}"


def _worst(errors: Sequence[float]) -> str:
    # An error that is not a number is the worst of all.
    return f"{max(errors, key=lambda error: (math.isnan(error), error)):.1e}" if errors else "-"
