"""The run directory: the only state of a run."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from fcsearch.config import OWN_FORM, InputForm
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import RunError
from fcsearch.results import files, lock
from fcsearch.results.arrow import Row, confirmations_table, epochs_table, models_table, trials_table, with_origin
from fcsearch.results.manifest import Manifest, RunState, missing_entry, read_manifest, update_manifest, write_manifest
from fcsearch.results.models import Models, transform_name
from fcsearch.results.new_folder import new_folder
from fcsearch.results.no_run import LOCK, MANIFEST, no_run
from fcsearch.results.parts import Parts
from fcsearch.results.predictions import Predictions
from fcsearch.results.records import EpochRecord, TrialRecord
from fcsearch.results.repair import DAMAGED, Damage, set_damaged_aside
from fcsearch.results.schema import CONFIRMATIONS, EPOCHS, TRIALS
from fcsearch.results.upgrade import FORMAT
from fcsearch.space import SearchSpace


class RunDirectory:
    """A run's files; made by `create` or `open`.

    Any number of processes may read a run while one writes it; that one holds `writing()`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest = path / MANIFEST
        self._aside = path / files.ASIDE
        self._trials = Parts(path / "trials", TRIALS, aside=self._aside)
        self._epochs = Parts(path / "epochs", EPOCHS, aside=self._aside)
        self._confirmations = Parts(path / "confirmations", CONFIRMATIONS, aside=self._aside)
        self.predictions = Predictions(path / "predictions", aside=self._aside)
        self.models = Models(path / "models", transform=path / transform_name(OWN_FORM), aside=self._aside)
        self._done: set[int] | None = None
        self._last_pack_id = -1

    @classmethod
    def create(cls, path: Path, manifest: Manifest) -> RunDirectory:
        """Make a run directory without rows.

        Args:
            path: Must not exist; missing parents are made.
            manifest: The facts about the run at its start; its format becomes the current one.

        Raises:
            RunError: the path is taken or cannot be written. Nothing is left behind.
        """
        made: list[Path] = []
        try:
            for folder in [parent for parent in reversed(path.parents) if not parent.exists()]:
                folder.mkdir()
                made.append(folder)
            unfinished = new_folder(path)
            made.append(unfinished)
            run = cls(unfinished)
            run._trials.create()
            run._epochs.create()
            run.models_path.mkdir()
            write_manifest(run._manifest, manifest.model_copy(update={"format": FORMAT}), aside=run._aside)
            # Whole or not at all: a process that is killed here does not leave a half-made run.
            unfinished.rename(path)
        except OSError as error:
            _remove(made)
            if path.exists():
                raise RunError(
                    f"a new run needs a free name; found {path}, which exists; choose another with --name, or "
                    f"continue that run: `fcsearch resume {path}`"
                ) from error
            raise RunError(
                f"{path} must be a place to write; found: {error.strerror or error}; choose another with --out"
            ) from error
        except BaseException:
            _remove(made)
            raise
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Open a run directory, finished or not.

        Raises:
            RunError: there is none, its manifest is damaged, or a later fcsearch wrote it.
        """
        if not (path / MANIFEST).is_file():
            raise no_run(path)
        run = cls(path)
        written_by = run.manifest().format
        if written_by is None or not 1 <= written_by <= FORMAT:
            raise RunError(
                f"{path} must be of a format from 1 to {FORMAT}; found {written_by!r}; use the fcsearch that wrote it"
            )
        run._trials.older = written_by < FORMAT
        return run

    @property
    def journal_path(self) -> Path:
        """Optuna's journal."""
        return self.path / "study.journal"

    @property
    def log_path(self) -> Path:
        """The messages of Ray, Optuna and the search."""
        return self.path / "log.txt"

    @property
    def models_path(self) -> Path:
        """The folder of the best trials' weights."""
        return self.models.folder

    def manifest(self) -> Manifest:
        """The content of run.json; RunError if it is damaged."""
        return read_manifest(self._manifest)

    def update_manifest(self, changes: Mapping[str, Any]) -> None:
        """Replace these fields of run.json, whole."""
        update_manifest(self._manifest, changes, aside=self._aside)

    def space(self) -> SearchSpace:
        """The run's space; RunError if run.json does not have it, SpaceError if it is not valid."""
        space = self.manifest().space
        if space is None:
            raise missing_entry(self._manifest, "space")
        return SearchSpace.from_json(space)

    def dataset_spec(self) -> DatasetSpec:
        """The run's dataset; RunError if run.json does not have it, DataError if it is not valid."""
        dataset = self.manifest().dataset
        if dataset is None or dataset.spec is None:
            raise missing_entry(self._manifest, "dataset")
        return DatasetSpec.from_json(dataset.spec)

    def write_file(self, name: str, text: str) -> None:
        """Write a text file of the run, such as report.html, whole or not at all."""
        files.write_whole(self.path / name, lambda stream: stream.write(text.encode()), aside=self._aside)

    def transform(self) -> FeatureTransform | None:
        """The transform that made the run's features; None if an older fcsearch made the run.

        Raises:
            DataError: transform.json is damaged.
        """
        path = self.path / transform_name(OWN_FORM)
        return FeatureTransform.from_json(path.read_bytes(), where=str(path)) if path.is_file() else None

    def keep_transform(self, transform: FeatureTransform, form: InputForm = OWN_FORM) -> None:
        """Write the transform of a form of the rows, unless it exists; models trained on it also contain it."""
        if not (self.path / transform_name(form)).is_file():
            self.write_file(transform_name(form), transform.to_json() + "\n")

    def state(self) -> RunState:
        """The state of the run.

        A run whose manifest says `running`, but which no process holds, was interrupted.
        """
        state = self.manifest().state
        died = state == "running" and lock.is_held(self.path / LOCK) is False
        return "interrupted" if died else state

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the run as its only writer, after removing what a crash left half done.

        Raises:
            RunError: another process is writing the run.
        """
        with lock.hold(self.path / LOCK):
            files.clear_aside(self._aside)
            # Epochs are written before trials. Epochs without a trial belong to trials that will be trained again.
            for pack_id in self._epochs.pack_ids() - self._trials.pack_ids():
                self._epochs.remove(pack_id)
            if self._trials.older:
                self._trials.upgrade()
                self.update_manifest({"format": FORMAT})
            yield

    def set_damaged_aside(self) -> list[Damage]:
        """Move damaged parts of the tables into the folder `damaged`; their trials then have no row.

        The caller holds `writing()`.

        Raises:
            RunError: the file system refused.
        """
        damaged = set_damaged_aside(self._trials, self._epochs, self.path / DAMAGED)
        self._done = None
        return damaged

    def packs(self) -> frozenset[int]:
        """The packs whose trials have their rows."""
        return frozenset(self._trials.pack_ids())

    def next_pack_id(self) -> int:
        """A number that no pack of this run has, and that no earlier call returned."""
        written = self._trials.pack_ids() | self._epochs.pack_ids() | self._confirmations.pack_ids()
        self._last_pack_id = max(self._last_pack_id, *written, -1) + 1
        return self._last_pack_id

    def write_pack(
        self, pack_id: int, trials: Sequence[TrialRecord | Row], epochs: Sequence[EpochRecord | Row]
    ) -> None:
        """Add the rows of a pack that has finished; on return they are on the disk.

        Args:
            pack_id: A number that no other pack of the run has.
            trials: A record for each of the pack's trials; or a row by column name, columns not named are null.
            epochs: A record or a row for each trial and epoch.

        Raises:
            RunError: rows that violate the schema, a pack or a trial that already has rows, or a full disk; nothing was
                added then.
        """
        table = with_origin(trials_table(pack_id, trials), self.manifest())
        trial_ids = set(table["trial_id"].to_pylist())
        history = with_origin(epochs_table(epochs, trial_ids), self.manifest())
        if pack_id in self._trials.pack_ids():
            raise RunError(
                f"a pack must be written once; found rows of pack {pack_id}; ask next_pack_id() for a number"
            )
        if twice := trial_ids & self.finished_trials():
            raise RunError(f"a trial must be counted once; found a row of trial {min(twice)} already")
        self._epochs.write(pack_id, history)
        self._trials.write(pack_id, table)
        self.finished_trials().update(trial_ids)

    def write_confirmations(self, pack_id: int, trials: Sequence[TrialRecord]) -> None:
        """Add the results of a pack of trials that were trained again, each with another seed.

        Args:
            pack_id: A number that no other pack of the run has.
            trials: Their `trial_id` is that of the trial whose configuration they have.

        Raises:
            RunError: as `write_pack`.
        """
        table = with_origin(confirmations_table(pack_id, trials), self.manifest())
        self._confirmations.create()
        self._confirmations.write(pack_id, table)

    def confirmations(self) -> pa.Table:
        """All trainings with another seed, sorted by `trial_id` and `seed`; schema CONFIRMATIONS."""
        return self._confirmations.read(self._confirmations.pack_ids())

    def write_models(self, measured: Sequence[Row]) -> None:
        """Write models.parquet, one row per model and split: what was measured of the models that the run offers."""
        table = with_origin(models_table(measured), self.manifest())
        files.write_whole(self.path / "models.parquet", lambda s: pq.write_table(table, s), aside=self._aside)

    def finished_trials(self) -> set[int]:
        """The trials that have a row: done, by the ledger. Read once, then kept up to date by this object's writes."""
        if self._done is None:
            self._done = set(self._trials.read(self._trials.pack_ids(), columns=["trial_id"])["trial_id"].to_pylist())
        return self._done

    def trials(self) -> pa.Table:
        """All trials that are done, sorted by `trial_id`; schema TRIALS, with no rows before the first pack is done."""
        return self._trials.read(self._trials.pack_ids())

    def epochs(self) -> pa.Table:
        """The epochs of all trials that are done, sorted by `trial_id` and `epoch`; schema EPOCHS."""
        return self._epochs.read(self._trials.pack_ids())

    def save_model(self, trial_id: int, weights: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]) -> None:
        """Save the weights (W1 (D, H), b1 (H,), ...) of a trial at its best epoch.

        Args:
            trial_id: The trial.
            weights: By name.
            metadata: JSON types: `config`, `input_dim`, `num_classes`, `class_names` and the `dataset` fingerprint.
        """
        self.models.save(trial_id, weights, metadata)

    def saved_models(self) -> list[int]:
        """The trials that have a saved model, in order."""
        return self.models.saved()

    def prune_models(self, keep: Collection[int]) -> None:
        """Remove the saved models of all trials but these."""
        self.models.prune(keep)


def _remove(made: Sequence[Path]) -> None:
    # The first folder made holds all the others.
    if made:
        shutil.rmtree(made[0], ignore_errors=True)
