"""Runs as their users read them: open one, find the latest, ask for the best trial and its network."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from fcsearch.config import TrialConfig
from fcsearch.errors import RunError
from fcsearch.results.directory import RunDirectory
from fcsearch.results.manifest import Manifest
from fcsearch.results.no_run import MANIFEST, has_lost_manifest
from fcsearch.results.ranking import best_row, trial_row
from fcsearch.results.records import row_config
from fcsearch.results.remote import address, fetch, is_url, run_urls, within
from fcsearch.results.schema import MODELS
from fcsearch.results.upgrade import to_current

if TYPE_CHECKING:
    from fcsearch.nn import FullyConnectedNet

DEFAULT_ROOT = Path("runs")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Run:
    """A run as it was when its tables were first read; open it again for what has come since."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory.path

    @cached_property
    def manifest(self) -> Manifest:
        """The content of run.json."""
        return self.directory.manifest()

    @cached_property
    def trials(self) -> pa.Table:
        """One row per trial, sorted by `trial_id`."""
        return self.directory.trials()

    @cached_property
    def epochs(self) -> pa.Table:
        """One row per trial and epoch, sorted by both."""
        return self.directory.epochs()

    @cached_property
    def confirmations(self) -> pa.Table:
        """One row per configuration that was trained again and seed, sorted by both."""
        return self.directory.confirmations()

    @cached_property
    def models(self) -> pa.Table:
        """One row per model and split that it was measured on; none before there is a report."""
        path = self.path / "models.parquet"
        return to_current(pq.read_table(path), MODELS) if path.is_file() else MODELS.empty_table()

    @property
    def best(self) -> dict[str, Any]:
        """The best trial's row; RunError while no trial has a result."""
        return best_row(self.trials, run=self.path)

    def config(self, trial_id: int | None = None) -> TrialConfig:
        """The configuration of a trial (the best one by default); RunError if the run has no such trial."""
        return row_config(self.best if trial_id is None else trial_row(self.trials, trial_id, run=self.path))

    def load_model(self, trial_id: int | None = None) -> FullyConnectedNet:
        """The network of a trial (the best one by default) with the weights of its best epoch, on the CPU.

        Raises:
            RunError: the trial's model was not kept.
        """
        return self.directory.models.load(self.best["trial_id"] if trial_id is None else trial_id)


def open_run(path: str | Path) -> Run:
    """Open a run directory, or a run at a URL, to read it, also during its search; RunError if there is none."""
    return Run(RunDirectory.open(fetch(path) if is_url(path) else Path(path)))


def find_runs(root: Path | str = DEFAULT_ROOT) -> list[Path]:
    """The run directories in a folder or at a URL, newest first; none if the folder does not exist."""
    return [path for _, path in sorted(((_created(path), path) for path in _candidates(root)), reverse=True)]


def resolve_run(name: str | None, root: Path | str = DEFAULT_ROOT) -> Path:
    """Where the run is that the user means; of a run at a URL, its local copy, which is brought up to date.

    Args:
        name: A path, a URL, the name of a run in the folder, or (None) the folder's newest run.
        root: The folder, or its URL.

    Raises:
        RunError: the newest run is asked for and there is none, or the URL cannot be reached or has no run.
    """
    if name is None:
        return latest_run(root)
    if is_url(name):
        return fetch(name)
    if is_url(root):
        return fetch(within(root, name))
    path = Path(name)
    is_name = len(path.parts) == 1 and path.name != os.pardir
    return path if not is_name or (path / "run.json").is_file() else Path(root, path)


def latest_run(root: Path | str = DEFAULT_ROOT) -> Path:
    """The newest run directory of a folder; RunError if it has none."""
    runs = find_runs(root)
    if not runs:
        raise RunError(
            f"{root} must hold a run; found none; start one with `fcsearch run --space FILE`, or name the folder of "
            "the runs with --dir"
        )
    return fetch(address(runs[0])) if is_url(root) else runs[0]


def _candidates(root: Path | str) -> list[Path]:
    if is_url(root):
        return [fetch(url, light=True) for url in run_urls(root)]
    # Hidden: one that is being made.
    found = [entry for entry in Path(root).glob("*") if not entry.name.startswith(".")]
    return [entry for entry in found if (entry / MANIFEST).exists() or has_lost_manifest(entry)]


def _created(path: Path) -> datetime:
    # A damaged manifest must not hide the other runs; its run counts as the oldest.
    try:
        return RunDirectory(path).manifest().created_at or _LONG_AGO
    except RunError:
        return _LONG_AGO
