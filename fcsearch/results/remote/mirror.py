"""From this machine to a URL: uploads what changes in a run directory during its search."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from fcsearch.errors import RunError, SearchError
from fcsearch.results.remote.folder import RemoteFolder
from fcsearch.results.remote.lease import BEAT_SECONDS, read_lease, write_lease
from fcsearch.results.remote.marker import Marker, read_marker, remove_marker, unchanged, write_marker
from fcsearch.results.remote.order import (
    MODELS,
    State,
    has_rows,
    local_files,
    place_in_order,
    removal_order,
    state_of,
)
from fcsearch.results.status import STATUS

logger = logging.getLogger(__name__)

# The pause between two rounds is at least the first, and this many times as long as the last round, so that large runs
# are sent less often.
ROUND_SECONDS = 5.0
_PAUSE_FACTOR = 10
# At the end, a round that fails is repeated for this long.
END_SECONDS = 60.0
_RETRY_SECONDS = 2.0
# What comes and goes: folders, and the file that a killed search leaves behind.
_CHANGING = ("trials", "epochs", "confirmations", MODELS, "predictions", "checkpoints", STATUS)


class _LeaseLostError(RunError):
    """Another machine has taken the run over."""


class Mirror:
    """Uploads what changes in a run directory, in a thread of its own, until it is closed.

    Args:
        run: The run directory, which the caller holds for writing.
        marker: What it is a copy of.
        notice: Called with a message when uploads fail, and when they work again.
        lost: Called if another machine has taken the run over.
        every: Seconds between two rounds, at least.
        note_every: Seconds after which it is noted again what the URL has.
    """

    def __init__(
        self,
        run: Path,
        marker: Marker,
        notice: Callable[[str], None],
        lost: Callable[[], None],
        *,
        every: float = ROUND_SECONDS,
        note_every: float = 60.0,
    ) -> None:
        self._every, self._note_every = every, note_every
        self._run = run
        self._marker = marker
        self._folder = RemoteFolder(marker.url)
        self._writer = marker.writer or ""
        self._notice = notice
        self._lost = lost
        self._sent: dict[str, State | None] = {}
        self._error: RunError | None = None
        self._beat_at = 0.0
        self._noted_at = time.monotonic()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="mirror", daemon=True)

    def start(self) -> None:
        """Find what the URL already has, and begin to upload; RunError if it cannot be reached."""
        there = self._folder.files()
        # What an earlier search uploaded, and a crash or a repair has since removed here, is removed there, too.
        self._sent = {name: None for name in there if PurePosixPath(name).parts[0] in _CHANGING}
        self._sent |= unchanged(self._run, self._marker, {name: tag for name, (tag, _) in there.items()})
        self._thread.start()

    def close(self, *, patience: float) -> None:
        """Upload the rest, and record that this process has stopped writing.

        Args:
            patience: For how many seconds to retry after a failure.

        Raises:
            SearchError: something could not be uploaded; says what.
        """
        self._ending.set()
        self._thread.join()
        until = time.monotonic() + patience
        while not self._try(self._round) and not isinstance(self._error, _LeaseLostError) and time.monotonic() < until:
            time.sleep(min(_RETRY_SECONDS, max(0.0, until - time.monotonic())))
        if self._error is None:
            try:
                write_lease(self._folder, self._writer, ended=True)
                self._note()
                return
            except RunError as error:
                self._error = error
        if isinstance(self._error, _LeaseLostError):
            raise SearchError(f"{self._error}; {self._set_aside()}")
        missing = self._missing()
        few = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise SearchError(
            f"{self._folder.url} must hold all of the run; found missing or out of date: {few or 'nothing'}: "
            f"{self._error}; all of it is in {self._run}; `fcsearch resume {self._run}` uploads it"
        )

    def _set_aside(self) -> str:
        """Keep what was trained here from the next fetch: as a run of this machine alone; says where it is."""
        kept = self._run.with_name(f"{self._run.name}.lost-{self._writer}")
        try:
            self._run.rename(kept)
            remove_marker(kept)
        except OSError as error:
            return f"rename {self._run}, or the next look at the run there removes it; found: {error.strerror}"
        return f"what this search has trained is now in {kept}, a run of this machine alone"

    def _go_on(self) -> None:
        pause, next_round = 0.0, 0.0
        while not self._ending.wait(pause):
            pause, began = self._every, time.monotonic()
            try:
                if began < next_round:
                    self._try(self._beat)
                elif self._try(self._round):
                    next_round = time.monotonic() + _PAUSE_FACTOR * (time.monotonic() - began)
                if isinstance(self._error, _LeaseLostError):
                    self._say(f"{self._error}; the search ends")
                    self._lost()
                    return
            except Exception:
                # Without this thread another machine would take the run for one whose search is dead.
                logger.exception("what failed is tried again")

    def _try(self, what: Callable[[], None]) -> bool:
        if isinstance(self._error, _LeaseLostError):
            return False
        try:
            what()
        except (RunError, OSError) as error:
            failed = error if isinstance(error, RunError) else RunError(f"{self._run} must be readable; found: {error}")
            if self._error is None and not isinstance(failed, _LeaseLostError):
                self._say(f"upload failed: {failed}; the search continues and tries again")
            self._error = failed
            return False
        if self._error is not None:
            self._say(f"uploads to {self._folder.url} work again")
        self._error = None
        return True

    def _say(self, text: str) -> None:
        logger.warning("%s", text)
        self._notice(text)

    def _round(self) -> None:
        self._require_lease()
        self._beat()
        found = local_files(self._run)
        changed = [name for name, state in found.items() if self._sent.get(name) != state]
        for name in sorted(changed, key=place_in_order):
            self._beat()
            try:
                sent = self._send(name, found[name])
            except FileNotFoundError:
                continue
            if sent:
                self._sent[name] = found[name]
        for name in sorted(self._sent.keys() - found.keys(), key=removal_order):
            self._folder.remove(name)
            del self._sent[name]
        if changed and time.monotonic() > self._noted_at + self._note_every:
            self._noted_at = time.monotonic()
            try:
                self._note()
            except RunError as error:
                # All has arrived: a search that goes on after a kill sends more than it must.
                logger.warning("what the URL has is not noted: %s", error)

    def _note(self) -> None:
        """Note which files are the same here and at the URL: a search that goes on after a kill sends only others."""
        tags = {name: tag for name, (tag, _) in self._folder.files().items()}
        states = {name: state for name, state in self._sent.items() if state is not None}
        write_marker(self._run, self._marker.model_copy(update={"files": tags, "states": states}))

    def _send(self, name: str, found: State) -> bool:
        """Upload a file; False for rows replaced since they were found, whose epochs have not been uploaded yet."""
        path = self._run / name
        if not has_rows(name):
            self._folder.upload(path, name)
            return True
        with path.open("rb") as file:
            if state_of(os.fstat(file.fileno())) != found:
                return False
            self._folder.write(name, file.read())
        return True

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._beat_at + BEAT_SECONDS:
            return
        self._require_lease()
        write_lease(self._folder, self._writer)
        self._beat_at = now

    def _require_lease(self) -> None:
        found = read_lease(self._folder)
        if found is not None and found.writer != self._writer:
            raise _LeaseLostError(
                f"a run must have one writer; found that {found.place} has taken {self._folder.url} over, as this "
                "process had not renewed its claim"
            )

    def _missing(self) -> list[str]:
        try:
            found = local_files(self._run)
        except OSError:
            return [str(self._run)]
        return sorted(name for name, state in found.items() if self._sent.get(name) != state)


@contextmanager
def mirroring(run: Path, notice: Callable[[str], None], lost: Callable[[], None]) -> Iterator[None]:
    """In this block, upload what changes in a run directory to its URL, if it has one; at the end everything is there.

    Args:
        run: The run directory, which the caller has taken (`take`) and holds for writing.
        notice: Called with a message when uploads fail, and when they work again.
        lost: Called, in another thread, if another machine has taken the run over.

    Raises:
        SearchError: something could not be uploaded; says what.
    """
    marker = read_marker(run)
    if marker is None:
        yield
        return
    mirror = Mirror(run, marker, notice, lost)
    mirror.start()
    try:
        yield
    except BaseException:
        # The error that ended the search is the one to show.
        try:
            mirror.close(patience=0.0)
        except SearchError as error:
            notice(str(error))
        raise
    mirror.close(patience=END_SECONDS)


@contextmanager
def sending(run: Path) -> Iterator[None]:
    """After this block, upload the files that it changed to the run's URL, if it has one."""
    marker = read_marker(run)
    before = local_files(run) if marker else {}
    yield
    if marker is None:
        return
    folder = RemoteFolder(marker.url)
    for name, state in sorted(local_files(run).items()):
        if before.get(name) != state:
            folder.upload(run / name, name)
