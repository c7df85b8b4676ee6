"""Taking a run at a URL for writing: one writer, whose copy is the latest."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from pathlib import Path

from fcsearch.errors import RunError
from fcsearch.results import lock
from fcsearch.results.no_run import LOCK, name_taken
from fcsearch.results.remote import lease as leases
from fcsearch.results.remote.fetching import bring, bringing, is_ahead
from fcsearch.results.remote.folder import RemoteFolder
from fcsearch.results.remote.marker import Marker, read_marker, write_marker


def is_taken(url: str) -> bool:
    """Whether there is anything at a run's URL; RunError if it cannot be reached."""
    return bool(RemoteFolder(url).files())


def attach(path: Path, url: str) -> None:
    """Make a new run directory the copy of a new run at a URL.

    Raises:
        RunError: the URL is taken, or cannot be written.
    """
    folder = RemoteFolder(url)
    if folder.files():
        raise name_taken(url)
    writer = uuid.uuid4().hex
    leases.write_lease(folder, writer)
    write_marker(path, Marker(url=url, writer=writer))


def detach(path: Path) -> None:
    """Remove what a run that never trained left at its URL; what cannot be removed stays."""
    marker = read_marker(path)
    if marker is None or marker.writer is None:
        return
    folder = RemoteFolder(marker.url)
    with contextlib.suppress(RunError):
        for name in folder.files():
            folder.remove(name)


def take(path: Path, notice: Callable[[str], None]) -> None:
    """Before a local copy is written: make sure that no other machine writes the run, and bring the copy up to date.

    Args:
        path: A run directory; nothing is done if it is not a copy.
        notice: Called with a message that says what is waited for.

    Raises:
        RunError: another machine, or another process of this one, writes the run, or it cannot be reached.
    """
    marker = read_marker(path)
    if marker is None:
        return
    folder = RemoteFolder(marker.url)
    with lock.hold(path / LOCK):
        found = leases.read_lease(folder)
        # Also if nothing is left at the URL: then this copy is all there is.
        if marker.writer is not None and is_ahead(marker, found):
            leases.write_lease(folder, marker.writer)
            return
        if found is not None:
            _require_dead(folder, found, notice)
        writer = uuid.uuid4().hex
        leases.write_lease(folder, writer)
        with bringing(path):
            bring(folder, path, writer=writer)


def _require_dead(folder: RemoteFolder, found: leases.Lease, notice: Callable[[str], None]) -> None:
    if found.ended or found.age > leases.LONG_AGO_SECONDS:
        return
    notice(
        f"{folder.url} was last written on {found.place}; waiting up to {leases.SILENCE_SECONDS:.0f} s to see "
        "whether it still is"
    )
    if leases.renews(folder, found):
        raise RunError(
            f"a run must have one writer; found one of {folder.url} on {found.place}; wait until it ends, or end "
            "it there"
        )
