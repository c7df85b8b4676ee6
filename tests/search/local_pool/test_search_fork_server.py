"""What workers are forked from dies, and another takes its place beside workers that the first has left."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from search_helpers import trials
from search_processes import wait_for
from test_search_local_pools import events_of, pool_of

from fcsearch.search.local_pool.processes import ProcessPool
from fcsearch.search.pool.interface import WorkerLost
from fcsearch.search.pool.messages import PackOutcome, PackTask, Progress


def endless(number: int) -> PackTask:
    return PackTask(number, tuple(trials(1, first=number, hidden_dims=(8,), epochs=10**6)))


def wait_for_progress(pool: Any, *packs: int) -> None:
    seen: set[int] = set()
    while not seen >= set(packs):
        events = pool.wait(0.1)
        assert all(isinstance(event, Progress) for event in events), events
        seen |= {event.pack_id for event in events}


def test_a_worker_that_its_server_has_left_dies_without_harm_to_the_next_server_and_its_workers() -> None:
    with pool_of(ProcessPool, workers=2) as pool:
        for number in (0, 1):
            pool.submit(endless(number))
        wait_for_progress(pool, 0, 1)
        client, (first, second) = pool._fork_client, pool._workers
        packs = first.task.pack_id, second.task.pack_id
        client._process.kill()
        client._process.wait()
        os.kill(first.process, signal.SIGKILL)
        assert isinstance(events_of(pool, packs[0])[-1], WorkerLost)
        pool.submit(endless(2))
        wait_for_progress(pool, packs[1], 2)
        os.kill(second.process, signal.SIGKILL)
        lost = events_of(pool, packs[1])[-1]
        assert isinstance(lost, WorkerLost)
        assert lost.cause == "the worker process was ended by SIGKILL"
        assert client._process.poll() is None
        wait_for_progress(pool, 2)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux lists its processes as files")
@pytest.mark.parametrize("revived", [True, False], ids=["by another server", "by none"])
def test_a_worker_that_its_server_has_left_is_killed_with_its_pool(revived: bool) -> None:
    """Not at the end of its epoch, which may take minutes: so long it would have its cores and its memory."""
    with pool_of(ProcessPool) as pool:
        pool.submit(endless(0))
        wait_for_progress(pool, 0)
        client, [worker] = pool._fork_client, pool._workers
        client._process.kill()
        client._process.wait()
        if revived:
            client.revive()
        # As in a long epoch: it does not look at its pipe.
        os.kill(worker.process, signal.SIGSTOP)
    try:
        wait_for(lambda: not is_alive(worker.process), seconds=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.process, signal.SIGKILL)


def is_alive(process: int) -> bool:
    """Whether a process is there, and has not ended: one whose parent is gone may not be waited for at once."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_worker_that_dies_without_a_pack_is_waited_for_when_it_is_replaced() -> None:
    with pool_of(ProcessPool) as pool:
        [idle] = pool._workers
        while idle.process is None:
            pool.wait(0.1)
        os.kill(idle.process, signal.SIGKILL)
        while not idle.dead:
            pool.wait(0.1)
        pool.submit(PackTask(0, tuple(trials(1, hidden_dims=(8,), epochs=1))))
        assert isinstance(events_of(pool, 0)[-1], PackOutcome)
        assert idle.pipe.closed
        assert not Path(f"/proc/{idle.process}").exists()
