"""Searches that begin with the trials of an earlier run, and with configurations that come first."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import inline_pool
import pytest
from begun_searches import DATA, PARAMETERS, search
from engine_helpers import RecordingView
from in_process_pool import InProcess
from inline_pool import Killed, killed_at, tables
from optuna.trial import TrialState
from search_helpers import journal

from fcsearch.errors import SpaceError, UsageError
from fcsearch.results import RunDirectory
from fcsearch.search.api import resume_search, saved_options
from fcsearch.search.options import SearchOptions
from fcsearch.search.record.ledger import Ledger

ASHA = {"method": "asha", "min_epochs": 1, "reduction_factor": 2}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("earlier")
    found = search(folder, "earlier", begin={}, sampler="random", early_stopping=ASHA, trials=9)
    return found.run


def test_the_sampler_knows_the_trials_of_an_earlier_run(earlier: RunDirectory, tmp_path: Path) -> None:
    view = RecordingView()
    run = search(tmp_path, "later", begin={"start_from": str(earlier.path)}, view=view).run
    found, before = journal(run), journal(earlier)
    assert len(found) == 15
    for observed, own in zip(found[:9], before, strict=True):
        assert (observed.params, observed.state, observed.values) == (own.params, own.state, own.values)
        assert observed.intermediate_values == own.intermediate_values
        assert observed.distributions == own.distributions
        assert observed.user_attrs["fcsearch_observation"] == {"run": "earlier", "trial_id": own.number}
    assert {TrialState.PRUNED, TrialState.COMPLETE} == {trial.state for trial in found[:9]}
    # They count as no trials of this run, whose own have the numbers after theirs.
    assert run.trials()["trial_id"].to_pylist() == list(range(9, 15))
    assert run.manifest().observations.model_dump() == {"run": str(earlier.path), "used": 9, "left_out": 0}
    assert view.lines["known trials"] == f"9 of {earlier.path}"


def test_what_was_told_is_not_drawn_again(tmp_path: Path) -> None:
    """With the same seed, and fewer trials told than the sampler draws at random before it learns."""
    sampler = {"name": "tpe", "n_startup_trials": 16}
    rates: list[float] = []
    begin: dict[str, Any] = {}
    for name in ("first", "second", "third"):
        run = search(tmp_path, name, begin=begin, sampler=sampler, trials=12).run
        rates += run.trials()["learning_rate"].to_pylist()
        begin = {"start_from": str(run.path)}
    assert len(set(rates)) == 36


def test_what_lies_outside_the_space_is_left_out_and_counted(earlier: RunDirectory, tmp_path: Path) -> None:
    rows = earlier.trials().to_pylist()
    inside = [row["trial_id"] for row in rows if row["hidden_dim"] == 8 and row["learning_rate"] <= 0.05]
    assert 0 < len(inside) < 9
    narrow = {**PARAMETERS, "hidden_dim": 8, "learning_rate": {"low": 1e-3, "high": 0.05, "log": True}}
    view = RecordingView()
    run = search(tmp_path, "later", begin={"start_from": str(earlier.path)}, parameters=narrow, view=view).run
    observed = [trial.user_attrs["fcsearch_observation"]["trial_id"] for trial in journal(run)[: len(inside)]]
    assert observed == inside
    assert run.manifest().observations.left_out == 9 - len(inside)
    assert f"{9 - len(inside)} outside this space are left out" in view.lines["known trials"]


def test_a_trial_of_other_constants_is_no_observation(earlier: RunDirectory, tmp_path: Path) -> None:
    longer = {**PARAMETERS, "epochs": 4}
    run = search(tmp_path, "later", begin={"start_from": str(earlier.path)}, parameters=longer).run
    assert run.manifest().observations.used == 0
    # A parameter that the earlier space did not name has the value that its trials had.
    more = {**PARAMETERS, "reg": {"low": 0.0, "high": 1e-3}}
    run = search(tmp_path, "more", begin={"start_from": str(earlier.path)}, parameters=more).run
    assert run.manifest().observations.used == 9


def test_configurations_come_first_and_the_sampler_fills_them_in(tmp_path: Path) -> None:
    tries = ("learning_rate=0.02,hidden_dim=16,update_rule=sgd", "learning_rate=1e-3")
    run = search(tmp_path, "run", begin={"tries": tries}).run
    first, second, *others = run.trials().to_pylist()
    assert (first["learning_rate"], first["hidden_dim"], first["update_rule"]) == (0.02, 16, "sgd")
    assert second["learning_rate"] == 1e-3
    assert all(row["learning_rate"] not in (0.02, 1e-3) for row in others)
    assert len(others) == 4


def test_those_of_the_space_follow_those_of_the_command_as_far_as_there_are_trials(tmp_path: Path) -> None:
    tries = [{"learning_rate": 0.03}, {"learning_rate": 0.04}]
    view = RecordingView()
    run = search(tmp_path, "run", begin={"tries": ("learning_rate=0.02",)}, tries=tries, trials=2, view=view).run
    assert run.trials()["learning_rate"].to_pylist() == [0.02, 0.03]
    first = "learning_rate=0.02; learning_rate=0.03; 1 more is left out, as there are only 2 trials"
    assert view.lines["comes first"] == first
    assert "so far" not in view.lines
    # In a run that goes on they are no news, but how far it is.
    alone = search(tmp_path, "alone", begin={}, tries=tries, trials=3).run
    more = dataclasses.replace(saved_options(alone), trials=5)
    resume_search(alone, more, view=view, open_pool=InProcess())
    assert "comes first" not in view.lines
    assert re.fullmatch(r"3 of 5 trials done in \d+\.\d s", view.lines["so far"])
    rates = alone.trials()["learning_rate"].to_pylist()
    assert rates[:2] == [0.03, 0.04]
    assert len(set(rates)) == 5


def test_those_that_had_no_trial_come_first_when_a_run_goes_on_with_more(tmp_path: Path) -> None:
    tries = [{"learning_rate": 0.03}, {"learning_rate": 0.04}, {"learning_rate": 0.05}, {"learning_rate": 0.06}]
    view = RecordingView()
    run = search(tmp_path, "run", begin={}, tries=tries, trials=2).run
    assert run.trials()["learning_rate"].to_pylist() == [0.03, 0.04]
    resume_search(run, dataclasses.replace(saved_options(run), trials=5), view=view, open_pool=InProcess())
    assert view.lines["comes first"] == "learning_rate=0.05; learning_rate=0.06"
    assert run.trials()["learning_rate"].to_pylist()[:4] == [0.03, 0.04, 0.05, 0.06]


@pytest.mark.parametrize("cut", [0, 1])
def test_a_search_that_was_cut_goes_on_as_one_that_was_not(tmp_path: Path, cut: int) -> None:
    tries = ("learning_rate=0.02,update_rule=sgd", "hidden_dim=8", "learning_rate=0.05", "learning_rate=0.06")
    whole = search(tmp_path, "whole", begin={"tries": tries}, sampler="random").run
    with pytest.raises(Killed):
        search(tmp_path, "cut", begin={"tries": tries}, pool=killed_at(cut), sampler="random")
    run = inline_pool.resume(RunDirectory.open(tmp_path / "cut")).run
    assert tables(run) == tables(whole)
    assert run.manifest().options["tries"] == list(tries)


def test_what_still_waits_to_come_first_is_named_when_a_run_goes_on(tmp_path: Path) -> None:
    # More than are asked for together.
    tries = tuple(f"learning_rate=0.0{number}" for number in range(11, 41))
    with pytest.raises(Killed):
        search(tmp_path, "cut", begin={"tries": tries}, pool=killed_at(0), trials=40)
    run, view = RunDirectory.open(tmp_path / "cut"), RecordingView()
    asked = sum(trial.state != TrialState.WAITING for trial in journal(run))
    resume_search(run, saved_options(run), view=view, open_pool=InProcess())
    assert 0 < asked < len(tries)
    assert view.lines["comes first"] == f"{len(tries) - asked} configurations, the first {tries[asked]}"
    assert view.lines["so far"] == f"0 of 40 trials done; {asked} wait, 0 of them with a checkpoint"


def test_a_run_that_was_cut_needs_the_earlier_run_no_more(earlier: RunDirectory, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(earlier.path, copy)
    with pytest.raises(Killed):
        search(tmp_path, "cut", begin={"start_from": str(copy)}, pool=killed_at(1))
    shutil.rmtree(copy)
    run = inline_pool.resume(RunDirectory.open(tmp_path / "cut")).run
    assert run.trials()["trial_id"].to_pylist() == list(range(9, 15))
    assert len(journal(run)) == 15
    assert run.manifest().observations.used == 9


def test_a_crash_while_it_begins_leaves_none_out_and_none_twice(
    earlier: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = {"start_from": str(earlier.path), "tries": ("learning_rate=0.02",)}
    ask = Ledger.ask

    def crash(*_: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "recover", crash)
        with pytest.raises(Killed):
            search(tmp_path, "cut", begin=begin)
    assert Ledger.ask is ask
    run = RunDirectory.open(tmp_path / "cut")
    lines = run.journal_path.read_text().splitlines(keepends=True)
    # The batch was cut short after the study and three of its trials.
    run.journal_path.write_text("".join(lines[:5]))
    assert 0 < len(journal(run)) < 9
    inline_pool.resume(run)
    found = journal(run)
    assert [trial.user_attrs["fcsearch_observation"]["trial_id"] for trial in found[:9]] == list(range(9))
    assert found[9].params["learning_rate"] == 0.02
    assert len(found) == 15


def test_nothing_is_left_of_a_search_that_could_not_start(earlier: RunDirectory, tmp_path: Path) -> None:
    def refuse(*_: Any) -> Any:
        raise UsageError("no cluster")

    with pytest.raises(UsageError, match="no cluster"):
        search(tmp_path, "none", begin={"start_from": str(earlier.path), "tries": ("hidden_dim=8",)}, pool=refuse)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("keys", "begin", "message"),
    [
        ({"sampler": "random"}, {"start_from": ""}, "--from needs a sampler that learns from earlier trials"),
        ({"dataset": {**DATA, "num_train": 100}}, {"start_from": ""}, "on the same rows, with the same split"),
        ({"objective": "log_loss"}, {"start_from": ""}, "with the same objective, log_loss; found"),
        (
            {"sampler": "grid", "parameters": {"epochs": {"choices": [1, 2]}}},
            {"tries": ("epochs=1",)},
            "a grid has its own",
        ),
        ({}, {"tries": ("hidden_dim=8",) * 7}, "at most as many configurations as there are trials, 6"),
    ],
)
def test_what_cannot_begin_a_search_is_refused(
    earlier: RunDirectory, tmp_path: Path, keys: dict[str, Any], begin: dict[str, Any], message: str
) -> None:
    if "start_from" in begin:
        begin = {"start_from": str(earlier.path)}
    with pytest.raises(UsageError, match=message):
        search(tmp_path, "none", begin=begin, **keys)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rate", "a configuration is key=value"),
        ("rate=1", "unknown parameter 'rate'"),
        ("learning_rate=1", "must lie in the space, 0.001 to 0.1, log; found 1"),
        ("hidden_dim=9", "must lie in the space, 8, 16; found 9"),
        ("epochs=4", "must lie in the space, 3; found 4"),
        ("dropout=0.5", "dropout is not searched in this space"),
        ("hidden_dim=8,hidden_dim=16", "named once"),
        ("update_rule=sgd,momentum=0.9", "momentum is read where update_rule is sgd_momentum; found sgd"),
        ("learning_rate=[", "YAML"),
    ],
)
def test_a_configuration_outside_the_space_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message.replace("(", r"\(")):
        search(tmp_path, "none", begin={"tries": (text,)})
    assert not (tmp_path / "none").exists()


def test_lists_have_commas_of_their_own(tmp_path: Path) -> None:
    parameters = {"hidden_dims": {"choices": [[16, 8], [8]]}, "epochs": 1, "learning_rate": {"choices": [0.1, 0.01]}}
    tries = ("hidden_dims=[16, 8],learning_rate=0.01",)
    row = search(tmp_path, "run", begin={"tries": tries}, parameters=parameters).run.trials().to_pylist()[0]
    assert (row["hidden_dims"], row["learning_rate"]) == ([16, 8], 0.01)


def test_options_of_older_runs_have_neither() -> None:
    assert SearchOptions().tries == ()
    assert dataclasses.replace(SearchOptions(), tries=["a=1"]).tries == ("a=1",)  # type: ignore[arg-type]
