"""The curve of quality over time: what counts from when on, that a benchmark goes on, and its figure."""

import dataclasses
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "benchmarks")]
benchmark, contestants, datasets, pictures, common, tables_peers, improvements, peer, torch_trial = map(
    importlib.import_module,
    (
        "quality_over_time",
        "over_time_contestants",
        "over_time_datasets",
        "over_time_figure",
        "common",
        "tables_peers",
        "peers.improvements",
        "peers.peer",
        "peers.torch_trial",
    ),
)

PIECES = {
    "california/optuna/10/0": {"points": [[2.0, 0.9], [4.0, 0.7]]},
    "california/optuna/10/1": {"points": [[3.0, 0.5]]},
    "california/optuna/5/1": {"points": [[1.0, 0.9], [4.0, 0.8]]},
    "california/fcsearch-local/5/0": {"points": [[5.0, 0.6]], "ensemble": [[5.0, 0.55]]},
    "california/fcsearch-local/10/0": {"points": [[10.2, 0.4]], "ensemble": [[10.2, 0.35]]},
    "california/RealMLP/10/0": {"points": [[40.0, 0.45]]},
}


def test_of_several_processes_the_best_by_validation_counts(tmp_path: Path) -> None:
    question = datasets.Question(tmp_path, tmp_path, datasets.TABLES["california"], None, tmp_path)
    moments = [(101.0, -0.9, -0.8), (102.0, -0.5, -0.6), (103.0, -0.7, -0.1), (104.0, -0.4, -0.7), (111.0, -0.1, -0.1)]
    found = [improvements.Improvement(*values, 1.0) for values in moments]
    # What is known after the time does not count.
    assert contestants.steps(found, 100.0, 10.0, question) == [(1.0, 0.8), (2.0, 0.6), (4.0, 0.7)]


def test_a_process_writes_down_improvements_alone(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    process = improvements.Improvements(path)
    for score in (0.5, None, 0.4, 0.7):
        process.offer(score, lambda: 0.1)
    assert [(found.val, found.test) for found in improvements.read(path)] == [(0.5, 0.1), (0.7, 0.1)]
    improvements.Improvements(None).offer(0.5, lambda: pytest.fail("nobody asked"))


def test_a_peer_is_not_charged_for_the_measurement_of_test_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(improvements.time, "time", lambda: clock[0])
    path = tmp_path / "trace"
    process = improvements.Improvements(path)

    def measure() -> float:
        clock[0] += 5
        return 0.1

    process.offer(0.5, measure)
    clock[0] += 1
    process.offer(0.7, measure)
    assert [(found.moment, found.spent) for found in improvements.read(path)] == [(100.0, 5.0), (101.0, 10.0)]

    waits: list[float] = []

    class Endless:
        def wait(self, timeout: float) -> int:
            waits.append(timeout)
            raise subprocess.TimeoutExpired("a peer", timeout)

    monkeypatch.setattr(contestants.time, "monotonic", lambda: 0.0)
    with pytest.raises(subprocess.TimeoutExpired):
        contestants._wait(Endless(), 30.0, path)
    assert waits == [30.0, 40.0]


def test_a_line_that_a_peer_could_not_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    assert improvements.read(path) == []
    path.write_text("[100.0, 0.5, 0.4, 0.1]\n[101.0, 0.6, 0.")
    assert improvements.read(path) == [improvements.Improvement(100.0, 0.5, 0.4, 0.1)]


def test_peers_use_the_cores_that_fcsearch_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (peer, tables_peers):
        monkeypatch.setattr(module, "available_cores", lambda: 3)
    question = datasets.ask("digits", 0, tmp_path)
    with monkeypatch.context() as unchanged:
        unchanged.setattr(peer.signal, "signal", lambda *_: None)
        assert (
            peer.make_task(
                question.peers, None, trials=1, seed=0, device="cpu", time_budget=None, early_stopping=False
            ).slots
            == 3
        )
    commands: list[list[Any]] = []

    def run(command: list[Any]) -> Any:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "it failed")

    monkeypatch.setattr(tables_peers, "_run", run)
    with pytest.raises(tables_peers.PeerError):
        tables_peers.learn("LightGBM", question.table, question.frames, 0, 1.0, sys.executable)
    assert commands[0][commands[0].index("--cores") + 1] == 3


