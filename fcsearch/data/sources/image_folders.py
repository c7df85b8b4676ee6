"""Folders of image files to learn from: a subfolder for each class, or for each split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from fcsearch.data.images import ImageForm, decode_image_files
from fcsearch.data.rows import PIXEL_SCALE, PartSizes, Rows
from fcsearch.data.sources.image_files import ENDINGS, count_others, images_in, is_image, subfolders
from fcsearch.data.sources.paths import SPLIT_OF, SPLITS, entries
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.targets import read_labels
from fcsearch.errors import DataError

# Files, and the class of each.
Labelled = list[tuple[Path, str]]


def find_labelled(spec: DatasetSpec) -> dict[str, Labelled]:
    """The images of each split, by class and then by name.

    A folder holds a subfolder for each class; or it holds `train`, and `val` and `test` if there are such, each with
    its own subfolders of the classes.

    Raises:
        DataError: images that no subfolder gives a class, a subfolder without images, or options of tables.
    """
    for option in ("label", "drop", "group", "time", "weights"):
        if getattr(spec, option):
            raise DataError(
                f"dataset option {option} belongs to tables; the class of an image is the name of its subfolder in "
                f"{spec.source}. Leave it out."
            )
    if spec.task == "regression":
        raise DataError("a folder of images must be learned as a classification; found task regression. Leave it out.")
    folders = _splits(_folder(spec.source))
    if spec.test is not None:
        if "test" in folders:
            raise DataError(f"there must be one test split; found {folders['test']} beside the option test.")
        folders["test"] = _apart(_folder(spec.test), folders.values())
    return {split: _by_class(folders[split]) for split in SPLITS if split in folders}


def read_image_folder(spec: DatasetSpec) -> Rows:
    """Read a folder of images with a subfolder for each class.

    Raises:
        DataError: as `find_labelled`; an image that cannot be read, or images of several sizes.
    """
    parts = find_labelled(spec)
    files = [item for split in SPLITS for item in parts.get(split, [])]
    y, names = read_labels(pa.array([name for _, name in files]), None, None, f"the subfolders of {spec.source}")
    form = None if spec.image_size is None else ImageForm(spec.image_size)
    pixels, shape = decode_image_files([path for path, _ in files], form)
    return Rows(
        X=pixels,
        y=y,
        class_names=names,
        sizes=PartSizes(*(len(parts.get(split, [])) for split in SPLITS)),
        scale=PIXEL_SCALE,
        image_shape=shape,
        resized=spec.image_size is not None,
        layout="image",
        details={"other_files": dict(sum(map(count_others, _folders(spec)), Counter()))},
    )


def _apart(test: Path, others: Iterable[Path]) -> Path:
    """The folder of the test split; DataError if it shares images with another one."""
    for other in others:
        ours, theirs = test.resolve(), other.resolve()
        if ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
            raise DataError(
                f"an image must be in one split; the folder of the option test, {test}, shares images with {other}. "
                "Move it elsewhere, or name another one."
            )
    return test


def _splits(folder: Path) -> dict[str, Path]:
    """The folder of each split; a folder without one for training is that of all rows."""
    named: dict[str, list[Path]] = {}
    for inner in subfolders(folder):
        named.setdefault(SPLIT_OF.get(inner.name.lower(), ""), []).append(inner)
    if not any(subfolders(inner) for inner in named.get("train", [])):
        return {"train": folder}
    stray = [inner.name for split, inners in named.items() for inner in inners[bool(split) :]]
    if stray:
        raise DataError(
            f"beside the folder {named['train'][0].name}, {folder} must hold one for validation and one for test, or "
            f"neither; found {', '.join(stray[:5])} as well. Move it elsewhere."
        )
    return {split: inners[0] for split, inners in named.items()}


def _by_class(folder: Path) -> Labelled:
    stray = [file for file in entries(folder) if is_image(file.name) and not file.is_dir()]
    classes = subfolders(folder)
    if stray or not classes:
        found = f"{len(stray)} images outside of them, such as {min(stray).name}" if stray else "none"
        raise DataError(f"{folder} must hold a subfolder of images for each class; found {found}. Sort the images.")
    files = [(path, inner.name) for inner in classes for path in images_in(inner)]
    if empty := {inner.name for inner in classes} - {name for _, name in files}:
        raise DataError(
            f"each subfolder of {folder} must hold the images of a class ({', '.join(ENDINGS[:4])}, ...); found none "
            f"in {min(empty)}. Move it elsewhere."
        )
    return files


def _folders(spec: DatasetSpec) -> list[Path]:
    return [_folder(source) for source in (spec.source, spec.test) if source is not None]


def _folder(source: str) -> Path:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise DataError(f"images to learn from must be in a folder with a subfolder for each class; found {source}.")
    return folder
