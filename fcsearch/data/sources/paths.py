"""Datasets in files: which files there are, and which belong to which split."""

from __future__ import annotations

import glob
import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from fcsearch.data.spec import DATASET_NAMES, DatasetSpec
from fcsearch.errors import DataError
from fcsearch.text import did_you_mean, nearest

FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "csv",
    ".tsv.gz": "csv",
    ".npz": "npz",
}
SPLITS = ("train", "val", "test")
Parts = dict[str, list[Path]]

# The words for splits in the names of files, folders and arrays; a word stands before those that it begins with.
SPLIT_OF = {
    **dict.fromkeys(("training", "train"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "val"),
    "test": "test",
}
_SPLIT_WORD = re.compile(rf"(?<![a-z])({'|'.join(SPLIT_OF)})(?![a-z])")


def find_parts(spec: DatasetSpec) -> Parts:
    """The files of each split.

    In a folder or a glob the file names say the split (`train-00000.parquet`, `cifar10-test.csv`); if all names
    say the same split, or none, the files are one split. The name of a single file is ignored.

    Raises:
        DataError: there are no files, or files of tables and of arrays, or their names do not say clearly which split
            they belong to.
    """
    files = find_files(spec.source)
    parts = _sort_by_split(files, spec.source)
    if spec.test is not None:
        if "test" in parts:
            raise DataError(
                f"there must be one test split; found {parts['test'][0]} in {spec.source} beside the option test "
                f"({spec.test}). Leave the option out, or name the training files by a glob."
            )
        parts["test"] = find_files(spec.test)
    seen: dict[Path, str] = {}
    for part, paths in parts.items():
        for path in paths:
            if seen.setdefault(path.resolve(), part) != part:
                raise DataError(f"{path} must be in one split; found it in {seen[path.resolve()]} and in {part}.")
    formats_of(list(itertools.chain.from_iterable(parts.values())), spec.source)
    return parts


def format_of(path: Path) -> str:
    """`parquet`, `csv` or `npz`, by the file's ending; empty for any other ending."""
    name = path.name.lower()
    return next((kind for ending, kind in FORMATS.items() if name.endswith(ending)), "")


def formats_of(files: Sequence[Path], source: str) -> set[str]:
    """The formats of the files: only `npz`, or those of tables; DataError for a mixture."""
    formats = {format_of(path) for path in files}
    if "npz" in formats and len(formats) > 1:
        raise DataError(f"{source} and the test split must be of one format; found {' and '.join(sorted(formats))}.")
    return formats


def _sort_by_split(files: Sequence[Path], source: str) -> Parts:
    named: dict[str | None, list[Path]] = {}
    for path in files:
        words = _SPLIT_WORD.findall(path.name.lower())
        named.setdefault(SPLIT_OF[words[-1]] if words else None, []).append(path)
    if len(named) == 1:
        return {"train": list(files)}
    if None in named or "train" not in named:
        stray = named[None][0].name if None in named else "no training file"
        raise DataError(
            f"the file names in {source} must all say their split (train, val or test), or none; found {stray} beside "
            f"{next(paths[0].name for part, paths in named.items() if part is not None)}. "
            "Name the training files by a glob, and the test files with the option test."
        )
    return {part: named[part] for part in SPLITS if part in named}


def find_files(source: str) -> list[Path]:
    """The data files that a path, folder or glob names, sorted by name."""
    path = Path(source).expanduser()
    found = files_at(path)
    if path.is_dir():
        names = [file.name for file in found[:5]] or [f"the folder {inner.name}" for inner in entries(path)][:5]
        return _known(found, source, lambda: ", ".join(names) or "an empty folder")
    if path.is_file():
        return _known(found, source, lambda: path.suffix or "a file without an ending")
    if glob.has_magic(source):
        return _known(found, source, lambda: "no match")
    raise _not_found(source, path)


def files_at(path: Path) -> list[Path]:
    """The file at a path, the files in the folder there that are not hidden, or those that a glob names; sorted."""
    if path.is_dir():
        return sorted(file for file in entries(path) if file.is_file() and not is_kept_back(file.name))
    if path.is_file():
        return [path]
    matches = map(Path, glob.glob(str(path), recursive=True))  # noqa: PTH207 (absolute patterns)
    return sorted(match for match in matches if match.is_file())


def is_kept_back(name: str) -> bool:
    """Whether a file in a folder is not read because of its name: a hidden one, or what a program keeps for itself."""
    return name.startswith((".", "_"))


def entries(folder: Path) -> list[Path]:
    """What is in a folder; DataError if it cannot be read."""
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise unreadable(error) from error


def unreadable(error: OSError) -> DataError:
    """What to do about a folder that cannot be read."""
    return DataError(
        f"every folder of the data must be readable; {error.filename} is not: {error.strerror}. Change its "
        "permissions, or move it elsewhere."
    )


def _known(files: list[Path], source: str, found: Callable[[], str]) -> list[Path]:
    known = [file for file in files if format_of(file)]
    if not known:
        raise DataError(f"{source} must be or hold files ending in {', '.join(FORMATS)}, or images; found {found()}.")
    return known


def _not_found(source: str, path: Path) -> DataError:
    names = [*DATASET_NAMES, "openml:<name or id>"]
    if path.suffix or len(path.parts) > 1:
        siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        # That two names end alike does not make one of them the other.
        near = nearest(path.name, (name for name in siblings if nearest(path.stem, [Path(name).stem])))
        hint = did_you_mean(near and path.parent / near, sentence=True)
        return DataError(f"the dataset file {source} must exist; found nothing there (looked in {Path.cwd()}).{hint}")
    near = nearest(source.lower().replace("-", "_"), DATASET_NAMES, cutoff=0.5)
    hint = did_you_mean(near, sentence=True)
    return DataError(
        f"dataset must be one of {', '.join(names)}, or the path of a file or folder; found {source!r}.{hint}"
    )
