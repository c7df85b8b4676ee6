"""Whole searches without Ray, in the calling process and in processes of this machine."""

import contextlib
import dataclasses
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from search_helpers import make_space, trials

from fcsearch.data import Dataset, DatasetSpec, Split, load_dataset
from fcsearch.errors import SearchError, UsageError
from fcsearch.results import RunDirectory, Status
from fcsearch.search.api import resume_search, saved_options, start_search
from fcsearch.search.local_pool.inline import InlinePool, open_inline_pool
from fcsearch.search.local_pool.processes import ProcessPool, gpu_of, open_process_pool
from fcsearch.search.loop.view import SilentView
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import NotStarted, Pool, WorkerLost
from fcsearch.search.pool.messages import PackOutcome, PackTask, Progress
from fcsearch.search.pool.pack_run import PackRun
from fcsearch.search.pools import Pools
from fcsearch.space import SearchSpace

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "epochs": {"choices": [3, 6]},
    "depth": {"low": 2, "high": 3},
    "hidden_dim": {"choices": [8, 16]},
    "dropout": {"choices": [0.0, 0.25]},
    "update_rule": {"choices": ["sgd", "adam"]},
}
KEYS: dict[str, Any] = {
    "parameters": PARAMETERS,
    "dataset": {"source": "digits", "num_train": 300},
    "early_stopping": {"method": "asha", "min_epochs": 2, "reduction_factor": 3},
    "sampler": {"name": "tpe", "n_startup_trials": 4},
}
ELSEWHERE = {"train_seconds", "seconds", "started_at", "finished_at", "node", "run"}


def search(
    folder: Path, pool: Any, *, open_pool: Any = None, options: Any = None, view: Any = None, **keys: Any
) -> RunDirectory:
    settings = SearchOptions(pool=pool, **{"seed": 3, "workers": 1, "cpus_per_worker": 0.5, **(options or {})})
    space = make_space(folder, **{**KEYS, "trials": 9, **keys})
    found = start_search(space, settings, path=folder / pool, command=["test"], open_pool=open_pool, view=view)
    return found.run


def same(table: pa.Table) -> pa.Table:
    return table.drop_columns([name for name in table.column_names if name in ELSEWHERE])


def weights(run: RunDirectory) -> dict[int, dict[str, torch.Tensor]]:
    return {trial: run.models.load(trial).params for trial in run.models.saved()}


@contextlib.contextmanager
def pool_of(kind: Any, *, workers: int = 1) -> Iterator[Any]:
    """A pool on digits."""
    opened = open_inline_pool if kind is InlinePool else open_process_pool
    with opened(plan_of(workers), load_dataset(DatasetSpec("digits", num_train=300))) as pool:
        yield pool


def plan_of(workers: int) -> SearchPlan:
    space = SearchSpace.from_mapping({"dataset": "digits", "parameters": {"epochs": 1}})
    return SearchPlan(Path("run"), space, 1, Placement(workers=workers, cpus=1, gpus=0), 1, SearchOptions())


def events_of(pool: Pool, pack_id: int) -> list[Any]:
    """What happens until the pack ends."""
    found: list[Any] = []
    for _ in range(1000):
        found += pool.wait(0.1)
        if found and not isinstance(found[-1], Progress):
            assert found[-1].pack_id == pack_id
            return found
    raise AssertionError("the pack did not end")


@pytest.mark.ray
@pytest.mark.usefixtures("local_ray")
def test_every_pool_gives_the_same_run_trial_for_trial(tmp_path: Path) -> None:
    runs = [search(tmp_path, pool, options={"pack_size": 2}) for pool in ("ray", "local", "inline")]
    assert len(set(runs[0].trials()["learning_rate"].to_pylist())) == 9
    for other in runs[1:]:
        assert same(other.trials()) == same(runs[0].trials())
        assert same(other.epochs()) == same(runs[0].epochs())
        ours, rays = weights(other), weights(runs[0])
        assert ours.keys() == rays.keys()
        assert all(torch.equal(ours[t][name], rays[t][name]) for t in rays for name in rays[t])


def test_two_processes_train_every_trial_once_and_the_run_goes_on_with_its_own_pool(tmp_path: Path) -> None:
    run = search(tmp_path, "local", options={"workers": 2, "pack_size": 2})
    assert run.trials()["trial_id"].to_pylist() == list(range(9))
    assert run.manifest().workers == 2
    options = saved_options(run)
    assert options.pool == "local"
    resume_search(run, SearchOptions(**{**options.to_json(), "trials": 11}))
    assert run.trials()["trial_id"].to_pylist() == list(range(11))


