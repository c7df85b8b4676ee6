"""What an error in training means for a pack."""

from __future__ import annotations

import traceback

import torch

from fcsearch.search.pool.interface import OutOfMemory, PackFailed, Raised


def pack_failure(pack_id: int, error: Exception) -> PackFailed:
    """The failure of a pack in whose training an error was raised."""
    kind = OutOfMemory if isinstance(error, (MemoryError, torch.OutOfMemoryError)) else Raised
    return kind(pack_id, cause_of(error), details_of(error))


def cause_of(error: BaseException) -> str:
    """An error in one line: its type, and the first line of its message."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def details_of(error: BaseException) -> str:
    """The details of an error: its traceback."""
    return "".join(traceback.format_exception(error))
