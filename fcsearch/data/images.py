"""Decoding a column of image files (JPEG, PNG, ...)."""

from __future__ import annotations

import contextlib
import io
import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image, UnidentifiedImageError

from fcsearch.errors import DataError

Pixels = npt.NDArray[np.uint8]
Locate = Callable[[int], str]

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
    column: pa.ChunkedArray, locate: Locate, *, threaded_pixels: int = _THREADED_PIXELS, chunk: int = _CHUNK
) -> tuple[Pixels, tuple[int, int, int]]:
    """Decode a column of image files.

    Args:
        column: (N,) binary, or structs of `bytes` and `path` as the Hugging Face hub writes them.
        locate: Names the place of a row, for messages.
        threaded_pixels: Images of this size and larger are decoded by several threads.
        chunk: Images that a thread takes at a time.

    Returns:
        (N, height * width * channels) uint8 and (height, width, channels). One channel if all images are grey, else RGB
        (an alpha channel is left out, as the hub's own loaders do on conversion).

    Raises:
        DataError: a missing or broken image, images of unequal size, 16-bit images.
    """
    first = _open(next(_contents(column)), 0, locate)
    width, height = first.size
    grey = _mode_of(first, 0, locate) == "L"
    threads = 1 if height * width < threaded_pixels else os.cpu_count()
    try:
        pixels = _decode_all(column, (height, width, 1 if grey else 3), locate, threads, chunk)
    except _ColourFound:
        pixels = _decode_all(column, (height, width, 3), locate, threads, chunk)
    return pixels.reshape(len(column), -1), (height, width, pixels.shape[-1])


def _decode_all(
    column: pa.ChunkedArray, shape: tuple[int, int, int], locate: Locate, threads: int | None, chunk: int
) -> Pixels:
    _check_memory(len(column), shape)
    out = np.empty((len(column), *shape), dtype=np.uint8)

    def decode(start: int) -> None:
        for row, content in enumerate(_contents(column.slice(start, chunk)), start):
            _decode_into(out[row], content, row, locate)

    starts = range(0, len(column), chunk)
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


def _decode_into(out: Pixels, content: bytes | None, row: int, locate: Locate) -> None:
    image = _open(content, row, locate)
    height, width, channels = out.shape
    if image.size != (width, height):
        raise DataError(
            f"all images must have one size; found {width}x{height} (width x height) in {locate(0)} and "
            f"{image.size[0]}x{image.size[1]} in {locate(row)}. Resize them to one size first."
        )
    mode = _mode_of(image, row, locate)
    if channels == 1 and mode == "RGB":
        raise _ColourFound
    target = "L" if channels == 1 else "RGB"
    try:
        image.load()
        if "transparency" in image.info:
            image = image.convert("RGBA")  # Pillow warns about a palette with transparency if converted directly
        decoded = image if image.mode == target else image.convert(target)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _broken(row, locate, error) from error
    out[:] = np.frombuffer(decoded.tobytes(), dtype=np.uint8).reshape(out.shape)


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
