"""Where a local Ray keeps its sockets and logs."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from fcsearch.errors import UsageError
from fcsearch.owned_folder import owned, remove_ownerless

# The path of a socket has at most so many bytes, of which Ray's own names below its folder take the second number.
_SOCKET_BYTES = 103 if sys.platform == "darwin" else 107
_PREFIX = "fcsearch-"
_RAYS_BYTES = len("/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store")


@contextlib.contextmanager
def ray_folder() -> Iterator[Path]:
    """A folder for the sockets and logs of one local Ray, removed at the end.

    It is made where `RAY_TMPDIR` says, else in the temporary folder. Where that path is too long for a socket, it is
    made in /tmp. Folders there of searches that were killed are removed.

    Raises:
        UsageError: none of these can be written.
    """
    places = [place for place in (os.environ.get("RAY_TMPDIR"), tempfile.gettempdir(), "/tmp") if place]
    for place in dict.fromkeys(places):
        remove_ownerless(Path(place), f"{_PREFIX}*")
    folder = _make_folder(places)
    with owned(folder):
        yield folder


def _make_folder(places: Sequence[str]) -> Path:
    room = _SOCKET_BYTES - _RAYS_BYTES - len("/fcsearch-12345678")
    problem: object = "only longer ones"
    for place in places:
        if len(os.fsencode(place)) <= room:
            try:
                return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
            except OSError as error:
                problem = error
    raise UsageError(
        f"Ray needs a folder for its sockets, whose path has at most {room} bytes; found {problem}; set RAY_TMPDIR to "
        "one that can be written"
    )
