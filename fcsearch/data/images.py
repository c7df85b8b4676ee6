"""Decoding image files (JPEG, PNG, ...), in a column of a table or in a folder."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import math
import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image, ImageOps, UnidentifiedImageError

from fcsearch.errors import DataError
from fcsearch.machine import available_cores, free_memory
from fcsearch.wording import wording

Pixels = npt.NDArray[np.uint8]
Shape = tuple[int, int, int]
Locate = Callable[[int], str]
# The contents of the images from one row up to another: bytes, a file, or nothing.
Content = bytes | Path | None
Read = Callable[[int, int], Iterator[Content]]
# Height and width.
Size = tuple[int, int]

# Not all formats of Pillow: it runs an external program for EPS.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

_GREY = {"1", "L", "LA"}
_COLOUR = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}
# Smaller images take their time in Python code, where threads wait for each other; from here on two are twice as fast.
_THREADED_PIXELS = 96 * 96
_CHUNK = 256
# What Pillow raises for files that are damaged, or are not images.
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error, Image.DecompressionBombError)
# How many unusable images a message names.
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class ImageForm:
    """What images are decoded to.

    Attributes:
        size: Height and width.
        channels: 1 (grey) or 3 (RGB); None: grey if all images are, else RGB.
        resize: Whether images of another size are resized (stretched, bilinear); otherwise they are refused.
        upright: Whether they are turned as their EXIF orientation says.
    """

    size: Size
    channels: int | None = None
    resize: bool = True
    upright: bool = True


class _ColourFound(Exception):  # noqa: N818 (a signal, not an error)
    """A colour image after grey ones."""


class _UnusableError(Exception):
    """Why an image cannot be used."""


class _OtherSizeError(Exception):
    """The row of an image of another size, and that size."""

    def __init__(self, row: int, size: Size) -> None:
        super().__init__(row, size)
        self.row, self.size = row, size


def decode_images(column: pa.ChunkedArray, locate: Locate, form: ImageForm | None = None) -> tuple[Pixels, Shape]:
    """Decode a column of image files: upright, unless the form says otherwise; of several frames, the first.

    Args:
        column: (N,) binary, or structs of `bytes` and `path` as the Hugging Face hub writes them.
        locate: Names the place of a row, for messages.
        form: What they become; None: they must have one size, and are grey if all of them are.

    Returns:
        (N, height * width * channels) uint8 and (height, width, channels). An alpha channel is left out, as the hub's
        own loaders do on conversion.

    Raises:
        DataError: missing or broken images, all of which are counted; images of unequal size, 16-bit images.
    """

    def read(start: int, stop: int) -> Iterator[Content]:
        return _contents(column.slice(start, stop - start))

    return _decode(_Images(len(column), read, locate, form))


def decode_image_files(files: Sequence[Path], form: ImageForm | None = None) -> tuple[Pixels, Shape]:
    """Decode image files, each read when its turn comes; otherwise as `decode_images`."""
    return _decode(_Images(len(files), lambda start, stop: iter(files[start:stop]), lambda row: str(files[row]), form))


@dataclasses.dataclass(frozen=True)
class _Images:
    """Images to decode: how many, how their contents are read, how a row is named, and what they become."""

    count: int
    read: Read
    locate: Locate
    form: ImageForm | None

    @property
    def upright(self) -> bool:
        """Whether they are turned as their EXIF orientation says."""
        return self.form is None or self.form.upright


def _decode(images: _Images) -> tuple[Pixels, Shape]:
    with warnings.catch_warnings():
        # Pillow warns about damaged metadata, and about images that are large but can be decoded.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        first = _first(images)
        form = images.form or ImageForm(first.size, resize=False)
        threads = 1 if math.prod(first.size) < _THREADED_PIXELS else available_cores()
        try:
            try:
                pixels = _decode_all(images, form, form.channels or (1 if first.mode == "L" else 3), threads)
            except _ColourFound:
                pixels = _decode_all(images, form, 3, threads)
        except _OtherSizeError as error:
            raise _unequal(images, first, error) from None
    return pixels.reshape(images.count, -1), pixels.shape[1:]


class _First(NamedTuple):
    """The first image that can be used: its row, size, and mode."""

    row: int
    size: Size
    mode: str


def _first(images: _Images) -> _First:
    """Raises a DataError if no image can be used."""
    problems = []
    for row, content in enumerate(images.read(0, images.count)):
        try:
            image, mode = _open(content, images.upright)
        except _UnusableError as error:
            problems.append((row, str(error)))
        else:
            return _First(row, (image.height, image.width), mode)
    raise _unusable(images, problems)


def _decode_all(images: _Images, form: ImageForm, channels: int, threads: int) -> Pixels:
    shape = (*form.size, channels)
    _check_memory(images.count, shape)
    out = np.empty((images.count, *shape), dtype=np.uint8)

    def decode(start: int) -> list[tuple[int, str]]:
        problems = []
        for row, content in enumerate(images.read(start, min(start + _CHUNK, images.count)), start):
            try:
                _decode_into(out[row], content, row, form)
            except _UnusableError as error:
                problems.append((row, str(error)))
        return problems

    starts = range(0, images.count, _CHUNK)
    with contextlib.nullcontext() if threads == 1 else ThreadPoolExecutor(threads) as pool:
        problems = list(itertools.chain.from_iterable((pool.map if pool else map)(decode, starts)))
    if problems:
        raise _unusable(images, problems)
    return out


def _check_memory(rows: int, shape: Shape) -> None:
    """Refuse images that do not fit into memory: each pixel takes one byte decoded and four as a feature."""
    needed, free = 5 * rows * math.prod(shape), free_memory()
    if free is not None and needed > free:
        raise DataError(
            f"the images must fit into memory; {rows} of {shape[1]}x{shape[0]} pixels take {needed / 2**30:.1f} GiB, "
            f"and {free / 2**30:.1f} GiB are free. Make the images smaller, or take fewer of them."
        )


def _decode_into(out: Pixels, content: Content, row: int, form: ImageForm) -> None:
    image, mode = _open(content, form.upright)
    height, width, channels = out.shape
    if image.size != (width, height) and not form.resize:
        raise _OtherSizeError(row, (image.height, image.width))
    if channels == 1 and mode == "RGB" and form.channels is None:
        raise _ColourFound
    target = "L" if channels == 1 else "RGB"
    try:
        if "transparency" in image.info:
            image = image.convert("RGBA")  # Pillow warns about a palette with transparency if converted directly
        decoded = image if image.mode == target else image.convert(target)
        if decoded.size != (width, height):
            decoded = decoded.resize((width, height), Image.Resampling.BILINEAR)
    except _BROKEN as error:
        raise _UnusableError(str(error)) from error
    out[:] = np.frombuffer(decoded.tobytes(), dtype=np.uint8).reshape(out.shape)


def _open(content: Content, upright: bool) -> tuple[Image.Image, str]:
    """An image, decoded and, if asked, upright, and its mode: `L` or `RGB`."""
    if content is None:
        raise _UnusableError("it holds no bytes (embed images that are given by path only)")
    try:
        image = Image.open(io.BytesIO(content.read_bytes() if isinstance(content, Path) else content), formats=FORMATS)
        mode = _mode_of(image)
        image.load()
    except _BROKEN as error:
        raise _UnusableError(_reason(error)) from error
    if upright:
        # Damaged metadata do not make a damaged picture.
        with contextlib.suppress(*_BROKEN):
            ImageOps.exif_transpose(image, in_place=True)
    return image, mode


def _mode_of(image: Image.Image) -> str:
    if image.mode in _GREY:
        return "L"
    if image.mode in _COLOUR:
        return "RGB"
    raise _UnusableError(f"its mode is {image.mode}")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"none of {', '.join(FORMATS)}"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"
    return getattr(error, "strerror", None) or str(error)


def _unusable(images: _Images, problems: Sequence[tuple[int, str]]) -> DataError:
    """What is wrong with some images, by row."""
    places = [(images.locate(row), reason) for row, reason in problems[:_NAMED]]
    if len(problems) == 1:
        [(place, reason)] = places
        found = f"{place} is not: {reason}. Repair it, or leave it out."
    else:
        named = "; ".join(f"{place}: {reason}" for place, reason in places)
        rest = "; ..." if len(problems) > _NAMED else ""
        found = f"{len(problems):,} of {images.count:,} are not ({named}{rest}). Repair them, or leave them out."
    return DataError(f"every image must be readable and have 8 bits a channel; {found}")


def _unequal(images: _Images, first: _First, error: _OtherSizeError) -> DataError:
    place, (found_height, found_width) = images.locate(error.row), error.size
    if images.form is not None:
        height, width = images.form.size
        return DataError(
            f"images must have {width}x{height} pixels (width x height), as in training; found "
            f"{found_width}x{found_height} in {place}. Resize them, as those of training were."
        )
    height, width = first.size
    return DataError(
        f"all images must have one size; found {width}x{height} (width x height) in {images.locate(first.row)} and "
        f"{found_width}x{found_height} in {place}. Resize them to one size first, or let them be resized when they are "
        f"read: {wording().dataset_option('image_size', [height, width])} (height, width)."
    )


def _contents(column: pa.ChunkedArray) -> Iterator[bytes | None]:
    """The bytes of each image, or None."""
    for chunk in column.chunks:
        for start in range(0, len(chunk), _CHUNK):
            part = chunk.slice(start, _CHUNK)
            if pa.types.is_struct(part.type):
                # flatten(), as field() does not say where the struct itself is null.
                part = part.flatten()[part.type.get_field_index("bytes")]
            yield from part.to_pylist()
