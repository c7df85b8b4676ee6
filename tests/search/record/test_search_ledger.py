from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from search_helpers import journal, make_run, make_space, outcome, record, result

from fcsearch.errors import RunError
from fcsearch.results import RunDirectory
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.record.ledger import Ledger
from fcsearch.search.record.outcomes import epoch_records, failed_records, trial_records
from fcsearch.search.record.pack_record import Model, PackRecord
from fcsearch.space import SearchSpace


def states(run: RunDirectory) -> list[str]:
    return [trial.state.name for trial in journal(run)]


def crash(*_: Any) -> None:
    """Stands in for what the process did not live to do."""
    raise KeyboardInterrupt


def test_a_configuration_is_in_the_journal_when_it_is_handed_out(run: RunDirectory, space: SearchSpace) -> None:
    planned = Ledger(run, space, seed=7).ask(5)
    assert [trial.trial_id for trial in planned] == [0, 1, 2, 3, 4]
    assert {trial.config.seed for trial in planned} == {7}
    for found, trial in zip(journal(run), planned, strict=True):
        assert found.state == TrialState.RUNNING
        assert space.trial_config(space.decode(found.params), seed=7) == trial.config


def test_the_study_calls_its_value_as_the_tables_do(run: RunDirectory, space: SearchSpace) -> None:
    Ledger(run, space, seed=0)
    storage = JournalStorage(JournalFileBackend(str(run.journal_path)))
    assert optuna.load_study(study_name=run.path.name, storage=storage).metric_names == ["val_accuracy"]


