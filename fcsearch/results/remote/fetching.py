"""From a URL to this machine: the local copy of a run, brought up to date."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    lease, marker = read_lease(folder), read_marker(path)
    if is_ahead(marker, lease) or lock.is_held(path / LOCK):
        return path
    bring(folder, path, light=light)
    note_whether_it_lives(path, lease)
    return path


def bring(folder: RemoteFolder, path: Path, *, light: bool = False, writer: str | None = None) -> None:
    """Make `path` a copy of the folder. What has changed on neither side stays; what only `path` has goes.

    Args:
        folder: The run.
        path: The copy; appears whole, if it is new.
        light: As `fetch`.
        writer: What the copy is known by from then on; None: it is for reading.
    """
    there = folder.files()
    if MANIFEST not in there:
        raise RunError(
            f"{folder.url} must be a run; found no {MANIFEST} there; `fcsearch runs --dir URL` lists the runs"
        )
    wanted = {name: tag for name, (tag, _) in there.items() if _is_ours(name) and not (light and _is_heavy(name))}
    total = sum(size for name, (_, size) in there.items() if _is_ours(name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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
        raise RunError(
            f"{path} must be a place to write; found: {error.strerror or error}; free space or permit it"
        ) from error


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


def _is_ours(name: str) -> bool:
    return not is_hidden(name) and ".." not in PurePosixPath(name).parts


def _is_heavy(name: str) -> bool:
    return PurePosixPath(name).parts[0] in _HEAVY


def _has(target: Path, name: str, tag: str, known: Mapping[str, str]) -> bool:
    return tag != "" and known.get(name) == tag and (target / name).is_file()


def _download(folder: RemoteFolder, target: Path, wanted: Collection[str]) -> None:
    aside = target / files.ASIDE
    aside.mkdir(exist_ok=True)
    (target / MODELS).mkdir(exist_ok=True)
    for name in sorted(wanted, key=place_in_order):
        unfinished, place = aside / PurePosixPath(name).name, target / name
        # Gone: such as a checkpoint in place of which there is a newer one.
        if folder.download(name, unfinished):
            place.parent.mkdir(parents=True, exist_ok=True)
            unfinished.replace(place)


def _remove_others(target: Path, *, keep: Collection[str]) -> None:
    for path in [path for path in target.rglob("*") if path.is_file() or path.is_symlink()]:
        name = path.relative_to(target).as_posix()
        if not is_hidden(name) and name not in keep:
            path.unlink(missing_ok=True)
