"""Whole searches on digits, in this process, on a Ray that the tests share."""

import functools
import os
import re
import signal
import socket
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from search_helpers import journal, make_space

from fcsearch.data import load_dataset
from fcsearch.errors import SearchError, UsageError
from fcsearch.results import RunDirectory, Status, open_run
from fcsearch.results.model_file import load_transform
from fcsearch.search.api import SearchResult, resume_search, saved_options, start_search
from fcsearch.search.loop.engine import Engine
from fcsearch.search.loop.view import SilentView
from fcsearch.search.options import SearchOptions
from fcsearch.search.pool.interface import OpenPool
from fcsearch.search.ray_pool.tune_pool import open_ray_pool
from fcsearch.search.ray_pool.worker import PackWorker

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("local_ray")]

STATES = {"complete": "COMPLETE", "stopped": "PRUNED", "diverged": "PRUNED", "failed": "FAIL"}
DATASET = {"source": "digits", "num_train": 600}
PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "epochs": {"choices": [4, 8]},
    "depth": {"low": 2, "high": 3},
    "hidden_dim": {"choices": [16, 32]},
    "dropout": {"choices": [0.0, 0.25]},
    "update_rule": {"choices": ["sgd", "sgd_momentum", "rmsprop", "adam"]},
    "momentum": {"low": 0.8, "high": 0.99, "when": {"update_rule": "sgd_momentum"}},
}
ASHA = {"method": "asha", "min_epochs": 2, "reduction_factor": 3}


def search(
    folder: Path, *, name: str = "run", view: Any = None, options: Any = None, open_pool: Any = None, **keys: Any
) -> SearchResult:
    space = make_space(folder, **{"dataset": DATASET, "parameters": PARAMETERS, "early_stopping": ASHA, **keys})
    # Also where tests run on a single core.
    options = SearchOptions(
        **{"seed": 3, "cpus_per_worker": 0.5, "workers": 2, "confirm": 0, "ensemble": 0, **(options or {})}
    )
    return start_search(space, options, path=folder / name, command=["fcsearch", "run"], view=view, open_pool=open_pool)


def pool_of(worker: type[PackWorker]) -> OpenPool:
    """Opens a pool whose workers are of this kind."""
    return functools.partial(open_ray_pool, worker=worker)


def assert_ledger_agrees(run: RunDirectory, count: int) -> None:
    """Every trial has one row, and Optuna was told what the row says."""
    rows = run.trials().to_pylist()
    assert [row["trial_id"] for row in rows] == list(range(count))
    told = journal(run)
    assert [trial.state.name for trial in told] == [STATES[row["state"]] for row in rows]
    epochs: dict[int, dict[int, float]] = {row["trial_id"]: {} for row in rows}
    for epoch in run.epochs().to_pylist():
        if epoch["val_accuracy"] is not None:
            epochs[epoch["trial_id"]][epoch["epoch"]] = epoch["val_accuracy"]
    for row, trial in zip(rows, told, strict=True):
        # All that samplers use: the last value of a trial that was stopped.
        last = sorted(epochs[row["trial_id"]].items())[-1:] if trial.state.name == "PRUNED" else []
        assert trial.intermediate_values == dict(last)
        if row["state"] == "complete":
            assert trial.value == row["val_accuracy"] == max(epochs[row["trial_id"]].values())
        assert all(row[name] == value for name, value in trial.params.items() if name not in ("hidden_dims",))


@pytest.fixture(scope="module")
def finished(local_ray: None, tmp_path_factory: pytest.TempPathFactory) -> SearchResult:  # noqa: ARG001
    return search(tmp_path_factory.mktemp("finished"), trials=18, sampler="tpe", options={"pack_size": 3})


def test_a_search_leaves_a_run_directory_that_agrees_with_itself(finished: SearchResult) -> None:
    run = finished.run
    assert_ledger_agrees(run, 18)
    manifest = run.manifest()
    assert (manifest.state, manifest.ended_by, manifest.workers, manifest.pack_size) == (
        "complete",
        "trials",
        2,
        3,
    )
    assert manifest.dataset.fingerprint == load_dataset(open_space(finished).dataset).fingerprint
    states = run.trials()["state"].to_pylist()
    assert "complete" in states
    assert "stopped" in states
    assert finished.report is not None
    assert {path.name for path in run.path.iterdir()} >= {"report.html", "report.json", "log.txt", "study.journal"}


def open_space(found: SearchResult) -> Any:

    return found.run.space()


