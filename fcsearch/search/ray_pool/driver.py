"""The process that drives Ray for a search: it follows the search's requests until the search or Ray ends."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import ray

from fcsearch.errors import FcsearchError, SearchError, UsageError
from fcsearch.owned_folder import remove
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import Node, Placement, place, room_for
from fcsearch.search.pool.early_output import print_to
from fcsearch.search.pool.interface import Notice
from fcsearch.search.pool.messages import Progress
from fcsearch.search.ray_pool.causes import cause_of
from fcsearch.search.ray_pool.cluster import RayStartError, nodes_alive, ray_session
from fcsearch.search.ray_pool.failures import lost_connection
from fcsearch.search.ray_pool.forks import Forks
from fcsearch.search.ray_pool.leftovers import can_end_sessions, end_session
from fcsearch.search.ray_pool.tune_pool import TunePool, tune_pool
from fcsearch.search.ray_pool.versions import PATIENCE_SECONDS, OtherVersions, Versions
from fcsearch.search.ray_pool.wire import Answer, Capacity, Line, Lost, Order, Ready, Refused, Request, Sealed, Start

logger = logging.getLogger(__name__)

_HEAD = "head (GCS)"
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# How often free workers are checked for, to hand out the next pack.
_REPLY_SECONDS = 0.05
_WATCH_SECONDS = 0.5
# How often a cluster is asked for its nodes; and while a new one has not told its versions yet.
_LOOK_SECONDS, _SOON_SECONDS = 0.5, 0.1
# Of a head on another machine: how long a connection may take, and how many in a row may fail.
_ANSWER_SECONDS, _UNANSWERED = 3.0, 3
# How long Ray may take to end after the search.
_END_SECONDS = 15.0


def main(number: int, forks: Forks | None = None) -> None:
    """Drive Ray for the search at the other end of the pipe with this file descriptor.

    Args:
        number: The descriptor.
        forks: What workers of this machine are forked from.
    """
    # What was imported lives to the end.
    gc.freeze()
    gc.enable()
    logging.basicConfig(stream=sys.stderr, format=_FORMAT)
    for name in ("ray", "fcsearch"):
        logging.getLogger(name).setLevel(logging.INFO)
    search = _Search(Line(Connection(number)))
    start = search.next()
    if not isinstance(start, Start):
        return
    try:
        _drive(search, start, forks)
    except RayStartError as error:
        traceback.print_exc()
        again = Lost(f"its start failed ({error.cause})")
        search.send(again if error.may_pass else Refused(SearchError(str(error))))
    except FcsearchError as error:
        search.send(Refused(error))
    except BaseException as error:  # noqa: BLE001
        # Ray ends programs by SystemExit, too.
        traceback.print_exc()
        search.send(_meaning(error))
    _end_at_once(start)


def _meaning(error: BaseException) -> Lost | Refused:
    """What the search is told of an error of Ray's."""
    cause = cause_of(str(error)) or type(error).__name__
    if lost_connection(error):
        # `_watch` may see what died; it ends this process.
        time.sleep(2 * _WATCH_SECONDS)
        return Lost(f"its raylet died ({cause})")
    return Refused(SearchError(f"Ray must start and train packs; found: {cause}; see the run's log.txt"))


def _drive(search: _Search, start: Start, forks: Forks | None) -> None:
    with ray_session(start.address, start.local, folder=start.folder, forks=forks) as nodes:
        logger.info("Ray is ready: %s", nodes)
        # Ray has set a handler that ends the process; the search decides when it is time.
        signal.signal(signal.SIGTERM, lambda *_: None)
        threading.Thread(target=_watch, args=[search], daemon=True).start()
        versions = None if start.address is None else Versions()
        if versions:
            # They answer while the search loads its data.
            versions.ask()
        order = search.next()
        while isinstance(order, Order):
            others = versions.others(PATIENCE_SECONDS) if versions else []
            nodes = nodes_alive(but=versions.unfit) if versions else nodes
            placement = order.placement or _place(order.options, nodes, others)
            with tune_pool(placement, order.arrays, folder=start.folder, nodes=versions) as pool:
                search.send(Ready(order.number, placement, pool.workers))
                for other in others:
                    search.send(Notice(str(other)))
                most = order.options.workers or sys.maxsize
                order = _serve(pool, search, _Cluster(pool, search, versions, most) if versions else None)
                if order is None:
                    _end_at_once(start)
        _end_at_once(start)


def _place(options: SearchOptions, nodes: Sequence[Node], others: Sequence[OtherVersions]) -> Placement:
    """Place the workers; if there is no room for them, the nodes that are not used may be why."""
    try:
        return place(options, nodes)
    except UsageError as error:
        raise UsageError("; ".join([str(error), *map(str, others)])) from error


