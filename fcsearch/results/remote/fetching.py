"""From a URL to this machine: the local copy of a run, brought up to date."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from fcsearch.errors import RunError
from fcsearch.results import files, lock
from fcsearch.results.new_folder import new_folder
from fcsearch.results.no_run import LOCK, MANIFEST
from fcsearch.results.remote.address import local_copy, within
from fcsearch.results.remote.folder import RemoteFolder
from fcsearch.results.remote.lease import Lease, read_lease
from fcsearch.results.remote.marker import Marker, read_marker, unchanged, write_marker
from fcsearch.results.remote.order import MODELS, is_hidden, place_in_order

# What no list of runs needs, and what is large.
_HEAVY = (MODELS, "checkpoints", "predictions", "damaged")


def run_urls(url: str) -> list[str]:
    """The runs in a folder."""
    return [within(url, name) for name in RemoteFolder(url).folders() if not name.startswith(".")]


def fetch(url: str, *, light: bool = False) -> Path:
    """Bring the local copy of a run up to date.

    Args:
        url: The run.
        light: Leave out what takes long and only some commands need, such as weights.

    Returns:
        The folder of the copy.

    Raises:
        RunError: there is no run, or it cannot be reached.
        UsageError: it is no URL that can be read on this machine.
    """
    path, folder = local_copy(url), RemoteFolder(url)
    if not path.exists():
        _files_of_run(folder)  # called for its error, while there is nothing to undo
    with bringing(path):
        lease = read_lease(folder)
        if not is_ahead(read_marker(path), lease) and not lock.is_held(path / LOCK):
            bring(folder, path, light=light)
            note_whether_it_lives(path, lease)
    return path


@contextmanager
def bringing(path: Path) -> Iterator[None]:
    """In this block no other process of this machine changes the copy by `bring`; RunError as `lock.hold`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    with lock.hold(path.with_name(f".{path.name}.lock"), patience=-1):
        yield


def bring(folder: RemoteFolder, path: Path, *, light: bool = False, writer: str | None = None) -> None:
    """Make `path` a copy of the folder. What has changed on neither side stays; what only `path` has goes.

    The caller holds `bringing(path)`.

    Args:
        folder: The run.
        path: The copy; appears whole, if it is new.
        light: As `fetch`.
        writer: What the copy is known by from then on; None: it is for reading.
    """
    there = _files_of_run(folder)
    wanted = {name: tag for name, (tag, _) in there.items() if _is_ours(name) and not (light and _is_heavy(name))}
    total = sum(size for name, (_, size) in there.items() if _is_ours(name))
    try:
        target = path if path.exists() else new_folder(path)
        before = read_marker(target)
        # Also what changed here alone is out of date: rows that a search could not send before another took the run.
        known = {name: before.files[name] for name in unchanged(target, before, before.files)} if before else {}
        _download(folder, target, {name: tag for name, tag in wanted.items() if not _has(target, name, tag, known)})
        _remove_others(target, keep=set(there))
        kept = {name: tag for name, tag in {**known, **wanted}.items() if (target / name).is_file()}
        write_marker(target, Marker(url=folder.url, writer=writer, files=kept, bytes=total))
        if target != path:
            target.rename(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def is_ahead(marker: Marker | None, lease: Lease | None) -> bool:
    """Whether a copy may hold what the URL lacks: while its search goes on, and after that was killed."""
    if marker is None or marker.writer is None or lease is None:
        return False
    return lease.writer == marker.writer and not lease.ended


def note_whether_it_lives(path: Path, lease: Lease | None) -> None:
    """Let the copy say of a run that is `running` by its manifest, whether it is: a lock that nobody holds says no."""
    if lease is not None and lease.alive:
        (path / LOCK).unlink(missing_ok=True)
    else:
        (path / LOCK).touch()


def _files_of_run(folder: RemoteFolder) -> dict[str, tuple[str, int]]:
    """As `RemoteFolder.files`; RunError if they are no run."""
    there = folder.files()
    if MANIFEST not in there:
        raise RunError(
            f"{folder.url} must be a run; found no {MANIFEST} there; `fcsearch runs --dir URL` lists the runs"
        )
    return there


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(f"{path} must be a place to write; found: {error.strerror or error}; free space or permit it")


def _is_ours(name: str) -> bool:
    return not is_hidden(name) and ".." not in PurePosixPath(name).parts


def _is_heavy(name: str) -> bool:
    return PurePosixPath(name).parts[0] in _HEAVY


def _has(target: Path, name: str, tag: str, known: Mapping[str, str]) -> bool:
    return tag != "" and known.get(name) == tag and (target / name).is_file()


def _download(folder: RemoteFolder, target: Path, wanted: Collection[str]) -> None:
    # By process and whole name: trials/ and epochs/ have files of the same name.
    aside = target / files.ASIDE / f"fetched-{os.getpid()}"
    (target / MODELS).mkdir(exist_ok=True)
    try:
        for name in sorted(wanted, key=place_in_order):
            unfinished, place = aside / name, target / name
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            # Gone: such as a checkpoint in place of which there is a newer one.
            if folder.download(name, unfinished):
                place.parent.mkdir(parents=True, exist_ok=True)
                unfinished.replace(place)
    finally:
        files.clear_aside(aside)


def _remove_others(target: Path, *, keep: Collection[str]) -> None:
    for path in [path for path in target.rglob("*") if path.is_file() or path.is_symlink()]:
        name = path.relative_to(target).as_posix()
        if not is_hidden(name) and name not in keep:
            path.unlink(missing_ok=True)
