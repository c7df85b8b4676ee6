"""The tables of trials and epochs. They grow pack by pack; parts of the two with the same number belong together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config.states import UNFINISHED
from fcsearch.errors import RunError
from fcsearch.results.parts import Parts, Stamp
from fcsearch.results.repair import Damage, is_whole, set_damaged_aside
from fcsearch.results.schema import EPOCHS, TRIALS
from fcsearch.results.unfinished import Unfinished, of_trials


@dataclasses.dataclass(frozen=True)
class PartLimits:
    """How many packs have parts of their own, and when a part that others share is full.

    Rewriting a part until then costs little more than writing a part of one row, most of which is the description of
    the columns: docs/scaling.md.

    Attributes:
        own: The first packs, so many, have parts of their own, which do not grow.
        trials: A part is full with so many rows of trials,
        epochs: or of epochs,
        train_seconds: or when so much training is in it: a damaged one costs a night of a worker at most, or one pack.
    """

    own: int = 64
    trials: int = 256
    epochs: int = 16_384
    train_seconds: float = 8 * 3600.0

    def full(self, part: LastPart) -> bool:
        """Whether no pack joins a part any more."""
        seconds = pc.sum(part.trials["train_seconds"]).as_py() or 0.0
        return len(part.trials) >= self.trials or len(part.epochs) >= self.epochs or seconds >= self.train_seconds


LIMITS = PartLimits()


@dataclasses.dataclass(frozen=True)
class LastPart:
    """The part that the next pack joins if there is room: its rows, and the state of its files."""

    number: int
    trials: pa.Table
    epochs: pa.Table
    stamps: tuple[Stamp, Stamp]


class Tables:
    """`trials/` and `epochs/` of a run, with the rows of the same packs in parts of the same numbers.

    Once there are many parts, a new pack joins the last one, whose two files are replaced whole, one after the other.
    So at any moment a reader of either folder sees every row once, and there are few files however small the packs are.
    Epochs are written before trials; epochs without their trials are ignored, and removed when the run is next opened
    for writing. Trials that were left unfinished are in parts of their own: see `Unfinished`.

    Args:
        run: The run directory.
        aside: Where unfinished files are kept.
        limits: When packs share parts.

    Attributes:
        trial_parts: The parts of `trials/`.
    """

    def __init__(self, run: Path, *, aside: Path, limits: PartLimits = LIMITS) -> None:
        self._limits = limits
        self.trial_parts = Parts(run / "trials", TRIALS, aside=aside)
        self._epochs = Parts(run / "epochs", EPOCHS, aside=aside)
        self._unfinished = Unfinished(run, aside=aside)
        self._done: set[int] | None = None
        self._pack_ids: set[int] = set()
        self._highest = -1
        self._last: LastPart | None = None

    def create(self) -> None:
        """Make both folders, without rows."""
        self.trial_parts.create()
        self._epochs.create()

    def finished(self) -> set[int]:
        """The trials that have ended. Read once, then kept up to date by this object's writes."""
        if self._done is None:
            known = self.trial_parts.read(self.trial_parts.numbers(), columns=["trial_id", "pack_id"])
            self._pack_ids = set(known["pack_id"].to_pylist())
            left = self._unfinished.trials()["pack_id"].to_pylist()
            self._highest = max(*self._pack_ids, *left, -1, -1)
            self._done = set(known["trial_id"].to_pylist())
        return self._done

    def highest_pack_id(self) -> int:
        """The highest number of a pack with rows; -1 if there is none."""
        self.finished()
        return self._highest

    def ended(self) -> pa.Table:
        """The rows of trials that have ended, sorted by `trial_id`."""
        return self.trial_parts.read_all()

    def unfinished(self) -> pa.Table:
        """The rows of trials that were left unfinished, sorted by `trial_id`."""
        return self._unfinished.trials()

    def trials(self) -> pa.Table:
        """The rows of all trials, sorted by `trial_id`."""
        # First, and less those that have ended by the time the others are read.
        left = self.unfinished()
        ended = self.ended()
        left = left.filter(pc.invert(pc.is_in(left["trial_id"], value_set=ended["trial_id"].combine_chunks())))
        return pa.concat_tables([ended, left]).sort_by("trial_id") if len(left) else ended

    def epochs(self) -> pa.Table:
        """The epochs of all trials that have a row, sorted by `trial_id` and `epoch`."""
        left = self._unfinished.epochs()
        numbers = self.trial_parts.numbers()
        done = self.trial_parts.read(numbers, columns=["trial_id"])
        ended = of_trials(self._epochs.read(numbers), done)
        left = left.filter(pc.invert(pc.is_in(left["trial_id"], value_set=done["trial_id"].combine_chunks())))
        if not len(left):
            return ended
        return pa.concat_tables([ended, left]).sort_by([("trial_id", "ascending"), ("epoch", "ascending")])

    def add(self, pack_id: int, trials: pa.Table, epochs: pa.Table) -> None:
        """Add the rows of a pack; on return they are on the disk.

        Raises:
            RunError: the pack or a trial already has rows, or the file system refused; nothing was added.
        """
        trial_ids, done = set(trials["trial_id"].to_pylist()), self.finished()
        if pack_id in self._pack_ids:
            raise RunError(
                f"a pack must be written once; found rows of pack {pack_id}; ask next_pack_id() for a number"
            )
        if twice := trial_ids & done:
            raise RunError(f"a trial must be written once; found a row of trial {min(twice)}")
        self._unfinished.drop(trial_ids)
        is_left = pc.equal(trials["state"], UNFINISHED)
        left, ended = trials.filter(is_left), trials.filter(pc.invert(is_left))
        if len(ended):
            self._add_ended(pack_id, ended, of_trials(epochs, ended))
            done.update(ended["trial_id"].to_pylist())
        if len(left):
            self._unfinished.put(pack_id, left, of_trials(epochs, left))
        self._pack_ids.add(pack_id)
        self._highest = max(self._highest, pack_id)

    def _add_ended(self, pack_id: int, trials: pa.Table, epochs: pa.Table) -> None:
        numbers = self.trial_parts.numbers()
        # Packs end in any order; the last part must have the highest number.
        number = max(pack_id, max(numbers, default=-1) + 1)
        if len(numbers) >= self._limits.own and not self._limits.full(last := self._last_part()):
            number = last.number
            # In one piece, which is written faster.
            trials = pa.concat_tables([last.trials, trials]).combine_chunks()
            epochs = pa.concat_tables([last.epochs, epochs]).combine_chunks()
        self._epochs.write(number, epochs)
        self.trial_parts.write(number, trials)
        self._last = LastPart(number, trials, epochs, self._stamps_of(number))

    def clear_leftovers(self) -> None:
        """Remove what is of no use any more.

        These are epochs whose trials have no row, as a crash came between the two, and they will be trained again; and
        empty parts of unfinished trials.
        """
        self._clear_epochs()
        self._unfinished.clear()

    def _clear_epochs(self) -> None:
        for number in self._epochs.numbers() - self.trial_parts.numbers():
            self._epochs.remove(number)
        last = max(self.trial_parts.numbers(), default=None)
        # Each earlier part was complete before the next began. A damaged one is set aside with its counterpart.
        if last is None or any(parts.damage(last) is not None for parts in (self.trial_parts, self._epochs)):
            return
        epochs = self._epochs.read([last])
        kept = of_trials(epochs, self.trial_parts.read([last], columns=["trial_id"]))
        if len(kept) < len(epochs):
            self._epochs.write(last, kept)

    def is_whole(self) -> bool:
        """Whether no part is damaged or missing; RunError if one cannot be read."""
        left = self._unfinished
        return is_whole(self.trial_parts, self._epochs) and is_whole(left.trial_parts, left.epoch_parts)

    def set_damaged_aside(self, folder: Path) -> list[Damage]:
        """Move damaged parts into a folder; the trials in them then have no row.

        Raises:
            RunError: the file system refused.
        """
        left = self._unfinished
        damaged = set_damaged_aside((self.trial_parts, self._epochs), folder)
        damaged += set_damaged_aside((left.trial_parts, left.epoch_parts), folder)
        self._done = self._last = None
        return damaged

    def _last_part(self) -> LastPart:
        """The last part as it is on the disk, even if another object wrote it. There must be one."""
        if self._last is not None and self._last.stamps == self._stamps_of(self._last.number):
            return self._last
        number = max(self.trial_parts.numbers())
        stamps, trials = self._stamps_of(number), self.trial_parts.read([number])
        return LastPart(number, trials, of_trials(self._epochs.read([number]), trials), stamps)

    def _stamps_of(self, number: int) -> tuple[Stamp, Stamp]:
        return self.trial_parts.stamp(number), self._epochs.stamp(number)


class NewTrials:
    """Reads the new rows of a table of trials that another process writes.

    Args:
        parts: The table's.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen: dict[int, Stamp] = {}
        self._known: set[int] = set()

    def read(self) -> pa.Table:
        """The rows added since the last call, sorted by `trial_id`; unchanged parts are not read.

        Raises:
            RunError: a part cannot be read.
        """
        stamps = self._parts.stamps()
        found = self._parts.read([number for number, stamp in stamps.items() if self._seen.get(number) != stamp])
        new = found.filter(pc.invert(pc.is_in(found["trial_id"], value_set=pa.array(self._known, pa.int64()))))
        self._seen = stamps
        self._known.update(new["trial_id"].to_pylist())
        return new