def test_training_in_this_process_leaves_torch_as_it_was(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.set_flush_denormal(False)  # whatever earlier tests left
    try:
        search(tmp_path, "inline", trials=2)
        assert torch.get_num_threads() == 2
        assert float(torch.tensor([1e-40]) * 0.5) != 0  # denormals count
    finally:
        torch.set_num_threads(threads)


def test_a_trial_that_raises_in_this_process_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = PackRun.train

    def poisoned(self: PackRun, *, seconds: float) -> None:
        if any(trial.config.hidden_dims == (13,) for trial in self._task.trials):
            raise ValueError("thirteen")
        train(self, seconds=seconds)

    monkeypatch.setattr(PackRun, "train", poisoned)
    parameters = {"hidden_dim": {"choices": [8, 13, 16]}, "epochs": 1}
    run = search(tmp_path, "inline", sampler="grid", parameters=parameters, early_stopping=None)
    rows = {row["hidden_dim"]: (row["state"], row["error"]) for row in run.trials().to_pylist()}
    assert rows == {8: ("complete", None), 13: ("failed", "ValueError: thirteen"), 16: ("complete", None)}


def test_a_process_that_is_killed_is_a_lost_worker_and_another_takes_its_place() -> None:
    with pool_of(ProcessPool) as pool:
        pool.submit(PackTask(0, tuple(trials(1, hidden_dims=(8,), epochs=10**6))))
        found: list[Any] = []
        while not found:
            found = list(pool.wait(0.1))
        assert isinstance(found[0], Progress)
        os.kill(pool._workers[0].process, signal.SIGKILL)
        lost = events_of(pool, 0)[-1]
        assert isinstance(lost, WorkerLost)
        assert lost.cause == "the worker process was ended by SIGKILL"
        pool.submit(PackTask(1, tuple(trials(1, hidden_dims=(8,), epochs=1))))
        assert isinstance(events_of(pool, 1)[-1], PackOutcome)


def test_a_process_that_cannot_start_is_no_fault_of_its_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\nexit 3\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    with pool_of(ProcessPool) as pool:
        pool.submit(PackTask(0, tuple(trials(1, epochs=1))))
        failed = events_of(pool, 0)[-1]
        assert isinstance(failed, NotStarted)
        assert failed.cause == "the worker process ended with exit code 3"


def test_the_pools_of_a_search_have_their_workers_from_one_process() -> None:
    plan = dataclasses.replace(plan_of(1), options=SearchOptions(pool="local"))
    dataset, forked_by = load_dataset(DatasetSpec("digits", num_train=300)), list[Any]()
    with contextlib.closing(Pools()) as pools:
        for number in (0, 1):
            with pools.open(plan, dataset) as pool:
                pool.submit(PackTask(number, tuple(trials(1, epochs=1))))
                assert isinstance(events_of(pool, number)[-1], PackOutcome)
                forked_by.append(pool._fork_client._process)  # type: ignore[attr-defined]
        assert forked_by[0] is forked_by[1]
        assert forked_by[0].poll() is None
    assert forked_by[0].returncode is not None


def test_rows_that_no_worker_can_use_end_the_search_with_their_reason(tmp_path: Path) -> None:
    @contextlib.contextmanager
    def broken(plan: SearchPlan, dataset: Dataset) -> Iterator[Pool]:
        val = Split(dataset.val.X[:, :3], dataset.val.y)
        with open_process_pool(plan, dataclasses.replace(dataset, val=val)) as pool:
            yield pool

    with pytest.raises(SearchError, match="workers must be able to start; 3 in a row did not: DataError: training and"):
        search(tmp_path, "local", open_pool=broken)


@pytest.mark.parametrize("kind", [InlinePool, ProcessPool])
def test_a_pack_that_is_asked_to_leave_keeps_what_is_finished(kind: Any) -> None:
    with pool_of(kind) as pool:
        both = (*trials(1, hidden_dims=(8,), epochs=1), *trials(1, first=1, hidden_dims=(8,), epochs=10**6))
        pool.submit(PackTask(0, both))
        found: list[Any] = []
        while not (found and found[-1].alive == 1):
            found += pool.wait(0.1)
        pool.ask_to_leave()
        outcome = events_of(pool, 0)[-1]
    assert [member.trial_id for member in outcome.members] == [0]
    assert outcome.members[0].result.weights


@pytest.mark.parametrize(("seeds", "width"), [(4, 2048), (1, 4096)], ids=["lanes", "steps"])
def test_a_process_that_is_asked_to_leave_at_once_does_so_in_the_middle_of_an_epoch(seeds: int, width: int) -> None:
    """A time budget of seconds does not wait for a wide network's first epoch, which may take as long again."""
    with pool_of(ProcessPool) as pool:
        # Whose process has imported what it needs.
        pool.submit(PackTask(0, tuple(trials(1, epochs=1))))
        events_of(pool, 0)
        # An epoch of five to ten seconds, of four lanes or of one.
        slow = [trials(1, first=n, hidden_dims=(width, width), batch_size=1, seed=n)[0] for n in range(seeds)]
        pool.submit(PackTask(1, tuple(slow), unfinished=True))
        found = [event for _ in range(10) for event in pool.wait(0.1)]
        pool.ask_to_leave(at_once=True)
        found += events_of(pool, 1)
    assert [(type(event), getattr(event, "members", None)) for event in found] == [(PackOutcome, ())]


@pytest.mark.parametrize("kind", [InlinePool, ProcessPool])
def test_a_pack_that_is_submitted_after_others_left_trains_to_its_end(kind: Any) -> None:
    """The pool of a search that its time budget has ended trains the confirmation, and that may be ended too."""
    with pool_of(kind) as pool:
        for number in (0, 2):
            pool.submit(PackTask(number, tuple(trials(1, hidden_dims=(8,), epochs=10**6))))
            pool.ask_to_leave()
            pool.ask_to_leave()
            assert events_of(pool, number)[-1].members == ()
            pool.ask_to_leave()
            pool.submit(PackTask(number + 1, tuple(trials(1, hidden_dims=(8,), epochs=3))))
            [member] = events_of(pool, number + 1)[-1].members
            assert (member.result.state, len(member.result.epochs)) == ("complete", 3)


def test_the_block_ends_processes_that_still_train() -> None:
    with pool_of(ProcessPool, workers=2) as pool:
        pool.submit(PackTask(0, tuple(trials(1, hidden_dims=(8,), epochs=10**6))))
        while not pool.wait(0.1):
            pass
    assert all(worker._code is not None for worker in pool._workers)


def test_who_trains_in_this_process_goes_on_to_print(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    class Talking(SilentView):
        def ended(self, status: Status) -> None:
            sys.stdout.write(f"{status.done} done\n")

    search(tmp_path, "inline", view=Talking(), trials=2, options={"confirm": 0})
    assert capfd.readouterr().out == "2 done\n"


@pytest.mark.parametrize(
    ("visible", "share", "found"),
    [
        (None, 0, [None, None]),
        (None, 1, ["0", "1", "2"]),
        (None, 0.5, ["0", "0", "1", "1"]),
        (None, 0.33, ["0", "0", "0", "1"]),
        ("4,7", 1, ["4", "7"]),
        ("4,5,6,7", 2, ["4", "6"]),
    ],
)
def test_workers_share_the_gpus_that_the_program_sees(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, share: float, found: list[str | None]
) -> None:
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu_of(number, share) for number in range(len(found))] == found


def test_options_that_no_local_pool_can_meet_are_refused() -> None:
    with pytest.raises(UsageError, match="one pack at a time"):
        SearchOptions(pool="inline", workers=2)
    with pytest.raises(UsageError, match="needs the pool ray"):
        SearchOptions(pool="local", address="auto")
    with pytest.raises(UsageError, match="--pool must be one of ray, local, inline"):
        SearchOptions(**{"pool": "dask"})


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="only Linux says how much memory there is")
def test_each_worker_takes_its_share_of_the_memory_alone(tmp_path: Path) -> None:
    parameters = {"learning_rate": 0.1, "epochs": 1, "hidden_dim": {"choices": [8, 65_536]}, "depth": 5}
    keys = {"sampler": "grid", "trials": 2, "parameters": parameters, "early_stopping": None}
    run = search(tmp_path, "local", options={"workers": 2, "confirm": 0, "pack_size": 1}, **keys)
    [error] = [row["error"] for row in run.trials().to_pylist() if row["state"] == "failed"]
    share = int(re.search(r"must fit into ([\d,]+) bytes, this worker's share", error)[1].replace(",", ""))
    total = int(re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024
    # Of what is free four fifths, for two.
    assert share <= 0.4 * total
