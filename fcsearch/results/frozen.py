"""A snapshot of a running run."""

from __future__ import annotations

import functools

import pyarrow as pa

from fcsearch.results.directory import RunDirectory


class FrozenRun(RunDirectory):
    """A run whose tables are read once: later calls return the same, even while the search is running."""

    @classmethod
    def of(cls, run: RunDirectory) -> FrozenRun:
        """A snapshot of a run that is open; what that has read already is not read again."""
        frozen = cls(run.path)
        frozen._tables, frozen._confirmations, frozen._writing = run._tables, run._confirmations, run._writing
        return frozen

    @functools.cached_property
    def _read_trials(self) -> pa.Table:
        return super().trials()

    @functools.cached_property
    def _read_confirmations(self) -> pa.Table:
        return super().confirmations()

    def trials(self) -> pa.Table:
        """As `RunDirectory.trials`, at the first call."""
        return self._read_trials

    def confirmations(self) -> pa.Table:
        """As `RunDirectory.confirmations`, at the first call."""
        return self._read_confirmations
