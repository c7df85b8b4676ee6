"""The worker, without the actor around it."""

import dataclasses
import gc
import logging
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from search_helpers import trials

from fcsearch.errors import DataError
from fcsearch.search.planning.placement import Placement
from fcsearch.search.pool.messages import PackOutcome, PackTask, Place, Progress
from fcsearch.search.pool.pack_run import PackRun
from fcsearch.search.ray_pool import worker
from fcsearch.search.ray_pool.wire import Sealed
from fcsearch.search.ray_pool.worker import MESSAGE, PackWorker, Rows


@pytest.fixture
def dataset() -> dict[str, Any]:
    """Arrays as Ray's object store gives them: nobody may write to them."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "X_train": rng.normal(size=(60, 4)).astype(np.float32),
        "y_train": rng.integers(0, 2, 60),
        "X_val": rng.normal(size=(20, 4)).astype(np.float32),
        "y_val": rng.integers(0, 2, 20),
    }
    for array in arrays.values():
        array.flags.writeable = False
    return {**arrays, "num_classes": 2}


@pytest.fixture
def process() -> Iterator[None]:
    """What a worker changes of its process is put back."""
    threads, root = torch.get_num_threads(), list(logging.getLogger().handlers)
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    logging.captureWarnings(False)
    logging.getLogger().handlers = root


@dataclasses.dataclass(eq=False)
class Ref:
    """Ray's reference to arrays."""

    arrays: dict[str, Any]


@pytest.fixture
def rows(dataset: dict[str, Any]) -> Rows:
    return Rows(Ref(dataset))


@pytest.fixture
def make(rows: Rows, process: None, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ARG001
    monkeypatch.setattr("ray.get", lambda ref: ref.arrays)
    monkeypatch.setattr("ray.get_gpu_ids", list)
    monkeypatch.setattr("ray.util.get_node_ip_address", lambda: "10.0.0.9")
    # It is set for the worker's children.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def made(task: PackTask, threads: int = 1, **options: float) -> PackWorker:
        placement = Placement(workers=2, cpus=threads, gpus=0)
        found = PackWorker(rows=rows, placement=placement, **options)
        found.take(Sealed.of(task.pack_id, task), rows)
        return found

    return made


def task(epochs: int, count: int = 2) -> PackTask:
    return PackTask(pack_id=1, trials=tuple(trials(count, epochs=epochs, hidden_dims=(4,), batch_size=20)))


def next_pack(found: PackWorker, task: PackTask, rows: Rows | None = None) -> None:
    found.reset()
    found.take(Sealed.of(task.pack_id, task), rows or found._rows)


def said(result: dict[str, Any]) -> Any:
    """What a worker said in a step."""
    content = result[MESSAGE].content
    return content.open() if isinstance(content, Sealed) else content


def test_a_worker_takes_its_threads_and_shares_the_dataset(make: Any, dataset: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = make(task(1), threads=2)
    assert torch.get_num_threads() == 2
    # A number that is smaller than any normal one is zero now.
    assert (torch.tensor([1e-30]) * torch.tensor([1e-10])).item() == 0.0
    data = found._learned()
    assert data.X_train.data_ptr() == dataset["X_train"].ctypes.data
    assert data.y_val.data_ptr() == dataset["y_val"].ctypes.data


@pytest.mark.parametrize(("threads", "compiled"), [(1, [True]), (2, [])])
def test_what_trains_on_one_thread_is_compiled_before_the_first_pack(
    make: Any, monkeypatch: pytest.MonkeyPatch, threads: int, compiled: list[bool]
) -> None:
    done: list[bool] = []
    monkeypatch.setattr(worker, "prepare_for_cpu", lambda: done.append(True))
    make(task(1), threads=threads)
    assert done == compiled


def test_it_reports_progress_and_then_the_outcome(make: Any) -> None:
    found = make(task(3), report_seconds=0.0)
    results = [found.train() for _ in range(3)]
    assert [type(said(result)) for result in results] == [Progress, Progress, PackOutcome]
    assert [result.get("done", False) for result in results] == [False, False, True]
    assert [member.trial_id for member in said(results[-1]).members] == [0, 1]


def test_it_leaves_when_it_is_asked_to(make: Any) -> None:
    found = make(task(1000), report_seconds=0.0)
    found.train()
    found.leave()
    result = found.train()
    assert (result["done"], said(result).members) == (True, ())
    # The next pack is not left.
    next_pack(found, task(2))
    assert isinstance(said(found.train()), Progress)


def test_a_pack_is_let_go_before_the_next_is_made(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []

    class Run(PackRun):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            alive.append(sum(old() is not None for old in made))
            made.append(weakref.ref(self))
            super().__init__(*arguments, **options)

    monkeypatch.setattr("fcsearch.search.pool.pack_run.PackRun", Run)
    found = make(task(1))
    found.train()
    for _ in range(3):
        next_pack(found, task(1))
        found.train()
    assert alive == [0, 0, 0, 0]


def test_a_pack_on_other_rows_is_trained_by_the_same_worker(make: Any, dataset: dict[str, Any]) -> None:
    found = make(task(1))
    found.train()
    first = weakref.ref(found._learned())
    next_pack(found, task(1))
    found.train()
    assert found._learned() is first()
    fewer = {name: value[:40] if name.endswith("_train") else value for name, value in dataset.items()}
    next_pack(found, task(1), Rows(Ref(fewer)))
    # Two datasets would take twice the memory.
    gc.collect()
    assert first() is None
    assert said(found.train()).members[0].result.epochs
    assert len(found._learned().y_train) == 40


def test_rows_that_cannot_be_loaded_are_the_failure_of_their_pack(make: Any, dataset: dict[str, Any]) -> None:
    found = make(task(1))
    next_pack(found, task(1), Rows(Ref({**dataset, "X_val": dataset["X_val"][:3]})))
    with pytest.raises(DataError, match="the validation split"):
        found.train()
    next_pack(found, task(1), Rows(Ref(dataset)))
    assert isinstance(said(found.train()), PackOutcome)


def test_a_worker_without_a_pack_says_so(make: Any) -> None:
    found = make(task(1))
    found.train()
    found.reset()
    with pytest.raises(RuntimeError, match="must be given a pack"):
        found.train()


def test_warnings_travel_with_the_outcome(make: Any) -> None:
    found = make(task(1))
    logging.getLogger("somebody").warning("take %s", "care")
    logging.getLogger("somebody").info("never mind")
    assert said(found.train()).log == ("WARNING somebody: take care",)
    next_pack(found, task(1))
    assert said(found.train()).log == ()


@pytest.mark.parametrize(
    ("given", "usable", "place", "device"),
    [
        ([], True, "cpu", "cpu"),
        ([3], True, "cuda:3", "cuda:0"),
        ([3], False, "cpu", "cpu"),
        ([0, 1], True, "cuda:0", "cuda:0"),
    ],
)
def test_a_worker_takes_the_gpu_that_it_was_given_and_no_other(
    monkeypatch: pytest.MonkeyPatch, given: list[int], usable: bool, place: str, device: str
) -> None:
    monkeypatch.setattr("ray.get_gpu_ids", lambda: given)
    monkeypatch.setattr("ray.util.get_node_ip_address", lambda: "10.0.0.9")
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
    assert worker._take_device() == (Place("box (10.0.0.9)", place), torch.device(device))
