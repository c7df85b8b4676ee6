"""What the benchmarks share: fair timing, the machine's description, tables, and the JSON file of results."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import torch
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("fcsearch", "torch", "ray", "optuna", "scikit-learn", "numpy", "pyarrow")


keep_option = click.option(
    "--save/--no-save", "keep", default=True, help="Whether the figures go to benchmarks/results."
)


def machine() -> dict[str, Any]:
    """The hardware and the versions that a figure belongs to."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"cpu": _cpu(), "cores": os.cpu_count(), "gpu": gpu, "python": platform.python_version(), **versions}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    if "model name" not in fields:
        return platform.processor() or platform.machine()
    return f"{fields['model name']} (family {fields.get('cpu family', '?')} model {fields.get('model', '?')})"


def machine_name() -> str:
    """A short name for the file of results: the accelerator, or else the processor and its cores."""
    found = machine()
    text = found["gpu"] or f"{found['cores']}-core {found['cpu']}"
    return "-".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def interleaved(
    candidates: Mapping[str, Callable[[], object]], *, rounds: int, seconds: float, device: str = "cpu"
) -> dict[str, list[float]]:
    """Time candidates in turns, so that a machine's moods hit all alike.

    Args:
        candidates: What to time, by name.
        rounds: Measurements of each.
        seconds: Least wall time of one measurement; a candidate is repeated within it.
        device: `cuda` waits for the device at the ends of a measurement.

    Returns:
        Seconds a call, one for each round, by name.
    """
    calls = {name: _calls_in(function, seconds, device) for name, function in candidates.items()}
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, function in candidates.items():
            times[name].append(_time(function, calls[name], device))
    return times


def _calls_in(function: Callable[[], object], seconds: float, device: str) -> int:
    _time(function, 2, device)  # warm up
    return max(1, round(seconds / max(_time(function, 1, device), 1e-9)))


def _time(function: Callable[[], object], calls: int, device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(calls):
        function()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / calls


def chosen(text: str, known: Collection[str]) -> list[str]:
    """The names in an option's text, `a,b`, each of which must be known."""
    names = text.split(",")
    for name in names:
        if name not in known:
            raise click.UsageError(f"found {name!r}, which must be one of {', '.join(known)}")
    return names


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, and the quartiles as the spread."""
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return {"n": len(values), "median": statistics.median(values), "q1": low, "q3": high}


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of equal keys."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for position, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if position == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    console.print(table)


def save(benchmark: str, content: Mapping[str, Any]) -> Path:
    """Put a benchmark's result beside the others of this machine, and return the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{machine_name()}.json"
    everything = json.loads(path.read_text()) if path.exists() else {}
    everything[benchmark] = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), **content}
    path.write_text(json.dumps(everything, indent=1, sort_keys=True) + "\n")
    return path
