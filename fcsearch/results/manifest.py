"""run.json: the facts about a run as a whole. Read with types, written key by key."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError

from fcsearch.config.objective import Task
from fcsearch.data.split_facts import SplitFacts, fold_words
from fcsearch.errors import RunError
from fcsearch.results import files

RunState = Literal["running", "complete", "interrupted", "failed"]

# What an older fcsearch wrote: a list of the workers in place of their number.
_Workers = Annotated[int, BeforeValidator(lambda found: len(found) if isinstance(found, list) else found)]
# Pydantic would write `Z` for `+00:00`.
_Time = Annotated[AwareDatetime, PlainSerializer(datetime.isoformat, when_used="json")]


# An older fcsearch, which did not write how many rows it measured training on, took as many as validate, up to this.
_EARLIER_SAMPLE = 1000


class _Entry(BaseModel):
    # Keys of other versions stay where they are.
    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class SplitRows(_Entry):
    """Numbers of rows."""

    train: int | None = None
    val: int | None = None
    test: int | None = None


class FoldRows(SplitRows):
    """Numbers of rows of a fold; `class_counts` of its validation rows, empty where an older fcsearch made the run."""

    class_counts: tuple[int, ...] = ()


class DatasetEntry(_Entry):
    """The dataset, as `Dataset.describe` says it; None if an older fcsearch did not.

    Attributes:
        spec: DatasetSpec.to_json().
        training_sample: Training rows, the first, that training figures are measured on; see `measured_training_rows`.
        class_counts: Rows of each class in the splits `train`, `val` and `test`.
        task: What is learned.
        label: The column of the classes or targets, where it has a name.
        split: How rows were split by a column, where they were.
        folds: The rows of each fold, where there are folds; `rows` are those of the first then.
        given_splits: Those of `val` and `test` that the source has itself.
    """

    name: str | None = None
    fingerprint: str | None = None
    spec: dict[str, Any] | None = None
    rows: SplitRows = SplitRows()
    training_sample: int | None = None
    input_dim: int | None = None
    num_classes: int | None = None
    class_names: tuple[str, ...] | None = None
    class_counts: dict[str, tuple[int, ...]] | None = None
    task: Task = "classification"
    label: str | None = None
    split: SplitFacts | None = None
    folds: tuple[FoldRows, ...] = ()
    given_splits: tuple[str, ...] = ()

    def split_words(self) -> list[str]:
        """As `Dataset.split_words`."""
        sizes = [(fold.train or 0, fold.val or 0) for fold in self.folds]
        by_column = [] if self.split is None else [self.split.words()]
        return [*by_column, *([fold_words(sizes)] if sizes else [])]

    @property
    def measured_training_rows(self) -> int | None:
        """Of the training rows those that training figures are measured on; None if nothing says how many."""
        train, val = self.rows.train, self.rows.val
        if self.training_sample is not None or train is None or val is None:
            return self.training_sample
        return min(train, val, _EARLIER_SAMPLE)

    @property
    def positive(self) -> int:
        """Of two classes the rarer one among the training rows, which `average_precision` is of."""
        counts = (self.class_counts or {}).get("train", ())
        return int(counts[1] <= counts[0]) if len(counts) == 2 else 1


class ConfirmationEntry(_Entry):
    """Which trials are trained again, with which seeds, and whether the time was up before all of them were done."""

    trials: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    out_of_time: bool = False


class DivergedRefit(_Entry):
    """A trial that diverged when it was fitted again: with which configuration, on the data of which fingerprint."""

    trial_id: int
    dataset: str | None
    config: dict[str, Any]


class SessionEntry(_Entry):
    """A time in which a process worked on the run: the search, or one that resumed it; no end if it was killed."""

    started_at: _Time
    finished_at: _Time | None = None


class ObservationsEntry(_Entry):
    """The earlier run whose trials the sampler knew from the start, how many it used, and how many it left out."""

    run: str
    used: int
    left_out: int


class Manifest(_Entry):
    """The content of run.json; None, or empty, if the file does not say.

    Attributes:
        format: Format of the run directory; see `fcsearch.results.upgrade`.
        name: The run's name.
        state: The state that its search last wrote; `RunDirectory.state` also recognises a search that died.
        space: SearchSpace.to_json().
        dataset: The dataset.
        seed: Seed of the sampler and of every trial.
        command: The command line.
        options: The options of the search (SearchOptions.to_json()).
        versions: Versions of the packages that the run depends on.
        machine: The machine that drives the search.
        machines: Those that trained, by their numbers in the tables, from 1; empty if an older fcsearch made the run.
        created_at: When the run was started.
        finished_at: When its search last ended.
        sessions: The times in which it was searched, the first one first; empty if an older fcsearch made the run.
        ended_by: What ended it: `trials`, `time_budget`, `interrupt` or `terminate`; None: nothing yet, or an error.
        pack_size: The most trials in a pack.
        workers: How many packs train at a time.
        confirmation: What is trained again to confirm the best.
        diverged_refits: The trials that diverged when they were fitted again, which has no network to show for it.
        observations: The trials of an earlier run that the sampler knew from the start.
        error: Why it failed.
    """

    format: int | None = None
    name: str | None = None
    state: RunState = "interrupted"
    space: dict[str, Any] | None = None
    dataset: DatasetEntry | None = None
    seed: int | None = None
    command: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    versions: dict[str, str] = {}
    machine: dict[str, Any] = {}
    machines: tuple[str, ...] = ()
    created_at: _Time | None = None
    finished_at: _Time | None = None
    sessions: tuple[SessionEntry, ...] = ()
    ended_by: str | None = None
    pack_size: int | None = None
    workers: _Workers | None = None
    confirmation: ConfirmationEntry | None = None
    diverged_refits: tuple[DivergedRefit, ...] = ()
    observations: ObservationsEntry | None = None
    error: str | None = None

    @property
    def planned(self) -> int | None:
        """Trials that the run is to have: as the options say, else as the space says."""
        asked = self.options.get("trials") or (self.space or {}).get("trials")
        return asked if isinstance(asked, int) else None


def read_manifest(path: Path) -> Manifest:
    """Read run.json.

    Raises:
        RunError: it is damaged; says where, and what to do.
    """
    return _validate(path, files.read_json(path, remedy=files.RESTORE))


def write_manifest(path: Path, manifest: Manifest, *, aside: Path) -> None:
    """Write run.json for the first time."""
    files.write_json(path, manifest.model_dump(mode="json", exclude_unset=True), aside=aside)


def update_manifest(path: Path, changes: Mapping[str, Any], *, aside: Path) -> None:
    """Replace some fields of run.json; all other keys stay, those of other versions too.

    Raises:
        RunError: the file is damaged, or cannot be written.
        ValueError: a value that the field does not take.
    """
    before = files.read_json(path, remedy=files.RESTORE)
    _validate(path, before)
    after = Manifest.model_validate({**before, **changes})
    files.write_json(
        path, {**before, **after.model_dump(mode="json", include=set(changes), exclude_unset=True)}, aside=aside
    )


def missing_entry(path: Path, key: str) -> RunError:
    """The error for a run.json without a key that is needed."""
    return RunError(f"{path} must hold the run's {key}; found none; {files.RESTORE}")


def _validate(path: Path, values: Mapping[str, Any]) -> Manifest:
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise RunError(
            f"{path} must be the manifest of a run; found {reprlib.repr(first['input'])} for {key} "
            f"({first['msg'][0].lower()}{first['msg'][1:]}); {files.RESTORE}"
        ) from None