def test_rows_are_written_before_the_result_is_told(
    run: RunDirectory, space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(run, space, seed=0)
    [trial] = ledger.ask(1)
    write = RunDirectory.write_pack

    def check(self: RunDirectory, *args: Any) -> None:
        assert states(run) == ["RUNNING"]
        write(self, *args)
        assert states(run) == ["RUNNING"]

    monkeypatch.setattr(RunDirectory, "write_pack", check)
    record(ledger, outcome(0, {0: result(trial.config, [0.5, 0.6])}))
    assert states(run) == ["COMPLETE"]
    assert run.finished_trials() == {0}


def test_what_optuna_is_told(run: RunDirectory, space: SearchSpace) -> None:
    ledger = Ledger(run, space, seed=0)
    planned = ledger.ask(4)
    configs = [trial.config for trial in planned]
    results = {
        0: result(configs[0], [0.5, 0.7, 0.6]),
        1: result(configs[1], [0.4, 0.3], "stopped"),
        2: result(configs[2], [0.2, None], "diverged"),
        3: result(configs[3], [None], "diverged"),
    }
    record(ledger, outcome(0, results))
    complete, stopped, diverged, at_once = journal(run)
    assert (complete.state, complete.value) == (TrialState.COMPLETE, 0.7)
    assert complete.intermediate_values == {}
    assert (stopped.state, stopped.intermediate_values) == (TrialState.PRUNED, {2: 0.3})
    assert (diverged.state, diverged.intermediate_values) == (TrialState.PRUNED, {1: 0.2})
    assert (at_once.state, at_once.intermediate_values, at_once.value) == (TrialState.PRUNED, {}, None)
    assert "NaN" not in run.journal_path.read_text()
    assert all(math.isfinite(value) for trial in journal(run) for value in trial.intermediate_values.values())


def test_a_failed_trial_is_told_as_failed(run: RunDirectory, space: SearchSpace) -> None:
    ledger = Ledger(run, space, seed=0)
    ledger.record(PackRecord(0, failed_records(ledger.ask(1), "out of memory")))
    assert states(run) == ["FAIL"]
    assert run.trials()["error"].to_pylist() == ["out of memory"]


def test_after_a_crash_in_training_the_same_configurations_wait(run: RunDirectory, space: SearchSpace) -> None:
    ledger = Ledger(run, space, seed=3)
    planned = ledger.ask(4)
    record(ledger, outcome(0, {1: result(planned[1].config, [0.5])}))
    later = Ledger(run, space, seed=3)
    assert later.recover() == [planned[0], planned[2], planned[3]]
    assert states(run) == ["RUNNING", "COMPLETE", "RUNNING", "RUNNING"]


def test_after_a_crash_between_rows_and_tell_trials_are_told_from_their_rows(
    run: RunDirectory, space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(run, space, seed=0)
    planned = ledger.ask(4)
    results = {
        0: result(planned[0].config, [0.5, 0.8]),
        1: result(planned[1].config, [0.3, 0.2], "stopped"),
        2: result(planned[2].config, [0.1, None], "diverged"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(JournalStorage, "set_trial_state_values", crash)
        with pytest.raises(KeyboardInterrupt):
            record(ledger, outcome(0, results))
    assert states(run) == ["RUNNING"] * 4
    opened = RunDirectory.open(run.path)
    assert Ledger(opened, space, seed=0).recover() == [planned[3]]
    assert states(run) == ["COMPLETE", "PRUNED", "PRUNED", "RUNNING"]
    assert [trial.intermediate_values for trial in journal(run)[:3]] == [{}, {2: 0.2}, {1: 0.1}]
    # Once more changes nothing.
    size = run.journal_path.stat().st_size
    assert Ledger(opened, space, seed=0).recover() == [planned[3]]
    assert run.journal_path.stat().st_size == size


def test_a_crash_while_asking_leaves_no_half_configuration(
    run: RunDirectory, space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(run, space, seed=0)
    asked = []
    suggest = SearchSpace.suggest

    def crash_at_the_third(self: SearchSpace, trial: optuna.trial.Trial) -> dict[str, Any]:
        asked.append(trial.number)
        if len(asked) == 3:
            trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
            raise KeyboardInterrupt
        return suggest(self, trial)

    with monkeypatch.context() as patch:
        patch.setattr(SearchSpace, "suggest", crash_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            ledger.ask(4)
    assert journal(run) == []
    later = Ledger(run, space, seed=0)
    assert later.recover() == []
    assert [trial.trial_id for trial in later.ask(2)] == [0, 1]


def test_a_half_configuration_of_another_writer_is_filled_in(run: RunDirectory, space: SearchSpace) -> None:
    Ledger(run, space, seed=0)
    storage = JournalStorage(JournalFileBackend(str(run.journal_path)))
    trial = optuna.load_study(study_name=run.path.name, storage=storage).ask()
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    [waiting] = Ledger(run, space, seed=0).recover()
    assert waiting.config.learning_rate == rate
    assert Ledger(run, space, seed=0).recover() == [waiting]


def test_no_trial_counts_twice(run: RunDirectory, space: SearchSpace) -> None:
    ledger = Ledger(run, space, seed=0)
    [trial] = ledger.ask(1)
    record(ledger, outcome(0, {0: result(trial.config, [0.5])}))
    with pytest.raises(RunError):
        record(ledger, outcome(1, {0: result(trial.config, [0.9])}))
    assert journal(run)[0].value == 0.5
    assert run.trials().num_rows == 1


def test_tables_without_their_journal_are_refused(run: RunDirectory, space: SearchSpace) -> None:
    ledger = Ledger(run, space, seed=0)
    [trial] = ledger.ask(1)
    record(ledger, outcome(0, {0: result(trial.config, [0.5])}))
    run.journal_path.unlink()
    with pytest.raises(RunError, match="put the journal back"):
        Ledger(run, space, seed=0).recover()


def test_a_grid_is_asked_for_in_order_also_after_an_interruption(tmp_path: Path) -> None:
    parameters = {"learning_rate": {"choices": [0.1, 0.01]}, "epochs": {"choices": [1, 2, 3]}}
    space = make_space(tmp_path, sampler="grid", parameters=parameters)
    run = make_run(tmp_path, space)
    first = Ledger(run, space, seed=0).ask(2)
    later = Ledger(run, space, seed=0)
    assert later.recover() == first
    found = [(trial.config.learning_rate, trial.config.epochs) for trial in [*first, *later.ask(4)]]
    assert found == [(0.1, 1), (0.1, 2), (0.1, 3), (0.01, 1), (0.01, 2), (0.01, 3)]


def test_a_trial_that_another_program_enqueued_comes_next(run: RunDirectory, space: SearchSpace) -> None:
    ledger = Ledger(run, space, seed=0)
    storage = JournalStorage(JournalFileBackend(str(run.journal_path)))
    other = optuna.load_study(study_name=run.path.name, storage=storage)
    other.enqueue_trial({"learning_rate": 0.033, "hidden_dim": 8, "update_rule": "sgd"})
    assert [trial.config.learning_rate == 0.033 for trial in ledger.ask(2)] == [True, False]


def test_models_are_saved_with_their_rows_and_pruned(run: RunDirectory, space: SearchSpace) -> None:
    from fcsearch.search.record.outcomes import epoch_records, trial_records

    ledger = Ledger(run, space, seed=0)
    planned = ledger.ask(3)
    for number, keep in ((0, [0]), (1, [1, 0]), (2, [2, 1])):
        found = outcome(number, {number: result(planned[number].config, [0.5 + number / 10])})
        model = Model(found.members[0].result.weights, {"config": planned[number].config.to_json()})
        ledger.record(PackRecord(number, trial_records(found), epoch_records(found), {number: model}, keep))
    assert run.models.saved() == [1, 2]


def test_trials_share_equal_distributions_and_choices(tmp_path: Path) -> None:
    """They are most of what a trial takes in memory, and Optuna's journal makes new ones for each."""
    rule = {"choices": ["sgd", "adam"]}
    space = make_space(
        tmp_path, parameters={"learning_rate": {"low": 1e-4, "high": 1e-1}, "update_rule": rule, "epochs": 4}
    )
    run = make_run(tmp_path, space)
    ledger = Ledger(run, space, seed=0)
    planned = ledger.ask(3)
    record(ledger, outcome(0, {0: result(planned[0].config, [0.5])}))
    for reader in (ledger, Ledger(run, space, seed=0)):
        trials = reader._study.get_trials(deepcopy=False)
        assert trials == journal(run)
        shared = {id(trial.distributions["learning_rate"]) for trial in trials}
        assert len(shared) == 1
        rules = [trial.params["update_rule"] for trial in trials]
        assert len(set(map(id, rules))) == len(set(rules))


def test_the_journal_is_plain_lines_of_json(run: RunDirectory, space: SearchSpace) -> None:
    Ledger(run, space, seed=0).ask(2)
    lines = run.journal_path.read_text().splitlines()
    assert all(isinstance(json.loads(line)["op_code"], int) for line in lines)


def test_models_of_trials_that_an_earlier_session_left_unfinished_stay_until_these_end(
    run: RunDirectory, space: SearchSpace
) -> None:
    def write(ledger: Ledger, pack: int, trial: PlannedTrial, state: str, keep: list[int]) -> None:
        found = outcome(pack, {trial.trial_id: result(trial.config, [0.5], state)})
        model = Model(found.members[0].result.weights, {"config": trial.config.to_json(), "input_dim": 2})
        ledger.record(
            PackRecord(pack, trial_records(found), epoch_records(found), {trial.trial_id: model}, keep),
        )

    first = Ledger(run, space, seed=0)
    trials = first.ask(3)
    write(first, 0, trials[0], "unfinished", [0])
    assert states(run) == ["RUNNING"] * 3
    second = Ledger(run, space, seed=0)
    assert [trial.trial_id for trial in second.recover()] == [0, 1, 2]
    write(second, 1, trials[1], "complete", [1])
    assert run.models.saved() == [0, 1]
    write(second, 2, trials[0], "complete", [1])
    assert run.models.saved() == [1]
    assert states(run) == ["COMPLETE", "COMPLETE", "RUNNING"]
