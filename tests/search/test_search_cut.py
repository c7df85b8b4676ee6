"""A search that was cut, wherever, ends with the tables of one that was not: samplers without memory."""

from pathlib import Path
from typing import Any

import inline_pool
import pytest
from inline_pool import Killed, killed_at, tables
from search_helpers import make_space

from fcsearch.cli import main
from fcsearch.errors import SearchError
from fcsearch.results import RunDirectory
from fcsearch.space import load_space

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "epochs": 4,
    "hidden_dim": {"choices": [8, 12, 16]},
}
ASHA = {"method": "asha", "min_epochs": 1, "reduction_factor": 2}
# More than are asked for together: 8 packs of 3.
TRIALS = 30


@pytest.mark.parametrize(
    ("sampler", "early_stopping"),
    [
        pytest.param("random", ASHA, id="random-asha"),
        pytest.param("random", None, id="random-none", marks=pytest.mark.slow),
        pytest.param("qmc", ASHA, id="qmc-asha", marks=pytest.mark.slow),
        pytest.param("qmc", None, id="qmc-none", marks=pytest.mark.slow),
    ],
)
def test_the_tables_are_equal_however_the_run_was_cut(sampler: str, early_stopping: Any, tmp_path: Path) -> None:
    keys = {"sampler": sampler, "early_stopping": early_stopping, "parameters": PARAMETERS, "trials": TRIALS}
    whole = inline_pool.start(tmp_path, name="whole", **keys).run
    for cuts in ([0], [4], [2, 3, 1]):
        name = f"cut-{'-'.join(map(str, cuts))}"
        with pytest.raises(Killed):
            inline_pool.start(tmp_path, name=name, open_pool=killed_at(cuts[0]), **keys)
        run = tmp_path / name
        for cut in cuts[1:]:
            with pytest.raises(Killed):
                inline_pool.resume(RunDirectory.open(run), open_pool=killed_at(cut))
        inline_pool.resume(RunDirectory.open(run))
        assert tables(RunDirectory.open(run)) == tables(whole)
    if early_stopping:
        assert "stopped" in whole.trials()["state"].to_pylist()


def test_a_search_in_which_every_trial_diverges_says_so_and_writes_the_report(tmp_path: Path) -> None:
    parameters = {"learning_rate": 1.0, "reg": 1e6, "epochs": 3, "hidden_dim": {"choices": [8, 16]}}
    with pytest.raises(
        SearchError, match=r"no trial has a result \(2 diverged\); .*lower learning_rate, reg.*next_space"
    ):
        inline_pool.start(tmp_path, sampler="grid", trials=2, parameters=parameters)
    run = RunDirectory.open(tmp_path / "run")
    assert run.state() == "failed"
    assert "2 diverged" in str(run.manifest().error)
    assert (run.path / "report.html").exists()
    # It has choices, as a grid asks for, and all of them are lower.
    rates = load_space(run.path / "next_space.yaml").parameters["learning_rate"].finite_values()
    assert rates is not None
    assert max(rates) < 1.0
    # Again, without training anything.
    with pytest.raises(SearchError, match="no trial has a result"):
        inline_pool.resume(run)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        # Lower rates hardly learn.
        ({"learning_rate": 1e-6}, r"learning rates down to 1e-06; networks hardly learn with lower ones, so look for"),
        # The space cannot have other rates.
        (
            {"learning_rate": {"choices": [0.5, 1.0]}, "dropout": {"value": 0.1, "when": {"learning_rate": 1.0}}},
            "finite: lower learning_rate, reg",
        ),
    ],
)
def test_the_error_promises_no_next_space_where_none_is_written(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    parameters = {"reg": 1e38, "epochs": 3, "hidden_dim": {"choices": [8, 16]}, **changed}
    with pytest.raises(SearchError, match=said) as raised:
        inline_pool.start(tmp_path, trials=2, sampler="random", parameters=parameters)
    assert "next_space" not in str(raised.value)
    assert not (tmp_path / "run" / "next_space.yaml").exists()


def test_the_command_says_so_too_and_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    parameters = {"learning_rate": 1.0, "reg": 1e6, "epochs": 3, "hidden_dim": {"choices": [8, 16]}}
    make_space(
        tmp_path, sampler="grid", trials=2, parameters=parameters, dataset={"source": "digits", "num_train": 200}
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", "--space", "space.yaml", "--pool", "local", "--workers", "1"])
    said = " ".join(capsys.readouterr().err.split())
    assert "no trial has a result (2 diverged); the loss of those that diverged was not finite: lower" in said
    assert "Traceback" not in said
    assert ended.value.code == 1
    assert (tmp_path / "runs" / "small" / "report.html").exists()
