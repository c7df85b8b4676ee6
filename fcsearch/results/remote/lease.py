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
# A writer renews the file at least this often, except while it uploads a large file.
BEAT_SECONDS = 10.0
# A writer that has not renewed it for this long counts as dead. As the clocks of two machines may differ, whoever wants
# to take over watches the file for this time, unless it is older than any error of a clock.
SILENCE_SECONDS = 60.0
LONG_AGO_SECONDS = 600.0


class Lease(BaseModel):
    """What a run's writer last wrote of itself.

    Attributes:
        writer: Its unique id.
        place: Where it runs, for people.
        at: When it wrote this, by its clock.
        ended: Whether it has stopped writing.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    writer: str
    place: str
    at: AwareDatetime
    ended: bool = False

    @property
    def age(self) -> float:
        """Seconds since then, as far as the clocks agree."""
        return (datetime.now(UTC) - self.at).total_seconds()

    @property
    def alive(self) -> bool:
        """Whether the writer seems to be at work."""
        return not self.ended and self.age < 2 * SILENCE_SECONDS


def read_lease(folder: RemoteFolder) -> Lease | None:
    """What the writer last wrote; None if there is nothing, or it is damaged."""
    content = folder.read(FILE)
    try:
        return None if content is None else Lease.model_validate_json(content)
    except ValidationError:
        return None


def write_lease(folder: RemoteFolder, writer: str, *, ended: bool = False) -> None:
    """Record that this process writes the run, or that it has stopped."""
    place = f"{socket.gethostname()}, process {os.getpid()}"
    lease = Lease(writer=writer, place=place, at=datetime.now(UTC), ended=ended)
    folder.write(FILE, lease.model_dump_json().encode())


def renews(folder: RemoteFolder, lease: Lease) -> bool:
    """Watch whether the writer renews the file; takes up to SILENCE_SECONDS."""
    until = time.monotonic() + SILENCE_SECONDS
    while time.monotonic() < until:
        time.sleep(min(BEAT_SECONDS, SILENCE_SECONDS) / 2)
        found = read_lease(folder)
        if found is None or found.ended:
            return False
        if found != lease:
            return True
    return False
