"""The process that drives Ray: how it serves pools, and looks at a cluster whose nodes join and leave."""

import subprocess
import sys
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any, cast

import pytest

from fcsearch.errors import SearchError
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import Node, Placement
from fcsearch.search.pool.interface import Notice
from fcsearch.search.ray_pool import driver
from fcsearch.search.ray_pool.versions import OtherVersions
from fcsearch.search.ray_pool.wire import Capacity, Leave, Line, Lost, Order, Ready, Refused, Sealed, Start


class Nodes:
    """The nodes of a cluster, each with one CPU: what they answer when they are asked for their versions."""

    def __init__(self) -> None:
        self.silent = self.unfit = frozenset[str]()
        self.there = 1
        self.asked = 0

    def ask(self) -> None:
        self.asked += 1

    def others(self, _timeout: float) -> list[OtherVersions]:
        return [OtherVersions(name, "fcsearch 0.0.1", "fcsearch 9") for name in sorted(self.unfit)]

    def alive(self, *, but: frozenset[str]) -> list[Node]:
        return [Node(cpus=1, gpus=0)] * (self.there - len(but))


class Pool:
    """A pool that does nothing."""

    placement = Placement(workers=1, cpus=1.0, gpus=0.0)
    workers = 1

    def __init__(self, *, busy: bool = False) -> None:
        self.busy = busy
        self.learned: list[Any] = []
        self.packs: list[int] = []
        self.left = False
        self.learn = self.learned.append

    def submit(self, task: Any) -> None:
        self.packs.append(task.pack_id)

    def ask_to_leave(self) -> None:
        self.left = True

    def resize(self, workers: int) -> None:
        self.workers = workers


class Told:
    """What the search says, and what it is told."""

    def __init__(self, *says: Any) -> None:
        self._says = [*says]
        self.messages: list[Any] = []

    def next(self, _timeout: float) -> Any:
        return self._says.pop(0)

    def send(self, message: Any) -> None:
        self.messages.append(message)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    found = Nodes()
    monkeypatch.setattr(driver, "nodes_alive", found.alive)
    return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(driver.time, "monotonic", lambda: now[0])
    return now


def watched(pool: Any, told: Any, nodes: Any) -> driver._Cluster:
    return driver._Cluster(pool, told, nodes, 8)


def order(rows: Any) -> Order:
    return Order(5, SearchOptions(), Pool.placement, rows)


def test_a_connection_that_breaks_before_its_end_is_seen_is_a_raylet_that_died() -> None:
    # As Ray raises it, once in some tens of deaths.
    assert driver._meaning(OSError("Broken pipe")) == Lost("its raylet died (Broken pipe)")
    for error in (FileNotFoundError(2, "No such file or directory"), RuntimeError("no room")):
        found = driver._meaning(error)
        assert isinstance(found, Refused)
        assert "Ray must start and train packs; found:" in str(found.error)


def test_workers_that_are_idle_learn_what_is_ordered_next() -> None:
    pool, rows = Pool(), object()
    told = Told(Sealed(0, b""), order(rows), Sealed(1, b""), Leave(), None)
    assert driver._serve(cast(Any, pool), cast(Any, told), None) is None
    assert (pool.learned, pool.packs, pool.left) == ([rows], [0, 1], True)
    assert told.messages == [Ready(5, Pool.placement, 1)]


def test_workers_that_train_what_was_abandoned_are_replaced() -> None:
    pool, ordered = Pool(busy=True), order(object())
    assert driver._serve(cast(Any, pool), cast(Any, Told(ordered)), None) is ordered
    assert pool.learned == []


def test_a_node_that_joins_has_room_as_soon_as_it_has_answered(nodes: Nodes, clock: list[float]) -> None:
    pool, told = Pool(), Told()
    cluster = watched(pool, told, nodes)
    nodes.there, nodes.silent = 2, frozenset({"late"})
    clock[0] += driver._LOOK_SECONDS
    cluster.look()
    assert (nodes.asked, told.messages, pool.workers) == (1, [], 1)
    nodes.silent = frozenset()
    # What has answered in the meantime is known at the next look.
    clock[0] += driver._LOOK_SECONDS
    cluster.look()
    assert (told.messages, pool.workers) == ([Capacity(2)], 2)


def test_a_cluster_is_asked_more_often_while_a_node_is_silent(nodes: Nodes, clock: list[float]) -> None:
    cluster = watched(Pool(), Told(), nodes)
    for silent, looks in ((frozenset[str](), 0), (frozenset({"late"}), 1)):
        nodes.silent, nodes.asked = silent, 0
        clock[0] += driver._SOON_SECONDS
        cluster.look()
        assert nodes.asked == looks


def test_a_node_with_other_versions_has_no_room(nodes: Nodes, clock: list[float]) -> None:
    pool, told = Pool(), Told()
    cluster = watched(pool, told, nodes)
    nodes.there, nodes.unfit = 2, frozenset({"late"})
    clock[0] += driver._LOOK_SECONDS
    cluster.look()
    [notice] = told.messages
    assert isinstance(notice, Notice)
    assert "late has fcsearch 0.0.1" in notice.text
    assert pool.workers == 1


BROKEN = """
import sys
import ray

def init(**_):
    raise {error}

ray.init = init
from fcsearch.search.ray_pool.driver import main
main(int(sys.argv[1]))
"""


def start_of(error: str, folder: Path) -> tuple[Any, str]:
    """What the search is told of a Ray whose start raises this error, and what is printed, for the run's log."""
    near, far = Pipe()
    line: Line[Any, Any] = Line(near)
    command = [sys.executable, "-c", BROKEN.format(error=error), str(far.fileno())]
    # In its own session, which it ends.
    with subprocess.Popen(command, pass_fds=[far.fileno()], stderr=subprocess.PIPE, start_new_session=True) as process:
        far.close()
        line.send(Start(None, Node(cpus=1, gpus=0), folder / "ray"))
        told = line.receive()
        assert process.stderr is not None
        printed = process.stderr.read().decode()
    line.close()
    return told, printed


def test_a_ray_that_does_not_start_is_one_that_died_and_may_be_started_again(tmp_path: Path) -> None:
    # What Ray raises where a raylet dies while it starts.
    told, printed = start_of(r"Exception('The current node timed out during startup.\nMore of it.')", tmp_path)
    assert told == Lost("its start failed (The current node timed out during startup.)")
    assert "Exception: The current node timed out" in printed


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("PermissionError(13, 'Permission denied', '/ray/gcs_server')", "Permission denied: '/ray/gcs_server'"),
        ("ValueError('The minimum allowed is 75 MiB.')", "The minimum allowed is 75 MiB."),
    ],
)
def test_a_ray_that_no_other_start_would_help_is_refused_with_the_cause(error: str, cause: str, tmp_path: Path) -> None:
    told, printed = start_of(error, tmp_path)
    assert isinstance(told, Refused)
    assert type(told.error) is SearchError
    assert str(told.error).startswith("Ray must start on this machine; found: ")
    assert str(told.error).endswith(f"{cause}; see the run's log.txt")
    assert cause in printed
