import dataclasses
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import torch
from search_helpers import NOW, PLACE, result

from fcsearch.results import TrialRecord
from fcsearch.search.loop.standings import Standings
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Asha, Rungs, Standing
from fcsearch.search.pool.best_weights import with_best_weights
from fcsearch.search.pool.messages import MemberOutcome, PackTask
from fcsearch.search.pool.pack_run import PackRun, memory_share
from fcsearch.search.record.outcomes import epoch_records, trial_records
from fcsearch.training import TrainingData, TrialConfig, train_pack

# Workers train on one thread, by the steps in C.
pytestmark = pytest.mark.usefixtures("one_thread")


def task(configs: Sequence[TrialConfig], **keys: Any) -> PackTask:
    planned = tuple(PlannedTrial(10 + number, config) for number, config in enumerate(configs))
    return PackTask(pack_id=4, trials=planned, **{"keep_models": 2, **keys})


def run(found: PackTask, data: TrainingData) -> PackRun:
    pack = PackRun(found, data, PLACE)
    while not pack.over:
        pack.train(seconds=0)
    return pack


RATES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 1e-4, 1e-5)
CONFIGS = [TrialConfig(learning_rate=rate, epochs=6, batch_size=20, hidden_dims=(8,)) for rate in RATES]


def test_a_trial_has_the_result_that_its_pack_gives_it(data: TrainingData) -> None:
    configs = [
        dataclasses.replace(config, epochs=epochs) for config, epochs in zip(CONFIGS[:3], (2, 5, 3), strict=True)
    ]
    found = run(task(configs), data).outcome(log=("a line",))
    assert (found.pack_id, found.place, found.log) == (4, PLACE, ("a line",))
    assert [member.trial_id for member in found.members] == [10, 11, 12]
    for member, expected in zip(found.members, train_pack(configs, data), strict=True):
        assert [e.val_loss for e in member.result.epochs] == [e.val_loss for e in expected.epochs]
    left = [member.finished_at for member in found.members]
    assert found.started_at < left[0] < left[2] < left[1] <= datetime.now(UTC)


def test_asha_stops_the_members_that_the_rule_names(data: TrainingData) -> None:
    asha = Asha(2, 3)
    found = run(task(CONFIGS, asha=asha), data).outcome()
    alone = train_pack(CONFIGS, data)
    best = {n: max(e.val_accuracy or 0 for e in r.epochs[:2]) for n, r in enumerate(alone)}
    stopped = Rungs(asha).judge(2, {n: Standing(value, CONFIGS[n].epochs) for n, value in best.items()})
    assert stopped
    assert [n for n, member in enumerate(found.members) if member.result.state == "stopped"] == stopped
    assert all(len(found.members[n].result.epochs) == 2 for n in stopped)
    others = [member for n, member in enumerate(found.members) if n not in stopped]
    assert all((member.result.state, len(member.result.epochs)) == ("complete", 6) for member in others)


def test_the_rungs_of_other_trials_count(data: TrainingData) -> None:
    found = run(task(CONFIGS[2:4], asha=Asha(2, 3), rungs={2: (1.0,) * 30}), data).outcome()
    assert [member.result.state for member in found.members] == ["stopped", "stopped"]
    found = run(task(CONFIGS[2:4], asha=Asha(2, 3), rungs={2: (0.0,) * 30}), data).outcome()
    assert [member.result.state for member in found.members] == ["complete", "complete"]


def test_progress_says_where_the_pack_stands(data: TrainingData) -> None:
    configs = [dataclasses.replace(CONFIGS[1], epochs=epochs) for epochs in (1, 3)]
    pack = PackRun(task(configs), data, PLACE)
    pack.train(seconds=0)
    assert (pack.progress().epoch, pack.progress().epochs, pack.progress().alive) == (1, 3, 1)
    pack.train(seconds=60)
    assert pack.over
    assert pack.progress().alive == 0


