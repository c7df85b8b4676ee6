"""Finding the image files of a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from fcsearch.data.sources.paths import entries, unreadable

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")


def images_in(folder: Path, *, depth: int | None = None) -> list[Path]:
    """The images in a folder and the folders within, down to a depth, sorted by name; DataError if one is closed."""
    found = (top / name for top, names in _walk(folder, depth) for name in names if is_image(name))
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def count_others(folder: Path) -> Counter[str]:
    """By ending, how many files in a folder and the folders within are not images; hidden ones are not counted."""
    names = (name for _, names in _walk(folder) for name in names if not is_image(name) and not _is_hidden(name))
    return Counter(Path(name).suffix.lower() or "without ending" for name in names)


def others_in_words(counts: Mapping[str, int]) -> str:
    """What a user should know of `count_others`; empty if there are none."""
    if not counts:
        return ""
    kinds = ", ".join(
        f"{count:,} {ending}" for ending, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    return f"files that are not images ({kinds})"


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name; not those that a system or a program keeps for itself."""
    return sorted(inner for inner in entries(folder) if not _is_hidden(inner.name) and inner.is_dir())


def is_image(name: str) -> bool:
    """Whether a file of this name is an image, and not a hidden one."""
    return name.lower().endswith(ENDINGS) and not _is_hidden(name)


def _walk(folder: Path, depth: int | None = None) -> Iterator[tuple[Path, list[str]]]:
    """A folder and those within, and the names of their files. Links are followed, but into each folder only once."""
    seen = set()
    for top, inner, names in os.walk(folder, followlinks=True, onerror=_refuse):
        found = Path(top).stat()
        if (found.st_dev, found.st_ino) in seen:
            inner.clear()
            continue
        seen.add((found.st_dev, found.st_ino))
        yield Path(top), names
        deepest = depth is not None and len(Path(top).relative_to(folder).parts) >= depth
        inner[:] = [] if deepest else sorted(name for name in inner if not _is_hidden(name))


def _refuse(error: OSError) -> NoReturn:
    raise unreadable(error) from error


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
