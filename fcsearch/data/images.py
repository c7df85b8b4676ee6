"""Decoding image files (JPEG, PNG, ...), in a column of a table or in a folder."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image, UnidentifiedImageError

from fcsearch.errors import DataError

Pixels = npt.NDArray[np.uint8]
Locate = Callable[[int], str]
# The contents of the images from one row up to another.
Read = Callable[[int, int], Iterator[bytes | None]]
# Height and width.
Size = tuple[int, int]

# Not all formats of Pillow: it runs an external program for EPS.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

_GREY = {"1", "L", "LA"}
_COLOUR = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}
# Smaller images take their time in Python code, where threads wait for each other; from here on two are twice as fast.
_THREADED_PIXELS = 96 * 96
_CHUNK = 256


class _ColourFound(Exception):  # noqa: N818 (a signal, not an error)
    """A colour image after grey ones."""


def decode_images(
    column: pa.ChunkedArray,
    locate: Locate,
    *,
    size: Size | None = None,
    threaded_pixels: int = _THREADED_PIXELS,
    chunk: int = _CHUNK,
) -> tuple[Pixels, tuple[int, int, int]]:
    """Decode a column of image files.

    Args:
        column: (N,) binary, or structs of `bytes` and `path` as the Hugging Face hub writes them.
        locate: Names the place of a row, for messages.
        size: What images are resized to; None: they must have one size.
        threaded_pixels: Images of this size and larger are decoded by several threads.
        chunk: Images that a thread takes at a time.

    Returns:
        (N, height * width * channels) uint8 and (height, width, channels). One channel if all images are grey, else RGB
        (an alpha channel is left out, as the hub's own loaders do on conversion).

    Raises:
        DataError: a missing or broken image, images of unequal size, 16-bit images.
    """

    def read(start: int, stop: int) -> Iterator[bytes | None]:
        return _contents(column.slice(start, stop - start))

    return _decode(_Images(len(column), read, locate, size), threaded_pixels, chunk)


def decode_image_files(
    files: Sequence[Path], *, size: Size | None = None, threaded_pixels: int = _THREADED_PIXELS, chunk: int = _CHUNK
) -> tuple[Pixels, tuple[int, int, int]]:
    """Decode image files, each read when its turn comes; otherwise as `decode_images`."""

    def read(start: int, stop: int) -> Iterator[bytes | None]:
        return (_bytes_of(path) for path in files[start:stop])

    return _decode(_Images(len(files), read, lambda row: str(files[row]), size), threaded_pixels, chunk)


@dataclasses.dataclass(frozen=True)
class _Images:
    """Images to decode: how many, how their contents are read, how a row is named, and the size that all get."""

    count: int
    read: Read
    locate: Locate
    size: Size | None


def _decode(images: _Images, threaded_pixels: int, chunk: int) -> tuple[Pixels, tuple[int, int, int]]:
    first = _open(next(images.read(0, 1)), 0, images.locate)
    height, width = images.size or (first.height, first.width)
    grey = _mode_of(first, 0, images.locate) == "L"
    threads = 1 if first.height * first.width < threaded_pixels else os.cpu_count()
    try:
        pixels = _decode_all(images, (height, width, 1 if grey else 3), threads, chunk)
    except _ColourFound:
        pixels = _decode_all(images, (height, width, 3), threads, chunk)
    return pixels.reshape(images.count, -1), (height, width, pixels.shape[-1])


def _decode_all(images: _Images, shape: tuple[int, int, int], threads: int | None, chunk: int) -> Pixels:
    _check_memory(images.count, shape)
    out = np.empty((images.count, *shape), dtype=np.uint8)

    def decode(start: int) -> None:
        for row, content in enumerate(images.read(start, min(start + chunk, images.count)), start):
            _decode_into(out[row], content, row, images)

    starts = range(0, images.count, chunk)
    with contextlib.nullcontext() if threads == 1 else ThreadPoolExecutor(threads) as pool:
        for _ in (pool.map if pool else map)(decode, starts):
            pass
    return out


def _check_memory(rows: int, shape: tuple[int, int, int]) -> None:
    """Refuse images that do not fit into memory: each pixel takes one byte decoded and four as a feature."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return
    needed = 5 * rows * math.prod(shape)
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > present:
        raise DataError(
            f"the images must fit into memory; {rows} of {shape[1]}x{shape[0]} pixels take {needed / 2**30:.1f} GiB, "
            f"and this machine has {present / 2**30:.1f} GiB. Make the images smaller, or take fewer of them."
        )


def _decode_into(out: Pixels, content: bytes | None, row: int, images: _Images) -> None:
    image = _open(content, row, images.locate)
    height, width, channels = out.shape
    if image.size != (width, height) and images.size is None:
        raise DataError(
            f"all images must have one size; found {width}x{height} (width x height) in {images.locate(0)} and "
            f"{image.size[0]}x{image.size[1]} in {images.locate(row)}. Resize them to one size first, or let them be "
            f"resized when they are read: --set 'dataset.image_size=[{height}, {width}]' (height, width)."
        )
    mode = _mode_of(image, row, images.locate)
    if channels == 1 and mode == "RGB":
        raise _ColourFound
    target = "L" if channels == 1 else "RGB"
    try:
        image.load()
        if "transparency" in image.info:
            image = image.convert("RGBA")  # Pillow warns about a palette with transparency if converted directly
        decoded = image if image.mode == target else image.convert(target)
        if decoded.size != (width, height):
            decoded = decoded.resize((width, height), Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _broken(row, images.locate, error) from error
    out[:] = np.frombuffer(decoded.tobytes(), dtype=np.uint8).reshape(out.shape)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"every image must be readable; {path} is not: {error.strerror or error}.") from error


def _open(content: bytes | None, row: int, locate: Locate) -> Image.Image:
    if content is None:
        raise DataError(
            f"every row must hold its image's bytes; {locate(row)} holds none. Drop such rows, and embed images that "
            "are given by path only."
        )
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _broken(row, locate, error) from error


def _broken(row: int, locate: Locate, error: Exception) -> DataError:
    reason = f"none of {', '.join(FORMATS)}" if isinstance(error, UnidentifiedImageError) else str(error)
    return DataError(f"every image must be readable; {locate(row)} is not: {reason}. Repair or drop the row.")


def _mode_of(image: Image.Image, row: int, locate: Locate) -> str:
    if image.mode in _GREY:
        return "L"
    if image.mode in _COLOUR:
        return "RGB"
    raise DataError(
        f"images must have 8 bits a channel; {locate(row)} has the mode {image.mode}. Convert them to 8 bits first."
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