def test_progress_says_what_the_trials_have_reached(data: TrainingData) -> None:
    wild = TrialConfig(learning_rate=1e30, epochs=4, batch_size=20, hidden_dims=(8, 8))
    configs = [*(dataclasses.replace(CONFIGS[1 + epochs], epochs=epochs) for epochs in (2, 6, 4)), wild]
    pack, looks = PackRun(task(configs, unfinished=True), data, PLACE), []
    for looked in (True, False, False, True):
        pack.train(seconds=0)
        looks += [pack.progress().reached] if looked else []
    assert [(found.trial_id, found.epochs, found.state) for found in looks[0]] == [
        (trial, 1, "unfinished") for trial in (10, 11, 12)
    ]
    members = sorted(pack.outcome().members, key=lambda member: member.trial_id)
    # One that has no measured epoch is not told.
    for found, member in zip(looks[1], members[:3], strict=True):
        result = member.result
        assert result.best is not None
        assert (found.trial_id, found.state, found.epochs) == (member.trial_id, result.state, len(result.epochs))
        assert (found.best_epoch, found.gain) == (result.best_epoch, result.best.val["accuracy"])
        assert (found.val_loss, found.seconds) == (result.best.val_loss, pytest.approx(result.seconds))
    assert [found.state for found in looks[1]] == ["complete", "unfinished", "complete"]


def test_what_is_not_asked_for_is_not_told(data: TrainingData) -> None:
    pack = PackRun(task(CONFIGS[:2]), data, PLACE)
    pack.train(seconds=0)
    assert pack.progress().reached == ()


def test_a_pack_that_is_left_keeps_the_members_that_came_to_an_end(data: TrainingData) -> None:
    configs = [dataclasses.replace(CONFIGS[1], epochs=epochs) for epochs in (2, 50)]
    pack = PackRun(task(configs), data, PLACE)
    for _ in range(3):
        pack.train(seconds=0)
    found = pack.outcome()
    assert [(member.trial_id, member.result.state) for member in found.members] == [(10, "complete")]


def test_a_pack_that_is_left_in_the_middle_of_an_epoch_is_as_it_was_before(data: TrainingData) -> None:
    found = task([dataclasses.replace(CONFIGS[1], batch_size=size) for size in (10, 20)], unfinished=True)
    expected, left = PackRun(found, data, PLACE), PackRun(found, data, PLACE)
    for pack in (expected, left):
        pack.train(seconds=0)
        pack.train(seconds=0)
    asked = iter([False, True])
    left.train(seconds=math.inf, leave=lambda: next(asked))
    assert left.over
    members = left.outcome(log=("a line",)).members
    for member, other in zip(members, expected.outcome().members, strict=True):
        assert (member.trial_id, member.result.state) == (other.trial_id, "unfinished")
        assert [e.val_loss for e in member.result.epochs] == [e.val_loss for e in other.result.epochs]
        assert all(
            torch.equal(member.result.weights[name], other.result.weights[name]) for name in other.result.weights
        )
        assert member.result.weights


def test_a_pack_that_is_left_in_the_middle_of_its_first_epoch_has_nothing(data: TrainingData) -> None:
    left = PackRun(task(CONFIGS[:2], unfinished=True), data, PLACE)
    left.train(seconds=math.inf, leave=lambda: True)
    found = left.outcome(log=("a line",))
    assert (found.pack_id, found.members, found.checkpoint, found.log) == (4, (), None, ("a line",))


def test_only_weights_that_may_be_among_the_best_travel(data: TrainingData) -> None:
    members = run(task(CONFIGS, keep_models=2), data).outcome().members
    accuracy = [max(e.val_accuracy or 0 for e in member.result.epochs) for member in members]
    kept = [n for n, member in enumerate(members) if member.result.weights]
    assert len(kept) == 2
    assert min(accuracy[n] for n in kept) >= max(accuracy[n] for n in range(9) if n not in kept)
    threshold = max(accuracy) + 0.01
    assert not any(m.result.weights for m in run(task(CONFIGS, weights_above=threshold), data).outcome().members)
    # A tie may win by its loss.
    again = run(task(CONFIGS, weights_above=max(accuracy)), data).outcome().members
    assert [n for n, member in enumerate(again) if member.result.weights] == [
        n for n in kept if accuracy[n] == max(accuracy)
    ]


def test_a_diverged_member_is_not_judged_and_not_kept(data: TrainingData) -> None:
    wild = TrialConfig(learning_rate=1e30, epochs=4, batch_size=20, hidden_dims=(8, 8))
    found = run(task([wild, CONFIGS[2]], asha=Asha(1, 3)), data).outcome()
    assert [member.result.state for member in found.members] == ["diverged", "complete"]
    rows = [record.row() for record in (*trial_records(found), *epoch_records(found))]
    assert rows[0]["final_val_accuracy"] is None
    assert all(value == value for row in rows for value in row.values())


def test_a_diverged_member_does_not_count_at_the_rung(data: TrainingData) -> None:
    wild = TrialConfig(learning_rate=1e30, epochs=4, batch_size=20, hidden_dims=(8, 8))
    others = [dataclasses.replace(CONFIGS[number], epochs=4) for number in (2, 5, 8)]
    found = run(task([wild, *others], asha=Asha(1, 2)), data).outcome()
    # At the first rung one of three values goes on; of four it would have been two.
    assert [len(member.result.epochs) for member in found.members[1:]] == [4, 1, 1]


