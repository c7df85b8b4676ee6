"""Who writes a run at a URL: a small file there that its writer renews, since object storage has no locks."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from fcsearch.results.remote.folder import RemoteFolder

# Hidden: not part of the run.
FILE = ".writer.json"
# How often a writer says that it lives, at least, but while it sends one large file.
BEAT_SECONDS = 10.0
# So long without a word, and it counts as dead. Clocks of two machines may differ: who wants to write watches instead,
# unless the last word is older than any clock is wrong.
SILENCE_SECONDS = 60.0
LONG_AGO_SECONDS = 600.0


class Lease(BaseModel):
    """The last word of a run's writer.

    Attributes:
        writer: Who it is: a word that no other has.
        place: Where it runs, for people.
        at: When it said so, by its clock.
        ended: Whether it writes no more.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    writer: str
    place: str
    at: AwareDatetime
    ended: bool = False

    @property
    def age(self) -> float:
        """Seconds since, as far as the clocks agree."""
        return (datetime.now(UTC) - self.at).total_seconds()

    @property
    def alive(self) -> bool:
        """Whether the writer seems to be at work."""
        return not self.ended and self.age < 2 * SILENCE_SECONDS


def read_lease(folder: RemoteFolder) -> Lease | None:
    """The last word of the writer; None if there was none, or it is damaged."""
    content = folder.read(FILE)
    try:
        return None if content is None else Lease.model_validate_json(content)
    except ValidationError:
        return None


def write_lease(folder: RemoteFolder, writer: str, *, ended: bool = False) -> None:
    """Say that this process writes the run, or that it writes it no more."""
    place = f"{socket.gethostname()}, process {os.getpid()}"
    lease = Lease(writer=writer, place=place, at=datetime.now(UTC), ended=ended)
    folder.write(FILE, lease.model_dump_json().encode())


def renews(folder: RemoteFolder, lease: Lease) -> bool:
    """Watch whether the writer says anything new; takes as long as it may be silent."""
    until = time.monotonic() + SILENCE_SECONDS
    while time.monotonic() < until:
        time.sleep(min(BEAT_SECONDS, SILENCE_SECONDS) / 2)
        found = read_lease(folder)
        if found is None or found.ended:
            return False
        if found != lease:
            return True
    return False
