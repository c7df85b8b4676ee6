"""The run directory: the only state of a run."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from fcsearch.config import OWN_FORM, InputForm
from fcsearch.errors import RunError
from fcsearch.results import files, lock
from fcsearch.results.arrow import Row, confirmations_table, epochs_table, models_table, trials_table, with_origin
from fcsearch.results.files import transform_name
from fcsearch.results.machines import by_number
from fcsearch.results.manifest import Manifest, RunState, missing_entry, read_manifest, update_manifest, write_manifest
from fcsearch.results.new_folder import whole_folder
from fcsearch.results.no_run import LOCK, MANIFEST, name_taken, no_place, no_run
from fcsearch.results.parts import Parts
from fcsearch.results.predictions import Predictions
from fcsearch.results.records import EpochRecord, TrialRecord
from fcsearch.results.repair import DAMAGED, Damage, is_whole, set_confirmations_aside
from fcsearch.results.schema import CONFIRMATIONS
from fcsearch.results.status import remove_status
from fcsearch.results.tables import LIMITS, NewTrials, PartLimits, Tables
from fcsearch.results.upgrade import FORMAT

if TYPE_CHECKING:
    from fcsearch.data.spec import DatasetSpec
    from fcsearch.data.transform import FeatureTransform
    from fcsearch.results.models import Models
    from fcsearch.space import SearchSpace

_MODELS = "models"  # the folder of saved networks


class RunDirectory:
    """A run's files; made by `create` or `open`.

    Any number of processes may read a run while one writes it; that one holds `writing()`.

    Args:
        path: The folder.
        limits: When packs share parts of the tables.

    Attributes:
        path: The folder.
        predictions: What the best trials' networks predict for the validation rows.
    """

    def __init__(self, path: Path, *, limits: PartLimits = LIMITS) -> None:
        self.path = path
        self._manifest = path / MANIFEST
        self._aside = path / files.ASIDE
        self._tables = Tables(path, aside=self._aside, limits=limits)
        self._confirmations = Parts(path / "confirmations", CONFIRMATIONS, aside=self._aside)
        self.predictions = Predictions(path / "predictions", manifest=self.manifest, aside=self._aside)
        self._last_pack_id = -1
        self._confirmed: int | None = None
        self._writing = False

    @functools.cached_property
    def models(self) -> Models:
        """The saved networks of the best trials."""
        # Imported when networks are wanted: a search begins without torch.
        from fcsearch.results.models import Models

        return Models(self.path / _MODELS, transform=self.path / transform_name(OWN_FORM), aside=self._aside)

    @classmethod
    def create(cls, path: Path, manifest: Manifest) -> RunDirectory:
        """Make a run directory without rows.

        Args:
            path: Must not exist; missing parents are made.
            manifest: The facts about the run at its start; its format becomes the current one.

        Raises:
            RunError: the path is taken or cannot be written. Nothing is left behind.
        """
        try:
            # A process that is killed meanwhile leaves no half-made run.
            with whole_folder(path) as unfinished:
                run = cls(unfinished)
                run._tables.create()
                (unfinished / _MODELS).mkdir()
                write_manifest(run._manifest, manifest.model_copy(update={"format": FORMAT}), aside=run._aside)
        except OSError as error:
            if path.exists():
                raise name_taken(path) from error
            raise no_place(path, error) from error
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
        run._tables.trial_parts.older = written_by < FORMAT
        return run

    @property
    def journal_path(self) -> Path:
        """Optuna's journal."""
        return self.path / "study.journal"

    @property
    def log_path(self) -> Path:
        """The messages of Ray, Optuna and the search."""
        return self.path / "log.txt"

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
        # Imported when it is wanted, as below: lists of runs need neither spaces nor features.
        from fcsearch.space.search_space import SearchSpace

        return SearchSpace.from_json(space)

    def dataset_spec(self) -> DatasetSpec:
        """The run's dataset; RunError if run.json does not have it, DataError if it is not valid."""
        dataset = self.manifest().dataset
        if dataset is None or dataset.spec is None:
            raise missing_entry(self._manifest, "dataset")
        from fcsearch.data.spec import DatasetSpec

        return DatasetSpec.from_json(dataset.spec)

    def write_file(self, name: str, text: str) -> None:
        """Write a text file of the run, such as report.html, whole or not at all."""
        files.write_whole(self.path / name, lambda stream: stream.write(text.encode()), aside=self._aside)

    def transform(self, form: InputForm = OWN_FORM) -> FeatureTransform | None:
        """The transform that made the features of a form of the rows; None if an older fcsearch did not write it.

        Raises:
            DataError: its file is damaged.
        """
        from fcsearch.data.transform import FeatureTransform

        path = self.path / transform_name(form)
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

    def is_held(self) -> bool:
        """Whether some process writes the run, as far as that can be known."""
        return lock.is_held(self.path / LOCK) is True

    def is_held_by_others(self) -> bool:
        """Whether another process writes the run, or another part of this one."""
        return not self._writing and self.is_held()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the run as its only writer, after removing what a crash left half done.

        Raises:
            RunError: another process is writing the run.
        """
        with lock.hold(self.path / LOCK), self._as_writer():
            shutil.rmtree(self._aside, ignore_errors=True)
            remove_status(self.path)
            self._tables.clear_leftovers()
            if self._tables.trial_parts.older:
                self._tables.trial_parts.upgrade()
                self.update_manifest({"format": FORMAT})
            yield

    @contextmanager
    def _as_writer(self) -> Iterator[None]:
        self._writing, self._confirmed = True, None
        try:
            yield
        finally:
            self._writing = False

    def is_whole(self) -> bool:
        """Whether no part of the tables is damaged or missing; RunError if one cannot be read."""
        return self._tables.is_whole() and is_whole(self._confirmations)

    def set_damaged_aside(self) -> list[Damage]:
        """Move damaged parts of the tables into the folder `damaged`; what was in them then has no row.

        The caller holds `writing()`; RunError if the file system refused.
        """
        folder = self.path / DAMAGED
        return self._tables.set_damaged_aside(folder) + set_confirmations_aside(self._confirmations, folder)

    def next_pack_id(self) -> int:
        """A number that no pack of this run has, and that no earlier call returned."""
        # Its only writer looks once, and writes under numbers from here: the loop must not wait for storage.
        if self._confirmed is None or not self._writing:
            self._confirmed = max(self._confirmations.numbers(), default=-1)
        self._last_pack_id = max(self._last_pack_id, self._tables.highest_pack_id(), self._confirmed) + 1
        return self._last_pack_id

    def write_pack(
        self, pack_id: int, trials: Sequence[TrialRecord | Row], epochs: Sequence[EpochRecord | Row]
    ) -> None:
        """Add the rows of a pack that has finished, or was left; on return they are on the disk.

        Args:
            pack_id: A number that no other pack of the run has.
            trials: A record or a row by column name for each trial (other columns: null); replaces `unfinished` rows.
            epochs: A record or a row for each trial and epoch.

        Raises:
            RunError: rows that violate the schema, a pack or a trial that already has rows, or a full disk; nothing was
                added then.
        """
        manifest, table = self.manifest(), trials_table(pack_id, trials)
        history = epochs_table(epochs, set(table["trial_id"].to_pylist()))
        self._tables.add(pack_id, by_number(table, self, manifest), with_origin(history, manifest))

    def write_confirmations(self, pack_id: int, trials: Sequence[TrialRecord]) -> None:
        """Add the results of a pack of trials that were trained again, each with another seed.

        Args:
            pack_id: A number that no other pack of the run has.
            trials: Their `trial_id` is that of the trial whose configuration they have. They take the place of rows of
                the same trial and seed, which are of shorter trainings. RunError as in `write_pack`.
        """
        table = by_number(confirmations_table(pack_id, trials), self, self.manifest())
        self._confirmations.create()
        self._confirmations.replace(pack_id, table, keys=("trial_id", "seed"))

    def confirmations(self) -> pa.Table:
        """All trainings with another seed, sorted by `trial_id` and `seed`; schema CONFIRMATIONS."""
        return self._confirmations.read_all()

    def write_models(self, measured: Sequence[Row]) -> None:
        """Write models.parquet, one row per model and split: what was measured of the models that the run offers."""
        table = with_origin(models_table(measured), self.manifest())
        files.write_whole(self.path / "models.parquet", lambda s: pq.write_table(table, s), aside=self._aside)

    def finished_trials(self) -> set[int]:
        """The trials that are done, by the ledger. Read once, then kept up to date by this object's writes."""
        return self._tables.finished()

    def ended_trials(self) -> pa.Table:
        """The rows of the trials that are done, sorted by `trial_id`: `trials` without those that are unfinished."""
        return self._tables.ended()

    def unfinished_trials(self) -> dict[int, int]:
        """The trials that were in training when the search ended, and have not ended since; each with its epochs."""
        columns = self._tables.unfinished().select(["trial_id", "epochs_run"])
        return dict(zip(*columns.to_pydict().values(), strict=True))

    def trials(self) -> pa.Table:
        """All trials with a row, sorted by `trial_id`; schema TRIALS, with no rows before the first pack is done."""
        return self._tables.trials()

    def epochs(self) -> pa.Table:
        """The epochs of all trials with a row, sorted by `trial_id` and `epoch`; schema EPOCHS."""
        return self._tables.epochs()

    def new_trials(self) -> NewTrials:
        """Reads, call by call, the trials that have come since."""
        return NewTrials(self._tables.trial_parts)
