"""Workers of Ray live on while there is no pack for them, and learn other rows."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.tune.utils.object_cache import _ObjectCache
from search_helpers import trials

from fcsearch.search.planning.placement import Placement
from fcsearch.search.pool.interface import CutShort
from fcsearch.search.pool.messages import PackTask
from fcsearch.search.ray_pool.tune_pool import TunePool, tune_pool
from fcsearch.search.ray_pool.wire import Sealed
from fcsearch.search.ray_pool.worker import MESSAGE, Message, PackWorker, Rows

PLACEMENT = Placement(workers=2, cpus=0.5, gpus=0)


def test_this_ray_has_what_keeps_workers() -> None:
    # Where this fails, Ray has changed: searches go on all the same, and workers start again for each stage.
    assert hasattr(_ObjectCache, "increase_max")


@pytest.fixture
def pool(local_ray: None, tmp_path: Path) -> Iterator[TunePool]:  # noqa: ARG001
    there = tmp_path / "there"
    there.mkdir()

    # Local, so that Ray carries it to the workers, which cannot import tests.
    class Teller(PackWorker):
        """Tells who it is, and what it was given."""

        def __init__(self, *, rows: Rows, placement: Placement) -> None:  # noqa: ARG002
            self._rows = rows

        def train(self) -> dict[str, Any]:
            import ray

            # Until both have started: the first would take the other's pack.
            (there / str(os.getpid())).touch()
            while len(list(there.iterdir())) < PLACEMENT.workers:
                time.sleep(0.01)
            fetch: Any = ray.get
            told = os.getpid(), fetch(self._rows.arrays)["name"]
            return {MESSAGE: Message(Sealed(self._task.pack_id, told)), "done": True}  # type: ignore[arg-type]

        def _let_go(self) -> None:
            self._task = None

    with tune_pool(PLACEMENT, {"name": "first"}, worker=Teller, folder=tmp_path) as opened:
        yield opened


def answers(pool: TunePool, *packs: int) -> list[Any]:
    """What comes of these packs, handed out together."""
    for number in packs:
        task = PackTask(number, tuple(trials(1, epochs=1)))
        pool.submit(Sealed.of(number, task))
    found: list[Any] = []
    while pool.busy:
        found += pool.wait(1)
    return found


def processes(found: list[Any]) -> set[int]:
    return {event.content[0] for event in found}


@pytest.mark.ray
def test_all_workers_stay_and_learn_other_rows(pool: TunePool) -> None:
    first = answers(pool, 0, 1)
    assert [event.content[1] for event in first] == ["first", "first"]
    assert len(processes(first)) == 2
    pool.learn({"name": "second"})
    second = answers(pool, 2, 3)
    assert [event.content[1] for event in second] == ["second", "second"]
    assert processes(second) == processes(first)


@pytest.mark.ray
def test_a_worker_that_dies_while_it_has_no_pack_costs_no_trial_a_try(pool: TunePool) -> None:
    victim = min(processes(answers(pool, 0, 1)))
    os.kill(victim, signal.SIGKILL)
    found = answers(pool, 2, 3)
    [cut] = [event for event in found if not isinstance(event, Sealed)]
    assert isinstance(cut, CutShort)
    [again] = answers(pool, cut.pack_id)
    assert victim not in processes([again, *(event for event in found if isinstance(event, Sealed))])