def test_a_table_shows_what_was_known_in_time() -> None:
    [(dataset, text)] = pictures.markdown_tables(PIECES, [2, 5, 10]).items()
    assert dataset == "california"
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    # At 2 s one of two seeds has a network, at 10 s the last command has not come to its end.
    optuna = lines[contestants.CONTESTANTS["optuna"].what]
    assert "| - | 0.6000 (0.5000 to 0.7000) | 0.6000 (0.5000 to 0.7000) |" in optuna
    assert "| - | 0.6000 (0.6000 to 0.6000) | 0.6000 (0.6000 to 0.6000) |" in lines["fcsearch, `--pool local`"]
    assert "| - | 0.5500 (0.5500 to 0.5500) |" in lines["its ensemble"]
    assert "after 40 s: 0.4500" in lines["pytabkit: RealMLP, its defaults"]


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    path = pictures.draw(PIECES, tmp_path / "figures" / "curve.png")
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_a_benchmark_goes_on_where_it_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[int, float]] = []

    def run(_: Any, seed: int, seconds: float, __: str) -> dict[str, Any]:
        ran.append((seed, seconds))
        if len(ran) == 3:
            raise KeyboardInterrupt
        return {"points": [[seconds, 0.9]]}

    local = dataclasses.replace(contestants.CONTESTANTS["fcsearch-local"], run=run)
    monkeypatch.setattr(benchmark, "CONTESTANTS", {"fcsearch-local": local})
    monkeypatch.setattr(benchmark, "ask", lambda *_: datasets.Question(*[tmp_path] * 2, None, None, tmp_path))
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path)
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    options = ["--datasets", "digits", "--contestants", "fcsearch-local", "--seeds", "2", "--times", "5,10"]
    assert CliRunner().invoke(benchmark.main, options).exit_code != 0
    result = CliRunner().invoke(benchmark.main, options)
    assert result.exit_code == 0, result.output
    assert ran == [(0, 5), (0, 10), (1, 5), (1, 5), (1, 10)]
    monkeypatch.setattr(benchmark, "FIGURE", tmp_path / "curve.png")
    assert CliRunner().invoke(benchmark.main, [*options, "--draw"]).exit_code == 0
    assert len(ran) == 5
    assert (tmp_path / "curve.png").exists()


def test_the_space_files_differ_in_preprocessing_alone(tmp_path: Path) -> None:
    question = datasets.ask("digits", 3, tmp_path)
    assert question.ours.read_text() != question.peers.read_text()
    assert question.peers.read_text().replace("  preprocessing: standardize\n", "") == question.ours.read_text()
    assert [len(pd.read_parquet(path)) for path in question.frames] == [1527, 270]


@pytest.mark.usefixtures("one_thread")
def test_a_peer_learns_numbers_and_scores_them_in_their_unit() -> None:
    X = np.random.default_rng(0).standard_normal((200, 3)).astype(np.float32)
    y = X.sum(axis=1)
    rows = torch_trial.to_device(
        {
            **{f"{name}_{split}": array for split in ("train", "val", "test") for name, array in (("X", X), ("y", y))},
            "target_scale": np.array(10.0, np.float32),
        },
        "cpu",
    )
    parameters = {"seed": 0, "epochs": 8, "update_rule": "adam", "weight_decay": 0.1, "lr_schedule": "cosine"}
    trial = torch_trial.TorchTrial({**parameters, "learning_rate": 1e-2, "batch_size": 20}, rows)
    scores = [trial.epoch() for _ in range(8)]
    assert trial.over
    assert scores == sorted(scores)
    with torch.inference_mode():
        error = torch.sqrt(torch.mean((trial._net(rows["X_test"])[:, 0] - rows["y_test"]) ** 2)) * 10
    assert trial.test_score() == pytest.approx(-float(error))
    assert scores[-1] > -2  # in units of 10: the targets' deviation is about 17
