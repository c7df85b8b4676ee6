"""NPZ files: arrays `X` and `y`, or `x_train`, `y_train`, `x_test`, ..."""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fcsearch.data.rows import PIXEL_SCALE, PartSizes, Rows
from fcsearch.data.sources.paths import SPLIT_OF, SPLITS, Parts
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.targets import read_labels
from fcsearch.errors import DataError
from fcsearch.wording import wording

Arrays = dict[str, npt.NDArray[Any]]
Pair = tuple[npt.NDArray[Any], npt.NDArray[Any]]

_FEATURES = ("x", "data", "images", "image", "features")
_LABELS = ("y", "label", "labels", "target", "targets")
_SPLIT_WORD = re.compile(rf"_?({'|'.join(SPLIT_OF)})_?")


def npz_arrays(parts: Parts, spec: DatasetSpec) -> tuple[npt.NDArray[Any], pa.Array, PartSizes]:
    """Read NPZ files into features (N, ...), labels (N,), and the number of rows of each split. Pickles are refused.

    Args:
        parts: Files of each split; a single file may hold all splits.
        spec: `label` names the array of the classes.

    Raises:
        DataError: a file that cannot be read, arrays that are missing or cannot be used.
    """
    for option in ("drop", "group", "time", "weights"):
        if getattr(spec, option):
            raise DataError(f"dataset option {option} belongs to tables; an NPZ file has no columns. Leave it out.")
    pairs: dict[str, list[Pair]] = {split: [] for split in SPLITS}
    for split, paths in parts.items():
        for path in paths:
            for inner, pair in _pairs_in(path, spec.label).items():
                if inner != "train" and (len(parts) > 1 or len(paths) > 1):
                    raise DataError(
                        f"{path} must hold one split, as there are other files; found arrays of the {inner} split. "
                        "Name that file alone."
                    )
                pairs[split if inner == "train" else inner].append(pair)
    source = str(next(iter(parts.values()))[0])
    X = _stack([features for split in SPLITS for features, _ in pairs[split]], source)
    labels = np.concatenate([values for split in SPLITS for _, values in pairs[split]])
    return (
        X,
        arrow_labels(labels, source),
        PartSizes(*(sum(len(values) for _, values in pairs[split]) for split in SPLITS)),
    )


def npz_features(files: Sequence[Path]) -> npt.NDArray[Any]:
    """(N, ...) The features of NPZ files, with or without labels; from each file, training rows first.

    Raises:
        DataError: a file that cannot be read, or has no array of features, or arrays that do not fit together.
    """
    found = []
    for path in files:
        arrays = {split: roles["features"] for split, roles in _arrays_in(path, None)[0].items() if "features" in roles}
        if not arrays:
            raise DataError(
                f"{path} must hold an array of features called X (data, images, features), or such arrays with _train, "
                "_val, _test; found none. Rename the array."
            )
        for split in (name for name in SPLITS if name in arrays):
            labels = np.zeros(len(arrays[split]) if arrays[split].ndim else 0)
            found.append(checked_arrays(arrays[split], labels, str(path))[0])
    return _stack(found, str(files[0]))


def read_npz(parts: Parts, spec: DatasetSpec) -> Rows:
    """Read NPZ files into features and classes.

    Raises:
        DataError: as `npz_arrays`, or labels that are not classes.
    """
    return rows_of_arrays(*npz_arrays(parts, spec), spec, f"{next(iter(parts.values()))[0]}")


def rows_of_arrays(X: npt.NDArray[Any], labels: pa.Array, sizes: PartSizes, spec: DatasetSpec, source: str) -> Rows:
    """Turn checked arrays into features and labels.

    Args:
        X: (N, ...) uint8, float32 or float64, 2 to 4 axes.
        labels: (N,).
        sizes: Rows in each given split.
        spec: Its `task`, if the user gave one.
        source: Names the arrays, for messages.

    Raises:
        DataError: labels that the task cannot have.
    """
    y, names = read_labels(labels, None, spec.task, f"the labels of {source}")
    return Rows(
        X=X.reshape(len(X), -1),
        y=y,
        class_names=names,
        sizes=sizes,
        scale=PIXEL_SCALE if X.dtype == np.uint8 else 1.0,
        image_shape=(X.shape[1], X.shape[2], (*X.shape, 1)[3]) if X.ndim in (3, 4) else None,
    )


def check_npz(files: Sequence[Path], spec: DatasetSpec) -> None:
    """Check the names and shapes of the arrays of NPZ files, by their headers; DataError as `npz_arrays`."""
    for path in files:
        for pair in _named_pairs(path, spec.label, headers=True).values():
            _check_shapes(pair["features"], pair["labels"], str(path))


def features_by_headers(path: Path) -> list[npt.NDArray[Any]]:
    """The features of each split but the test rows': zeros in their shapes and types, without memory of their own.

    Raises:
        DataError: a file that cannot be read, or two arrays of features for one split.
    """
    found = _arrays_in(path, None, headers=True)[0]
    return [
        pair["features"] for split, pair in found.items() if "features" in pair and (split != "test" or len(found) == 1)
    ]


def _named_pairs(path: Path, label: str | None, *, headers: bool = False) -> dict[str, Arrays]:
    """Arrays by split and role; DataError where a pair is not whole."""
    found, names = _arrays_in(path, label, headers=headers)
    halves = [pair for pair in found.values() if len(pair) < 2]
    if not halves and ("train" in found or len(found) == 1):
        return found
    features, labels = "features, called X (data, images, features)", f"labels, called {label or 'y (labels, target)'}"
    wanted = f"an array of {features}, and one of {labels}, or such pairs with _train, _val, _test"
    if halves and all("features" in pair for pair in halves):
        wanted = f"an array of {labels}, beside the features"
    raise DataError(
        f"{path} must hold {wanted}; found {names or 'no arrays'}. Rename the arrays, or name that of the labels with "
        f"{wording().label()}."
    )