def _end_at_once(start: Start) -> None:
    """Kill a Ray that was started here, if possible: an orderly shutdown would take more than a second.

    Its state is no longer needed: the search has the outcomes. The folder is removed here, too: where the search was
    killed, the next one may have begun, and removed what it found of it, before Ray had started in it.
    """
    if start.address is None and can_end_sessions():
        end_session(os.getsid(0), but=os.getpid())
        if start.folder is not None:
            remove(start.folder)
        os._exit(0)


class _Search:
    """The search at the other end. A thread receives its requests, so that the process ends in time if Ray is stuck."""

    def __init__(self, line: Line[Answer, Request]) -> None:
        self._line = line
        self._sending = threading.Lock()
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: Answer) -> None:
        """Send a message to the search, if it still exists."""
        with self._sending, contextlib.suppress(OSError):
            self._line.send(message)

    def next(self, timeout: float | None = None) -> Request | None:
        """The next request, None once the search has ended; raises `queue.Empty` if none comes in time."""
        return self._requests.get(block=timeout != 0, timeout=timeout or None)

    def _listen(self) -> None:
        printing = False
        with contextlib.suppress(EOFError, OSError):
            while True:
                request = self._line.receive()
                if isinstance(request, Order) and not printing:
                    print_to(self._line.receive_stream())
                    printing = True
                self._requests.put(request)
        self._requests.put(None)
        time.sleep(_END_SECONDS)
        os._exit(1)


class _Cluster:
    """Nodes that join and leave while a search goes on.

    Args:
        pool: Trains packs.
        search: The search.
        versions: Of the nodes; those that were just asked at the start are taken to answer well.
        most: Workers that there may be.
    """

    def __init__(self, pool: TunePool, search: _Search, versions: Versions, most: int) -> None:
        self._pool = pool
        self._search = search
        self._versions = versions
        self._most = most
        self._counted = versions.silent
        self._looked = time.monotonic()
        # On nodes that may be slower than this one.
        pool.resize(pool.workers)

    def look(self) -> None:
        """Have as many workers as there is room for on the nodes with the versions of this one."""
        pause = _SOON_SECONDS if self._versions.silent - self._counted else _LOOK_SECONDS
        if time.monotonic() < self._looked + pause:
            return
        self._looked = time.monotonic()
        self._versions.ask()
        for other in self._versions.others(0):
            self._search.send(Notice(str(other)))
        unused = self._versions.unfit | (self._versions.silent - self._counted)
        found = min(self._most, room_for(self._pool.placement, nodes_alive(but=unused)))
        if found != self._pool.workers:
            self._pool.resize(found)
            self._search.send(Capacity(found))


def _serve(pool: TunePool, search: _Search, cluster: _Cluster | None) -> Order | None:
    """Pass on requests and events until the search ends.

    Args:
        pool: Trains packs.
        search: The search.
        cluster: Where nodes join and leave; None: none do.

    Returns:
        An order that needs other workers, as these still train what the search has abandoned; None: it has ended.
    """
    patience = 0.0
    while True:
        if cluster is not None:
            cluster.look()
        try:
            while (request := search.next(patience)) is not None:
                if isinstance(request, Order):
                    if pool.busy:
                        return request
                    pool.learn(request.arrays)
                    search.send(Ready(request.number, pool.placement, pool.workers))
                elif isinstance(request, Sealed):
                    pool.submit(request)
                else:
                    pool.ask_to_leave()
                patience = 0.0
            return None
        except queue.Empty:
            pass
        events = pool.wait(_REPLY_SECONDS)
        for event in events:
            search.send(event)
        ended = any(not isinstance(event, Progress) for event in events)
        patience = _REPLY_SECONDS if ended else 0.0


def _watch(search: _Search) -> None:
    """Say so, and end, when a part of Ray dies: Ray itself takes up to a minute, and then ends the process silently."""
    node: Any = ray._private.worker._global_node
    processes = {
        part: started[0].process
        for part, name in (("raylet", "raylet"), (_HEAD, "gcs_server"))
        if (started := node.all_processes.get(name))
    }
    answers = _reachable(node.gcs_address)
    unanswered = 0
    while True:
        time.sleep(_WATCH_SECONDS)
        dead = [name for name, process in processes.items() if process.poll() is not None]
        if not processes:
            unanswered = 0 if answers() else unanswered + 1
            dead = [_HEAD] if unanswered == _UNANSWERED else []
        if dead:
            search.send(Lost(f"its {dead[0]} died"))
            os._exit(1)


def _reachable(address: str) -> Callable[[], bool]:
    host, _, port = address.rpartition(":")

    def answers() -> bool:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()
        except OSError:
            return False
        return True

    return answers
