"""Folders of image files: a subfolder for each class, or for each split; and images without a class, to predict."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from fcsearch.data.images import decode_image_files
from fcsearch.data.rows import PIXEL_SCALE, PartSizes, Rows
from fcsearch.data.sources.paths import SPLIT_OF, SPLITS, files_like, format_of
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.targets import read_labels
from fcsearch.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")

# Files, and the class of each.
Labelled = list[tuple[Path, str]]


def image_files(source: str) -> list[Path]:
    """The image files that a path, folder or glob names, sorted by name; none if it names files of tables or arrays."""
    path = Path(source).expanduser()
    if path.is_dir():
        if any(format_of(file) for file in path.iterdir()):
            return []
        return _images_in(path)
    if path.is_file():
        return [path] if _is_image(path) else []
    found = files_like(path)
    return [] if any(format_of(file) for file in found) else [file for file in found if _is_image(file)]


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
        folders["test"] = _folder(spec.test)
    return {split: _by_class(folders[split]) for split in SPLITS if split in folders}


def read_image_folder(spec: DatasetSpec) -> Rows:
    """Read a folder of images with a subfolder for each class.

    Raises:
        DataError: as `find_labelled`; an image that cannot be read, or images of several sizes.
    """
    parts = find_labelled(spec)
    files = [item for split in SPLITS for item in parts.get(split, [])]
    y, names = read_labels(pa.array([name for _, name in files]), None, None, f"the subfolders of {spec.source}")
    pixels, shape = decode_image_files([path for path, _ in files], size=spec.image_size)
    return Rows(
        X=pixels,
        y=y,
        class_names=names,
        sizes=PartSizes(*(len(parts.get(split, [])) for split in SPLITS)),
        scale=PIXEL_SCALE,
        image_shape=shape,
        resized=spec.image_size is not None,
        layout="image",
    )


def file_names(files: Sequence[Path], source: str) -> pa.Table:
    """The files' names as a column `file`: within the folder that was named."""
    folder = Path(source).expanduser()
    inside = folder.is_dir()
    return pa.table({"file": [(path.relative_to(folder) if inside else path).as_posix() for path in files]})


def _splits(folder: Path) -> dict[str, Path]:
    """The folder of each split; a folder without one for training is that of all rows."""
    named: dict[str, list[Path]] = {}
    for inner in _subfolders(folder):
        named.setdefault(SPLIT_OF.get(inner.name.lower(), ""), []).append(inner)
    if not any(_subfolders(inner) for inner in named.get("train", [])):
        return {"train": folder}
    stray = [inner.name for split, inners in named.items() for inner in inners[bool(split) :]]
    if stray:
        raise DataError(
            f"beside the folder {named['train'][0].name}, {folder} must hold one for validation and one for test, or "
            f"neither; found {', '.join(stray[:5])} as well. Move it elsewhere."
        )
    return {split: inners[0] for split, inners in named.items()}


def _by_class(folder: Path) -> Labelled:
    stray = [file for file in folder.iterdir() if _is_image(file)]
    classes = _subfolders(folder)
    if stray or not classes:
        found = f"{len(stray)} images outside of them, such as {min(stray).name}" if stray else "none"
        raise DataError(f"{folder} must hold a subfolder of images for each class; found {found}. Sort the images.")
    files = [(path, inner.name) for inner in classes for path in _images_in(inner)]
    if empty := {inner.name for inner in classes} - {name for _, name in files}:
        raise DataError(
            f"each subfolder of {folder} must hold the images of a class ({', '.join(ENDINGS[:4])}, ...); found none "
            f"in {min(empty)}. Move it elsewhere."
        )
    return files


def _folder(source: str) -> Path:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise DataError(f"images to learn from must be in a folder with a subfolder for each class; found {source}.")
    return folder


def _subfolders(folder: Path) -> list[Path]:
    return sorted(inner for inner in folder.iterdir() if inner.is_dir() and not inner.name.startswith((".", "_")))


def _images_in(folder: Path) -> list[Path]:
    """The images in a folder and the folders within, sorted by name."""
    found = []
    for top, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith((".", "_"))]
        found += [path for name in names if _is_image(path := Path(top, name))]
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def _is_image(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".") and path.is_file()