def _pairs_in(path: Path, label: str | None) -> dict[str, Pair]:
    """Features and labels by split; a file with one split is all train, whatever the names of its arrays."""
    found = _named_pairs(path, label)
    pairs = [checked_arrays(pair["features"], pair["labels"], str(path)) for pair in found.values()]
    return dict(zip(found if len(found) > 1 else ["train"], pairs, strict=True))


def _arrays_in(path: Path, label: str | None, *, headers: bool = False) -> tuple[dict[str, Arrays], str]:
    """A file's arrays by split and role, and the names of all of them; of `headers` alone, zeros of their shapes."""
    found: dict[str, Arrays] = {}
    with _opened(path) as file:
        for name in file.files:
            split, role = _role_of(name, label)
            if role in found.get(split, {}):
                raise DataError(f"{path} must hold one array of {role} per split; found {name!r} as well. Remove one.")
            if role:
                found.setdefault(split, {})[role] = _shape_alone(file, name) if headers else _array(file, name)
        return found, ", ".join(file.files)


def _array(file: Any, name: str) -> npt.NDArray[Any]:
    """An array; ValueError for a member of the file that is none, which numpy gives as bytes."""
    array = file[name]
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} is no array")
    return array


def _shape_alone(file: Any, name: str) -> npt.NDArray[Any]:
    """Zeros, without memory of their own, in the shape of an array."""
    # numpy.savez ends the names of members so, other programs may not.
    member = f"{name}.npy" if f"{name}.npy" in file.zip.namelist() else name
    with file.zip.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(stream)
    return np.broadcast_to(np.zeros((), kind), shape)


def _role_of(name: str, label: str | None) -> tuple[str, str]:
    """The split in an array's name (train if none), and `features`, `labels` or nothing."""
    match = _SPLIT_WORD.search(name.lower())
    split = SPLIT_OF[match[1]] if match else "train"
    stem = _SPLIT_WORD.sub("", name.lower())
    if stem in ([label.lower()] if label else _LABELS):
        return split, "labels"
    if stem in _FEATURES:
        return split, "features"
    # `device` is no name of a split.
    return "train", "labels" if name == label else ""


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with zipfile.ZipFile(path):  # np.load would take a lone NPY array, too
            pass
        with np.load(path, allow_pickle=False) as file:
            yield file
    # MemoryError: an array that claims more than the memory, or a file that is larger.
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, MemoryError, NotImplementedError) as error:
        reason = "it holds Python objects" if "allow_pickle" in str(error) else str(error)
        raise DataError(
            f"{path} must be a whole NPZ file of plain arrays; reading it failed: {reason}. Save it again with "
            "numpy.savez."
        ) from error


def checked_arrays(features: npt.NDArray[Any], labels: npt.NDArray[Any], source: str) -> Pair:
    """Arrays that match, features as uint8, float32 or float64; DataError, naming `source`, if they do not."""
    labels = _check_shapes(features, labels, source)
    if features.dtype == np.uint8:
        return features, labels
    if features.dtype.kind not in "biuf":
        raise DataError(f"{source} must hold features that are numbers; found the type {features.dtype}. Save numbers.")
    exact = np.can_cast(features.dtype, np.float32)
    features = features.astype(np.float32 if exact else np.float64, copy=False)
    usable = np.abs(features) <= np.finfo(np.float32).max
    if not usable.all():
        row = int(np.argwhere(~usable)[0][0])
        raise DataError(
            f"{source} must hold finite features within float32's range; found {features[~usable][0]} in row {row}, "
            f"{usable.size - usable.sum()} such values in all. Fix or drop these rows."
        )
    return features, labels


def _check_shapes(features: npt.NDArray[Any], labels: npt.NDArray[Any], source: str) -> npt.NDArray[Any]:
    """The labels, (N,); DataError unless there is one for each row of features."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if features.ndim not in (2, 3, 4) or labels.ndim != 1 or len(features) != len(labels) or features.size == 0:
        raise DataError(
            f"{source} must hold features of shape (rows, ...) with 2 to 4 axes and one class per row; found features "
            f"of shape {features.shape} and classes of shape {labels.shape}."
        )
    return labels


def _stack(features: list[npt.NDArray[Any]], source: str) -> npt.NDArray[Any]:
    shapes = {array.shape[1:] for array in features}
    if len(shapes) > 1:
        raise DataError(
            f"the features of all splits must have one shape; found rows of shape "
            f"{' and '.join(map(str, sorted(shapes)))} in {source} and its other splits. Make the arrays alike."
        )
    return features[0] if len(features) == 1 else np.concatenate(features)


def arrow_labels(labels: npt.NDArray[Any], source: str) -> pa.Array:
    """(N,) labels as an Arrow array; DataError, naming `source`, for labels that are neither integers nor text."""
    if labels.dtype.kind not in "biufUS":
        raise DataError(f"the labels of {source} must be integers or text; found the type {labels.dtype}.")
    try:
        text = np.char.decode(labels, "utf-8") if labels.dtype.kind == "S" else labels
    except UnicodeDecodeError as error:
        raise DataError(
            f"the labels of {source} must be text in UTF-8; found other bytes. Save them as text."
        ) from error
    return pa.array(text.tolist() if text.dtype.kind == "U" else text)
