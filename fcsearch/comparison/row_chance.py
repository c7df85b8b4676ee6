"""How much of a figure, and of a lead, is chance in which rows validate: from the predictions that the runs kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from fcsearch.comparison.contestant import Contestant
from fcsearch.comparison.standing import RowsIn
from fcsearch.data import Dataset
from fcsearch.errors import DataError, RunError
from fcsearch.evaluation import Kept, compare_kept, error_of_kept, load_run_dataset, standard_error
from fcsearch.report.words import listing, trial_list
from fcsearch.selection.confirmation import error_by_rows


class Network(NamedTuple):
    """A network that is compared.

    Attributes:
        run: The label of its run.
        trial_id: Its trial.
        early: Whether it is that of an earlier epoch than the trial's best, of which no predictions are kept.
    """

    run: str
    trial_id: int
    early: bool = False


class RowsError(NamedTuple):
    """A standard error by rows, and how it was found; 0 where it is not known."""

    error: float
    found: RowsIn


class RowChance:
    """The chance in which rows validate; remembers of which trials it is not known.

    A dataset is only loaded where predictions were kept that are of use.

    Args:
        runs: Those that are compared.
    """

    def __init__(self, runs: Sequence[Contestant]) -> None:
        self._runs = {run.label: run for run in runs}
        self._objective = runs[0].objective
        self._datasets: dict[str, Dataset | None] = {}
        self._leads: dict[tuple[Network, Network], float | None] = {}
        self._figures: dict[Network, float | None] = {}
        # In the order in which they were asked for.
        self._without: dict[Network, None] = {}
        self._unreadable: dict[str, str] = {}
        # Of what it is known.
        self._includes: set[Literal["figures", "leads"]] = set()

    def of_figure(self, network: Network, value: float) -> float:
        """The standard error of a trial's figure: as recorded with folds, that of a share, or a bootstrap; else 0."""
        run = self._runs[network.run]
        found = run.error_of(network.trial_id)
        if found is None and self._objective.is_share_of_rows and run.rows:
            found = standard_error(value, run.rows)
        elif found is None:
            if network not in self._figures:
                self._figures[network] = self._bootstrapped(network)
            found = self._figures[network]
        self._includes |= {"figures"} if found else set()
        return found or 0.0

    def of_lead(self, first: Network, other: Network, lead: float) -> RowsError:
        """The standard error of a lead of one trial over another, on the same rows."""
        if (first, other) not in self._leads:
            self._leads[first, other] = self._paired(first, other)
        error, rows = self._leads[first, other], self._runs[first.run].rows
        if error is not None:
            self._includes.add("leads")
            return RowsError(error, "by row")
        if self._objective.is_share_of_rows and rows:
            return RowsError(error_by_rows(lead, self._objective, rows), "at least")
        return RowsError(0.0, None)

    def sentences(self) -> list[str]:
        """What the intervals that were asked for say of this chance."""
        included = ", and in the intervals" if self._includes else ""
        by_row = "; of leads it is taken row by row" if "leads" in self._includes else ""
        if self._objective.is_share_of_rows:
            instead = "leads with these include only the least that it can be"
        elif None in self._figures.values():
            instead = "intervals with these do not include it"
        else:
            instead = "leads with these do not include it"
        return [f"Which rows validate is chance, too{included}{by_row}.", *self._missing(instead)]

    def _missing(self, instead: str) -> list[str]:
        sentences = [f"The data of {run} cannot be read, so {instead}: {why}." for run, why in self._unreadable.items()]
        trials: dict[str, list[int]] = {}
        for run, trial_id, early in self._without:
            trials.setdefault(f"{run}{' at an earlier epoch' if early else ''}", []).append(trial_id)
        if trials:
            named = listing([f"{trial_list(sorted(numbers))} of {where}" for where, numbers in trials.items()])
            sentences.append(f"No predictions were kept of {named}: {instead}.")
        return sentences

    def _bootstrapped(self, network: Network) -> float | None:
        if not self._was_kept(network):
            return None
        data = self._dataset(network.run)
        return error_of_kept(self._model(network), self._objective.name, data) if data else None

    def _paired(self, first: Network, other: Network) -> float | None:
        kept = [self._was_kept(network) for network in (first, other)]
        data = self._dataset(first.run) if all(kept) else None
        if data is None:
            return None
        pair = compare_kept(self._model(first), self._model(other), self._objective.name, data)
        return pair.error if pair else None

    def _was_kept(self, network: Network) -> bool:
        run = self._runs[network.run]
        try:
            known = run.rows is not None and not network.early
            kept = known and run.directory.predictions.rows(network.trial_id) == run.rows
        except RunError:  # of a file that is damaged
            kept = False
        if not kept:
            self._without[network] = None
        return kept

    def _model(self, network: Network) -> Kept:
        return Kept(self._runs[network.run].directory, {network.trial_id: 1.0})

    def _dataset(self, label: str) -> Dataset | None:
        """A run's dataset, from where it or another run on the same rows finds it; None if none of them can load it."""
        rows = self._rows_of(label)
        if rows not in self._datasets:
            self._datasets[rows] = self._loaded([label, *(run for run in self._runs if self._rows_of(run) == rows)])
        return self._datasets[rows]

    def _rows_of(self, label: str) -> str:
        """What runs on the same rows have in common."""
        described = self._runs[label].manifest.dataset
        return (described.fingerprint if described else None) or label

    def _loaded(self, labels: Sequence[str]) -> Dataset | None:
        """The dataset of the first of these runs whose copy can be loaded; else it is noted why none can."""
        reasons: dict[str, str] = {}
        for label in dict.fromkeys(labels):
            try:
                # Only the labels of its rows are needed.
                return load_run_dataset(self._runs[label].directory, forms=())
            except (DataError, RunError) as error:
                reasons[label] = str(error)
        self._unreadable |= reasons
        return None
