"""From a URL to this machine: the local copy of a run, brought up to date."""

from __future__ import annotations

import os
import shutil
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
from fcsearch.results.remote.order import MODELS, has_rows, is_hidden, local_files, place_in_order

# Large, and not needed for a list of runs.
_HEAVY = (MODELS, "checkpoints", "predictions", "damaged")


def run_urls(url: str) -> list[str]:
    """The runs in a folder."""
    return [within(url, name) for name in RemoteFolder(url).folders() if not name.startswith(".")]


def fetch(url: str, *, light: bool = False) -> Path:
    """Bring the local copy of a run up to date.

    Args:
        url: The run.
        light: Leave out what is large and needed by few commands, such as weights.

    Returns:
        The folder of the copy.

    Raises:
        RunError: there is no run, or it cannot be reached.
        UsageError: this machine cannot read such a URL.
    """
    path, folder = local_copy(url), RemoteFolder(url)
    if not path.exists():
        _files_of_run(folder)  # called for its error, while there is nothing to undo
    with bringing(path):
        lease = read_lease(folder)
        ahead = is_ahead(read_marker(path), lease)
        if ahead and lease is None:
            _files_of_run(folder)  # as above: a run that was removed has no claim either
        if not ahead and not lock.is_held(path / LOCK):
            bring(folder, path, light=light)
            note_whether_running(path, lease)
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
    """Make `path` a copy of the folder: download what differs, remove what the folder does not have.

    The caller holds `bringing(path)`.

    Args:
        folder: The run.
        path: The copy; a new one appears whole, or not at all.
        light: As `fetch`.
        writer: The id by which the copy may write the run; None: it is only for reading.
    """
    first = _files_of_run(folder)
    try:
        target = path if path.exists() else new_folder(path)
        before = read_marker(target)
        # Also what changed here alone is out of date: rows that a search could not send before another took the run.
        known = {name: before.files[name] for name in unchanged(target, before, before.files)} if before else {}
        # By process and whole name: trials/ and epochs/ have files of the same name.
        aside = target / files.ASIDE / f"fetched-{os.getpid()}"
        aside.mkdir(parents=True, exist_ok=True)
        try:
            # A search may write meanwhile, and sends what rows need before them. So that is looked for after the rows
            # have come, and gets its place before them.
            rows = {name: tag for name, (tag, _) in first.items() if has_rows(name)}
            _download(folder, aside, [name for name, tag in rows.items() if not _has(target, name, tag, known)])
            there = _files_of_run(folder)
            rows = {name: tag for name, tag in rows.items() if name in there}
            rest = {name: tag for name, (tag, _) in there.items() if not has_rows(name)}
            wanted = {name: tag for name, tag in rest.items() if not (light and _is_heavy(name))}
            _download(folder, aside, [name for name, tag in wanted.items() if not _has(target, name, tag, known)])
            _put(aside, target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        _remove_others(target, keep=rows.keys() | rest.keys())
        kept = {name: tag for name, tag in {**known, **wanted, **rows}.items() if (target / name).is_file()}
        total = sum(size for _, size in there.values())
        states = {name: state for name, state in local_files(target).items() if name in kept}
        write_marker(target, Marker(url=folder.url, writer=writer, files=kept, states=states, bytes=total))
        if target != path:
            target.rename(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def is_ahead(marker: Marker | None, lease: Lease | None) -> bool:
    """Whether a copy may hold what the URL lacks: during its search, and after that was killed.

    Where nobody is known to write the run, as a claim that was half written tells nothing, it was this copy's search.
    """
    if marker is None or marker.writer is None:
        return False
    return lease is None or (lease.writer == marker.writer and not lease.ended)


def note_whether_running(path: Path, lease: Lease | None) -> None:
    """Record in the copy whether a run that its manifest calls `running` is: a lock that nobody holds says no."""
    if lease is not None and lease.alive:
        (path / LOCK).unlink(missing_ok=True)
    else:
        (path / LOCK).touch()


def _files_of_run(folder: RemoteFolder) -> dict[str, tuple[str, int]]:
    """As `RemoteFolder.files`, without hidden ones; RunError if they are not a run."""
    there = {name: found for name, found in folder.files().items() if _is_ours(name)}
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


def _download(folder: RemoteFolder, aside: Path, wanted: Collection[str]) -> None:
    for name in sorted(wanted, key=place_in_order):
        (aside / name).parent.mkdir(parents=True, exist_ok=True)
        # It may be gone, such as a checkpoint that a newer one has replaced.
        if not folder.download(name, aside / name):
            (aside / name).unlink(missing_ok=True)


def _put(aside: Path, target: Path) -> None:
    (target / MODELS).mkdir(exist_ok=True)
    for name in sorted(local_files(aside), key=place_in_order):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (aside / name).replace(target / name)


def _remove_others(target: Path, *, keep: Collection[str]) -> None:
    for path in [path for path in target.rglob("*") if path.is_file() or path.is_symlink()]:
        name = path.relative_to(target).as_posix()
        if not is_hidden(name) and name not in keep:
            path.unlink(missing_ok=True)
