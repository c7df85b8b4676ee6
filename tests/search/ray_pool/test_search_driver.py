"""The process that drives Ray: how it looks at a cluster whose nodes join and leave."""

from __future__ import annotations

from typing import Any

import pytest

from fcsearch.search.planning.placement import Node, Placement
from fcsearch.search.pool.interface import Notice
from fcsearch.search.ray_pool import driver
from fcsearch.search.ray_pool.versions import OtherVersions
from fcsearch.search.ray_pool.wire import Capacity


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
    """A pool that is resized."""

    placement = Placement(workers=1, cpus=1.0, gpus=0.0)
    workers = 1

    def resize(self, workers: int) -> None:
        self.workers = workers


class Told:
    """What the search is told."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

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