def test_stopped_trials_stopped_at_rungs(finished: SearchResult) -> None:
    for row in finished.run.trials().to_pylist():
        assert row["epochs_run"] in ((2, 6) if row["state"] == "stopped" else (row["epochs"],))


def test_the_best_models_are_kept_and_are_what_their_rows_say(finished: SearchResult) -> None:
    run = open_run(finished.run.path)
    rows = [row for row in run.trials.to_pylist() if row["state"] in ("complete", "stopped")]
    best = sorted(rows, key=lambda row: (-row["val_accuracy"], row["val_loss"], row["trial_id"]))[:3]
    assert finished.run.models.saved() == sorted(row["trial_id"] for row in best)
    val = load_dataset(open_space(finished).dataset).val
    for row in best:
        scores = run.load_model(row["trial_id"]).loss(torch.from_numpy(val.X))
        accuracy = (scores.argmax(dim=1) == torch.from_numpy(val.y)).double().mean().item()
        assert accuracy == pytest.approx(row["val_accuracy"], abs=1e-9)


def test_what_makes_the_features_lies_in_the_run_and_in_every_model(finished: SearchResult) -> None:
    transform = load_dataset(open_space(finished).dataset).transform
    assert finished.run.transform() == transform
    assert [load_transform(finished.run.models.path(trial)) for trial in finished.run.models.saved()] == [transform] * 3


def test_all_workers_get_their_first_pack_at_once(finished: SearchResult) -> None:
    """By default Tune would start the second worker once the first, seconds later, had begun."""
    lines = finished.run.log_path.read_text().splitlines()
    handed = [line for line in lines if "is handed out" in line][:2]
    times = [datetime.fromisoformat(line[:23].replace(",", ".")) for line in handed]
    assert (times[1] - times[0]).total_seconds() < 0.5
    rows = sorted(finished.run.trials().to_pylist(), key=lambda row: row["pack_id"])
    first, second = ([row for row in rows if row["pack_id"] == pack] for pack in (0, 1))
    assert first[0]["node"]
    assert {row["device"] for row in rows} == {"cpu"}
    # Tune is not told of more packs than there are workers.
    running = 0
    for line in lines:
        running += ("is handed out" in line) - (" ended on " in line)
        assert running <= 2
    assert second


def test_the_log_has_no_errors(finished: SearchResult) -> None:
    text = finished.run.log_path.read_text()
    assert not re.search(r"ERROR|Traceback|WARNING ray", text), text


def test_more_trials_can_be_added_and_the_old_stay(finished: SearchResult) -> None:
    run = RunDirectory.open(finished.run.path)
    before = run.trials()
    options = SearchOptions(**{**saved_options(run).to_json(), "trials": 22})
    found = resume_search(run, options)
    assert_ledger_agrees(run, 22)
    assert run.trials().slice(0, 18) == before
    assert found.ended_by == "trials"
    assert run.manifest().options["trials"] == 22
    # Nothing is left to do: no Ray is needed to see that.
    assert resume_search(run, options).ended_by == "trials"
    assert run.trials().num_rows == 22


def without_times(table: pa.Table) -> pa.Table:
    differs = {"train_seconds", "seconds", "started_at", "finished_at", "run"}
    return table.select([name for name in table.column_names if name not in differs])


def test_with_one_worker_a_seed_repeats_the_run(tmp_path: Path) -> None:
    asked: Any = {"trials": 12, "sampler": {"name": "tpe", "n_startup_trials": 4}}
    first, again = (
        search(tmp_path, name=name, **asked, options={"workers": 1, "pack_size": 2}).run for name in ("first", "again")
    )
    assert without_times(first.trials()) == without_times(again.trials())
    assert without_times(first.epochs()) == without_times(again.epochs())
    # TPE learned: what it asked for depends on results, and they were told at the same points.
    assert len(set(first.trials()["learning_rate"].to_pylist())) == 12