def test_rows_say_what_came_of_a_trial(data: TrainingData) -> None:
    config = dataclasses.replace(CONFIGS[1], epochs=3, seed=9)
    found = run(task([config]), data).outcome()
    [row] = [record.row() for record in trial_records(found)]
    epochs = [record.row() for record in epoch_records(found)]
    best = max(epochs, key=lambda epoch: epoch["val_accuracy"])
    assert (row["trial_id"], row["state"], row["seed"], row["device"]) == (10, "complete", 9, "cpu")
    assert (row["val_accuracy"], row["best_epoch"]) == (best["val_accuracy"], best["epoch"])
    assert (row["train_loss"], row["val_loss"]) == (best["train_loss"], best["val_loss"])
    assert (row["final_val_accuracy"], row["epochs_run"]) == (epochs[-1]["val_accuracy"], 3)
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3]
    assert row["train_seconds"] == pytest.approx(sum(epoch["seconds"] for epoch in epochs))
    assert (row["learning_rate"], row["momentum"]) == (0.3, None)


def test_of_trainings_that_do_not_compete_all_are_kept_and_none_is_best() -> None:
    standings = Standings(2, compete=False)
    standings.add([TrialRecord(trial_id=number, state="complete", config=TrialConfig(), val_accuracy=0.5, val_loss=1.0)
                   for number in (3, 1)])  # fmt: skip
    assert (standings.trial_ids, standings.leaders, standings.course) == ([1, 3], (), ())


def test_standings_that_keep_none_let_no_trial_in() -> None:
    standings = Standings(0, compete=False)
    standings.add([TrialRecord(trial_id=1, state="complete", config=TrialConfig(), val_accuracy=1.0, val_loss=0.0)])
    assert (standings.trial_ids, standings.threshold) == ([], math.inf)


def test_standings_follow_accuracy_then_loss_then_number() -> None:
    standings = Standings(2)
    assert standings.threshold is None

    def row(trial_id: int, state: str = "complete", accuracy: float = 0.5, loss: float | None = 0.5) -> TrialRecord:
        return TrialRecord(trial_id=trial_id, state=state, config=TrialConfig(), val_accuracy=accuracy, val_loss=loss)

    standings.add([row(3), row(1), row(7, loss=0.4), row(9, loss=None)])
    assert standings.trial_ids == [7, 1]
    assert [best.trial_id for best in standings.leaders] == [7, 1, 3]
    assert standings.course == ((1, 0.5), (2, 0.5), (3, 0.5))
    standings.add([row(8, "diverged", 0.9), row(2, "failed")])
    standings.add([row(4, "stopped", 0.6)])
    assert standings.trial_ids == [4, 7]
    assert standings.threshold == 0.5


def test_what_is_worth_keeping_is_what_the_standings_would_keep() -> None:
    members = [MemberOutcome(n, result(TrialConfig(), [value]), NOW) for n, value in enumerate((0.5, 0.9, 0.7, 0.9))]

    def kept(keep: int, threshold: float | None) -> set[int]:
        found = with_best_weights(members, task([], keep_models=keep, weights_above=threshold))
        return {member.trial_id for member in found if member.result.weights}

    assert kept(2, None) == {1, 3}
    assert kept(3, 0.7) == {1, 2, 3}
    assert kept(3, 0.95) == set()


def test_a_pack_and_a_trial_that_have_no_room_are_refused(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcsearch.search.pool.pack_run.free_bytes", lambda _: 60_000)
    PackRun(task(CONFIGS[:1] * 2), data, PLACE)
    with pytest.raises(MemoryError, match=r"a pack of 90 trials must fit into 48,000 bytes, .* found a need of"):
        PackRun(task(CONFIGS * 10), data, PLACE)
    wide = TrialConfig(hidden_dims=(5000,), epochs=1)
    with pytest.raises(MemoryError, match="this trial must fit into 48,000 bytes"):
        PackRun(task([wide]), data, PLACE)


def test_workers_leave_each_other_their_share(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcsearch.search.pool.pack_run.free_bytes", lambda _: 50_000)
    share = memory_share(torch.device("cpu"), workers=5)
    assert share == 10_000
    with pytest.raises(MemoryError, match="must fit into 8,000 bytes, this worker's share"):
        PackRun(task(CONFIGS[:1] * 2), data, PLACE, share=share)
