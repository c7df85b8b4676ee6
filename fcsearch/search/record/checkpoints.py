"""The checkpoints of packs in training, as files of the run directory: there for `resume`, gone when all is done.

A file holds one pack after an epoch. Each trial continues from the last file that contains it; a file is removed once
no trial needs it: a newer one has replaced it, or its trials have their rows. So nothing else needs to know which pack
a trial was in, or will be in.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import stat
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fcsearch.errors import ConfigError, RunError
from fcsearch.results.files import names_in
from fcsearch.results.patience import patiently
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import MOST_CHECKPOINT_BYTES, Checkpointing
from fcsearch.whole_file import whole_file

if TYPE_CHECKING:
    from fcsearch.search.pool.checkpointing import SavedTrials

logger = logging.getLogger(__name__)

# How much a search takes of checkpoints, whatever the number of its workers; packs of many bytes are kept less often.
BYTES_PER_SECOND = 50e6
_FOLDER = "checkpoints"
_SUFFIX = ".safetensors"
# Beside the tensors there are histories, and what is said of the members.
_MOST_FILE_BYTES = 2 * MOST_CHECKPOINT_BYTES


class Checkpoints:
    """The checkpoints of one stage of a run. The caller holds the run for writing.

    Args:
        run: The run directory.
        stage: What is trained, a name for their folder.
        rule: How often there is to be one, and what they are of.
    """

    def __init__(self, run: Path, stage: str, rule: Checkpointing) -> None:
        self.rule = rule
        self._folder = run / _FOLDER / stage
        self._stage = stage
        # One thread reads while the ledger's writes.
        self._lock = threading.Lock()
        self._files: dict[int, Path] = {}
        self._last = 0

    def recover(self, waiting: Iterable[PlannedTrial]) -> list[str]:
        """Find what trials that wait can go on from, and remove the rest; a line for each file that is no use.

        After the search a number stands for another training once another trial is the best: such a file has no line.

        Raises:
            RunError: the file system does not let one be read.
        """
        trials = {trial.trial_id: trial for trial in waiting}
        epochs: dict[int, int] = {}
        lines = []
        # Others are what a crash has left half written.
        for path in (path for path in self._there() if path.suffix == _SUFFIX):
            try:
                saved = self._saved(path)
                found = [number for number in saved.places if number in trials]
                for number in found:
                    saved.place(trials[number])
            except ConfigError as error:
                if self._overtaken(error):
                    logger.info("%s is of other configurations than are trained now", path)
                else:
                    lines.append(f"{path} cannot be used, and its trials start over: {error}")
                continue
            newer = [number for number in found if saved.pack.epoch > epochs.get(number, 0)]
            epochs.update(dict.fromkeys(newer, saved.pack.epoch))
            self._files.update(dict.fromkeys(newer, path))
        self._last = max((int(path.stem) for path in self._there() if path.stem.isdecimal()), default=0)
        self._remove(set(self._there()) - set(self._files.values()))
        return lines

    @property
    def files(self) -> Mapping[int, Path]:
        """What each trial goes on from, those that start from the beginning left out."""
        with self._lock:
            return dict(self._files)

    def content(self, trials: Sequence[PlannedTrial]) -> bytes | None:
        """What these trials, as one pack, go on from; None: from the beginning. RunError as in `recover`."""
        while (path := self._file(trials)) is not None:
            try:
                # Others may write meanwhile: it may take long.
                return _read(path)
            except ConfigError as error:
                if path == self._file(trials):
                    logger.warning("%s cannot be used, and its trials start over: %s", path, error)
                    return None
        return None

    def keeps(self, trials: Sequence[PlannedTrial]) -> bool:
        """Whether these trials, as one pack, have something to go on from."""
        return self._file(trials) is not None

    def _file(self, trials: Sequence[PlannedTrial]) -> Path | None:
        with self._lock:
            found = {self._files.get(trial.trial_id) for trial in trials}
        return found.pop() if len(found) == 1 else None

    def write(self, trials: Sequence[PlannedTrial], content: bytes, *, patient: bool = False) -> None:
        """Keep the checkpoint of a pack of these trials; where it cannot be written the search goes on without.

        Args:
            trials: The trials.
            content: The checkpoint.
            patient: Whether storage that refuses is waited for.
        """
        with self._lock:
            self._last += 1
            path = self._folder / f"{self._last:06d}{_SUFFIX}"
        try:
            # Others may read meanwhile: it may take long.
            if patient:
                patiently(lambda: self._write(path, content))
            else:
                self._write(path, content)
        except OSError as error:
            logger.warning("a checkpoint could not be written: %s", error)
            return
        with self._lock:
            before = set(self._files.values())
            self._files.update({trial.trial_id: path for trial in trials})
            self._remove(before - set(self._files.values()))

    def _write(self, path: Path, content: bytes) -> None:
        for folder in (self._folder.parent, self._folder):
            folder.mkdir(exist_ok=True)
        with whole_file(path) as stream:
            stream.write(content)

    def release(self, trial_ids: Iterable[int]) -> None:
        """Take note that trials have their rows."""
        with self._lock:
            gone = {path for number in trial_ids if (path := self._files.pop(number, None)) is not None}
            self._remove(gone - set(self._files.values()))

    def _saved(self, path: Path) -> SavedTrials:
        # Imported where there is one: a search begins without torch.
        from fcsearch.search.pool.checkpointing import read_checkpoint

        return read_checkpoint(_read(path), self.rule.key)

    def _overtaken(self, error: Exception) -> bool:
        """Whether a file is whole, and of trainings for which others have taken the place."""
        # Imported by now, where a file was read: a search begins without torch.
        from fcsearch.search.pool.checkpointing import OtherTrialError

        return self._stage != "trials" and isinstance(error, OtherTrialError)

    def _there(self) -> list[Path]:
        return [self._folder / name for name in sorted(names_in(self._folder))]

    def _remove(self, paths: Iterable[Path]) -> None:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if not self._files:
            shutil.rmtree(self._folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                self._folder.parent.rmdir()


def _read(path: Path) -> bytes:
    """The content of a checkpoint. A search waits for storage that refuses: if it went on without, it would lose it.

    Raises:
        ConfigError: there is no such file, or it is none of ours.
        RunError: the file system does not let it be read.
    """

    def read() -> bytes:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_FILE_BYTES:
            raise ConfigError(f"a checkpoint must be a file of at most {_MOST_FILE_BYTES:,} bytes")
        return path.read_bytes()

    try:
        return patiently(read, writes=False)
    except FileNotFoundError as error:
        raise ConfigError("a checkpoint must be there; found no file") from error
    except OSError as error:
        raise RunError(
            f"{path} must be readable; found: {error.strerror or error}; permit it, or remove it: its trials start over"
        ) from error


def clear_checkpoints(run: Path) -> None:
    """Remove all checkpoints of a run: there is nothing left to continue."""
    shutil.rmtree(run / _FOLDER, ignore_errors=True)
