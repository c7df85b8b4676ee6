"""Keeps messages of Ray, Optuna and Python out of the terminal: they go to the run's log.txt."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from fcsearch.errors import RunError

_LOGGERS = ("ray", "optuna", "fcsearch", "py.warnings")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextlib.contextmanager
def output_to(path: Path, say: Callable[[str], None], *, streams: bool = True) -> Iterator[None]:
    """Redirect standard output and error in this block to the end of a file, for both Python and C++ code.

    Streams that were opened on a duplicate of the terminal before keep writing there: so does the live view.

    Args:
        path: The file.
        say: Told once if the file cannot be written, in the thread that writes; what would be in it is lost.
        streams: Whether to take printed output too, and not only log records and warnings.

    Raises:
        RunError: the file cannot be opened, or is a symbolic link, which may point to another user's file.
    """
    with _opened(path, say) as stream, contextlib.ExitStack() as stack:
        if streams:
            for number in (1, 2):
                stack.enter_context(_redirected(number, stream))
            stack.enter_context(contextlib.redirect_stdout(stream))
            stack.enter_context(contextlib.redirect_stderr(stream))
        # Warnings of libraries go to the log, even if the program turns warnings into errors.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("default")
        logging.captureWarnings(True)
        stack.callback(logging.captureWarnings, False)
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter(_FORMAT))
        for name in _LOGGERS:
            stack.enter_context(_handled_by(handler, logging.getLogger(name)))
        yield


def _opened(path: Path, say: Callable[[str], None]) -> TextIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        found = "a link" if path.is_symlink() else error.strerror or error
        raise RunError(f"{path} must be a plain file that can be written; found: {found}; move it away") from error
    return io.TextIOWrapper(io.BufferedWriter(_Log(descriptor, path, say)), encoding="utf-8", line_buffering=True)


class _Log(io.FileIO):
    """The file. What it has no room for is lost: Python would raise that when the search ends, in place of its end."""

    def __init__(self, descriptor: int, path: Path, say: Callable[[str], None]) -> None:
        super().__init__(descriptor, "a")
        self._path = path
        self._say = say
        self._said = False

    def write(self, content: Any, /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if not self._said:
                self._said = True
                self._tell(error)
            return memoryview(content).nbytes

    def _tell(self, error: OSError) -> None:
        # Not where the terminal is gone, too.
        with contextlib.suppress(OSError):
            self._say(
                f"since {datetime.now(UTC):%H:%M:%S} UTC {self._path} cannot be written ({error.strerror}): what is "
                "logged meanwhile is lost, and the search continues"
            )


@contextlib.contextmanager
def own_stderr() -> Iterator[TextIO]:
    """Standard error by a descriptor of our own: the process's is lent to `output_to`."""
    try:
        descriptor = os.dup(sys.stderr.fileno())
    except (io.UnsupportedOperation, OSError):
        # Not a file, as in a test.
        yield sys.stderr
        return
    with os.fdopen(descriptor, "w", buffering=1, errors="replace") as stream:
        yield stream


@contextlib.contextmanager
def _redirected(number: int, stream: TextIO) -> Iterator[None]:
    """Let a file descriptor of the process write to the stream's file."""
    for standard in (sys.__stdout__, sys.__stderr__):
        if standard is not None:
            standard.flush()
    kept = os.dup(number)
    os.dup2(stream.fileno(), number)
    try:
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)


@contextlib.contextmanager
def _handled_by(handler: logging.Handler, logger: logging.Logger) -> Iterator[None]:
    """Give a logger this handler alone."""
    kept = (logger.handlers, logger.propagate, logger.level)
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.handlers, logger.propagate, logger.level = kept
