"""The beginning of the process that drives Ray: it imports Ray, or says why it cannot."""

from __future__ import annotations

import traceback
from multiprocessing.connection import Connection

from fcsearch.errors import SearchError
from fcsearch.search.ray_pool.forks import Forks
from fcsearch.search.ray_pool.wire import Answer, Line, Refused, Request
from fcsearch.wording import option


def import_and_drive(number: int, *, forked: bool) -> None:
    """Import Ray, and drive it for the search at the other end of the pipe with this file descriptor.

    Args:
        number: The descriptor.
        forked: Whether workers of this machine are forked; from a process that never sees Ray.
    """
    forks = Forks() if forked else None
    try:
        from fcsearch.search.ray_pool.driver import main
    except (OSError, MemoryError):
        raise  # another start may go better
    except Exception as error:  # noqa: BLE001 (whatever a broken package does)
        traceback.print_exc()
        line: Line[Answer, Request] = Line(Connection(number))
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        remedy = f"install it again, or search without it: {option('pool', 'local')}"
        line.send(Refused(SearchError(f"Ray must be there to import; found: {cause}; {remedy}")))
        return
    main(number, forks)