def test_a_trial_that_breaks_its_worker_fails_alone(tmp_path: Path) -> None:
    # Twice a worker dies: an error would end the trial by then.
    (tmp_path / "died").touch()
    marker = str(tmp_path / "died")

    # Local, so that Ray carries it to the workers, which cannot import tests.
    class Poisoned(PackWorker):
        def train(self) -> dict[str, Any]:
            widths = {trial.config.hidden_dims for trial in self._task.trials} if self._task else set()
            if (13,) in widths:
                raise ValueError("thirteen")
            if (14,) in widths and os.path.getsize(marker) < 2:  # noqa: PTH202
                with open(marker, "a") as deaths:  # noqa: PTH123
                    deaths.write("x")
                os.kill(os.getpid(), signal.SIGKILL)
            return super().train()

    parameters = {"hidden_dim": {"choices": [8, 13, 14]}, "epochs": 1}
    keys: dict[str, Any] = {"sampler": "grid", "parameters": parameters, "early_stopping": None}
    found = search(tmp_path, **keys, options={"pack_size": 1}, open_pool=pool_of(Poisoned))
    assert_ledger_agrees(found.run, 3)
    rows = {row["hidden_dim"]: row for row in found.run.trials().to_pylist()}
    assert {width: row["state"] for width, row in rows.items()} == {8: "complete", 13: "failed", 14: "complete"}
    assert rows[13]["error"] == "ValueError: thirteen"
    assert "thirteen" in found.run.log_path.read_text()
    assert found.run.manifest().state == "complete"


def test_a_trial_that_is_too_large_fails_alone(tmp_path: Path) -> None:
    parameters = {
        "hidden_dim": {"choices": [8, 65536]},
        "learning_rate": {"choices": [0.1, 0.2]},
        "epochs": 1,
        "depth": 5,
    }
    keys: dict[str, Any] = {"sampler": "grid", "parameters": parameters, "early_stopping": None}
    found = search(tmp_path, **keys, options={"pack_size": 4, "workers": 1})
    rows = found.run.trials().to_pylist()
    assert [row["state"] for row in rows] == ["complete", "complete", "failed", "failed"]
    assert re.fullmatch(r"MemoryError: this trial must fit into [\d,]+ bytes.*fewer workers", rows[3]["error"])
    assert found.run.manifest().state == "complete"


def test_a_search_in_which_every_trial_fails_says_why(tmp_path: Path) -> None:
    class Broken(PackWorker):
        def train(self) -> dict[str, Any]:
            raise MemoryError("no room")

    with pytest.raises(SearchError, match="every trial failed: MemoryError: no room"):
        search(tmp_path, trials=1, open_pool=pool_of(Broken))
    run = RunDirectory.open(tmp_path / "run")
    assert run.trials()["state"].to_pylist() == ["failed"]
    assert run.manifest().state == "failed"
    assert "no room" in run.manifest().error


def test_workers_that_cannot_start_end_the_search_and_the_trials_wait(tmp_path: Path) -> None:
    class Unborn(PackWorker):
        def __init__(self, **_: Any) -> None:
            raise OSError("no such device")

    with pytest.raises(SearchError, match="workers must be able to start; 3 in a row did not: OSError: no such device"):
        search(tmp_path, trials=2, options={"workers": 1}, open_pool=pool_of(Unborn))
    run = RunDirectory.open(tmp_path / "run")
    assert run.trials().num_rows == 0
    assert {trial.state.name for trial in journal(run)} == {"RUNNING"}
    assert run.manifest().state == "failed"


def test_another_cluster_than_the_program_is_connected_to_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UsageError, match="connected to"):
            search(tmp_path, options={"address": address})
    assert not (tmp_path / "run").exists()


def test_the_time_budget_ends_a_search_and_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = [0.0]

    class Late(SilentView):
        """Lets the budget run out once both packs have trained an epoch or more."""

        def update(self, status: Status) -> None:
            if [pack.epoch > 1 for pack in status.packs] == [True, True]:
                late[0] = 10_000.0

    clock = functools.partial(Engine, clock=lambda: time.monotonic() + late[0])
    monkeypatch.setattr("fcsearch.search.loop.session.Engine", clock)

    # Each of the two packs has a trial that is over at once, and one that takes minutes.
    parameters = {"learning_rate": {"choices": [0.1, 0.2]}, "epochs": {"choices": [1, 100_000]}}
    keys: dict[str, Any] = {"sampler": "grid", "parameters": parameters, "early_stopping": None}
    found = search(tmp_path, view=Late(), options={"time_budget": 5000.0, "pack_size": 2}, **keys)
    run = found.run
    assert (found.ended_by, run.manifest().ended_by) == ("time_budget", "time_budget")
    assert run.manifest().state == "complete"
    rows = sorted((row["state"], row["epochs"]) for row in run.trials().to_pylist())
    assert rows == [("complete", 1), ("complete", 1), ("unfinished", 100_000), ("unfinished", 100_000)]
    assert sorted(trial.state.name for trial in journal(run)) == ["COMPLETE", "COMPLETE", "RUNNING", "RUNNING"]
    assert found.report is not None
