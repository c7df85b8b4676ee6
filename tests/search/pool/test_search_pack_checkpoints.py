"""A worker's pack goes on from what another worker sent of it."""

import dataclasses
import itertools
import logging
import math
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from search_helpers import PLACE

from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.asha import Asha
from fcsearch.search.pool.checkpointing import read_checkpoint
from fcsearch.search.pool.messages import Checkpointing, MemberOutcome, PackOutcome, PackTask
from fcsearch.search.pool.pack_run import PackRun
from fcsearch.training import TrainingData, TrialConfig
from fcsearch.training.checkpoint import SavedPack

ALWAYS = Checkpointing(every=0, bytes_per_second=1e12, key="these rows")
EPOCHS = 9
RATES = (1.0, 0.3, 0.1, 0.03, 0.003, 1e-5)
CONFIGS = [
    *(TrialConfig(learning_rate=rate, epochs=EPOCHS, batch_size=20, hidden_dims=(8,), dropout=0.1) for rate in RATES),
    TrialConfig(update_rule="adam", lr_schedule="cosine", epochs=EPOCHS, batch_size=20, hidden_dims=(8,)),
    TrialConfig(update_rule="sgd_momentum", lr_decay=0.8, epochs=2, batch_size=50, hidden_dims=(6, 6)),
    TrialConfig(learning_rate=1e200, epochs=EPOCHS, batch_size=20, hidden_dims=(8,)),
]


pytestmark = pytest.mark.usefixtures("one_thread")


def task(configs: Sequence[TrialConfig] = CONFIGS, **keys: Any) -> PackTask:
    planned = tuple(PlannedTrial(10 + number, config) for number, config in enumerate(configs))
    return PackTask(4, planned, **{"asha": Asha(2, 2), "keep_models": 9, "checkpoints": ALWAYS, **keys})


def whole(data: TrainingData, found: PackTask) -> PackOutcome:
    run = PackRun(found, data, PLACE)
    run.train(seconds=math.inf)
    return run.outcome()


def cut(data: TrainingData, found: PackTask, *, epochs: int) -> bytes:
    """What a pack has sent when its worker is lost after so many epochs."""
    run = PackRun(found, data, PLACE)
    for _ in range(epochs):
        run.train(seconds=0)
    checkpoint = run.progress().checkpoint
    assert checkpoint is not None
    return checkpoint


def bare(member: MemberOutcome) -> object:
    epochs = tuple(dataclasses.replace(epoch, seconds=0) for epoch in member.result.epochs)
    return member.trial_id, dataclasses.replace(member.result, epochs=epochs, seconds=0, weights={})


def assert_same(found: PackOutcome, expected: PackOutcome) -> None:
    for one, other in zip(found.members, expected.members, strict=True):
        assert bare(one) == bare(other)
        assert one.result.weights.keys() == other.result.weights.keys()
        assert all(torch.equal(one.result.weights[name], weight) for name, weight in other.result.weights.items())


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 8])
def test_a_pack_goes_on_to_the_outcome_that_it_would_have_had(data: TrainingData, epochs: int) -> None:
    expected = whole(data, task())
    assert {member.result.state for member in expected.members} == {"complete", "stopped", "diverged"}
    resumed = PackRun(task(checkpoint=cut(data, task(), epochs=epochs)), data, PLACE)
    assert resumed.progress().epoch == epochs
    resumed.train(seconds=math.inf)
    found = resumed.outcome()
    assert_same(found, expected)
    # Those that had ended before this worker took the pack did so, for the record, when it did.
    assert all(member.finished_at >= found.started_at for member in found.members)


def test_halves_of_a_pack_go_on_from_the_same_checkpoint(data: TrainingData) -> None:
    plain = task(asha=None)
    checkpoint = cut(data, plain, epochs=4)
    expected = whole(data, plain)
    for part in (slice(0, 5), slice(5, None)):
        half = dataclasses.replace(plain, trials=plain.trials[part], checkpoint=checkpoint)
        members = dataclasses.replace(expected, members=expected.members[part])
        assert_same(whole(data, half), members)


def test_a_pack_that_is_left_sends_what_its_trials_go_on_from(data: TrainingData) -> None:
    rare = dataclasses.replace(ALWAYS, every=1000)
    run = PackRun(task(checkpoints=rare), data, PLACE)
    for _ in range(3):
        run.train(seconds=0)
        assert run.progress().checkpoint is None
    left = run.outcome()
    ended = {member.trial_id for member in left.members}
    waiting = tuple(trial for trial in task().trials if trial.trial_id not in ended)
    assert left.checkpoint is not None
    assert 0 < len(ended) < len(CONFIGS)
    rungs = {2: tuple(best(member) for member in left.members if member.result.state != "diverged")}
    rest = whole(data, dataclasses.replace(task(rungs=rungs), trials=waiting, checkpoint=left.checkpoint))
    members = sorted((*left.members, *rest.members), key=lambda member: member.trial_id)
    # Those that ended are in the outcome, and not here again.
    saved = read_checkpoint(left.checkpoint, ALWAYS.key)
    assert set(saved.places) == {trial.trial_id for trial in waiting}
    assert {name.partition(".")[0].rstrip("0123456789") for name in saved.pack.tensors} == {"lane", "history"}
    assert_same(dataclasses.replace(rest, members=tuple(members)), whole(data, task()))


def leaving_after(times: int) -> Callable[[], bool]:
    """What says so after it was asked so often."""
    asked = itertools.count()
    return lambda: next(asked) >= times


@pytest.mark.parametrize("every", [0, 10, 1000])
def test_a_pack_that_is_left_in_the_middle_of_an_epoch_goes_on_from_before_it(data: TrainingData, every: float) -> None:
    rule = dataclasses.replace(ALWAYS, every=every)
    found = task([dataclasses.replace(CONFIGS[2], batch_size=size) for size in (10, 20)], asha=None, checkpoints=rule)
    run = PackRun(found, data, PLACE)
    # Asked before each of two lanes trains, it leaves the second epoch with one of them trained.
    run.train(seconds=math.inf, leave=leaving_after(3))
    assert run.over
    kept = run.outcome().checkpoint
    assert kept is not None
    assert read_checkpoint(kept, rule.key).pack.epoch == 1
    assert_same(whole(data, dataclasses.replace(found, checkpoint=kept)), whole(data, found))


def test_what_is_kept_for_leaving_has_no_trials_that_ended(data: TrainingData) -> None:
    configs = [dataclasses.replace(CONFIGS[2], epochs=epochs) for epochs in (1, EPOCHS)]
    run = PackRun(task(configs, asha=None), data, PLACE)
    run.train(seconds=math.inf, leave=leaving_after(1))
    outcome = run.outcome()
    assert [member.trial_id for member in outcome.members] == [10]
    assert outcome.checkpoint is not None
    saved = read_checkpoint(outcome.checkpoint, ALWAYS.key)
    assert set(saved.places) == {11}
    assert not any(name.startswith("result") for name in saved.pack.tensors)


@pytest.mark.parametrize("short", ["room", "bytes"])
def test_too_little_room_for_a_copy_is_no_end_of_checkpoints(
    short: str, data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = dataclasses.replace(ALWAYS, bytes_per_second=1)
    run = PackRun(task(checkpoints=slow if short == "bytes" else ALWAYS), data, PLACE)
    with monkeypatch.context() as patch:
        if short == "room":
            patch.setattr("fcsearch.search.pool.checkpointing.free_bytes", lambda _: 0)
        patch.setattr(SavedPack, "clone", Mock(side_effect=AssertionError))
        run.train(seconds=0, leave=lambda: False)
        run.train(seconds=0, leave=lambda: False)
    assert (run.progress().checkpoint is not None) == (short == "room")


def test_what_was_sent_is_not_kept_for_leaving_too(data: TrainingData) -> None:
    run = PackRun(task(), data, PLACE)
    run.train(seconds=0, leave=lambda: False)
    run.train(seconds=0, leave=lambda: False)
    assert run.progress().checkpoint is not None
    run.train(seconds=0, leave=lambda: True)
    assert run.outcome().checkpoint is None


def test_what_trials_have_reached_is_known_again(data: TrainingData) -> None:
    run = PackRun(task(unfinished=True), data, PLACE)
    for _ in range(3):
        run.train(seconds=0)
    said = run.progress()
    assert {found.state for found in said.reached} == {"complete", "stopped", "unfinished"}
    again = PackRun(task(unfinished=True, checkpoint=said.checkpoint), data, PLACE)
    assert again.progress().reached == said.reached


def test_a_pack_that_is_left_as_its_checkpoint_has_it_has_trained_nothing(data: TrainingData) -> None:
    checkpoint = cut(data, task(), epochs=1)
    run = PackRun(task(unfinished=True, checkpoint=checkpoint), data, PLACE)
    left = run.outcome()
    assert {len(member.result.epochs) for member in left.members} == {1}
    assert left.trained_at is None
    run = PackRun(task(unfinished=True, checkpoint=checkpoint), data, PLACE)
    run.train(seconds=0)
    assert run.outcome().trained_at is not None


def best(member: MemberOutcome) -> float:
    return max(epoch.val["accuracy"] for epoch in member.result.epochs[:2])


def test_nothing_is_sent_where_there_is_nothing_new(data: TrainingData) -> None:
    run = PackRun(task(), data, PLACE)
    assert run.progress().checkpoint is None
    run.train(seconds=0)
    assert run.progress().checkpoint is not None
    assert run.progress().checkpoint is None
    assert run.outcome().checkpoint is None
    assert whole(data, task()).checkpoint is None
    untouched = PackRun(task(checkpoint=cut(data, task(), epochs=2)), data, PLACE)
    assert untouched.outcome().checkpoint is None
    without = PackRun(task(checkpoints=None), data, PLACE)
    without.train(seconds=0)
    assert (without.progress().checkpoint, without.outcome().checkpoint) == (None, None)


def test_large_packs_are_kept_less_often_and_giants_never(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow = dataclasses.replace(ALWAYS, bytes_per_second=1.0)
    run = PackRun(task(checkpoints=slow), data, PLACE)
    run.train(seconds=0)
    assert run.progress().checkpoint is None
    monkeypatch.setattr("fcsearch.search.pool.checkpointing.free_bytes", lambda _: 4000)
    run = PackRun(task(), data, PLACE)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            run.train(seconds=0)
            assert run.progress().checkpoint is None
    assert len(caplog.messages) == 1
    assert "is more than the 1,000 that there is room for" in caplog.messages[0]


@pytest.mark.parametrize("what", ["damaged", "other rows", "another trial", "another configuration", "past its end"])
def test_what_does_not_fit_is_passed_over_with_one_line(
    data: TrainingData, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = task(checkpoint=cut(data, task(), epochs=3))
    assert found.checkpoint is not None
    trials = list(found.trials)
    if what == "damaged":
        found = dataclasses.replace(found, checkpoint=found.checkpoint[:-10])
    elif what == "other rows":
        found = dataclasses.replace(found, checkpoints=dataclasses.replace(ALWAYS, key="those"))
    elif what == "another trial":
        trials[0] = dataclasses.replace(trials[0], trial_id=99)
    elif what == "another configuration":
        trials[0] = dataclasses.replace(trials[0], config=dataclasses.replace(trials[0].config, reg=0.5))
    else:
        trials[6] = dataclasses.replace(trials[6], ends_at=3)
    found = dataclasses.replace(found, trials=tuple(trials))
    with caplog.at_level(logging.WARNING):
        run = PackRun(found, data, PLACE)
    assert run.progress().epoch == 0
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("the trials of pack 4 start over: ")
    run.train(seconds=math.inf)
    assert_same(run.outcome(), whole(data, dataclasses.replace(found, checkpoint=None)))


def test_a_checkpoint_is_made_as_often_as_it_is_asked_for_and_takes_little(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("fcsearch.search.pool.checkpointing.time.monotonic", lambda: now[0])
    run = PackRun(task(asha=None, checkpoints=dataclasses.replace(ALWAYS, every=10)), data, PLACE)
    made = []
    dump = SavedPack.dump

    def slow(saved: SavedPack) -> bytes:
        now[0] += 0.5
        return dump(saved)

    monkeypatch.setattr(SavedPack, "dump", slow)
    for seconds in (9.0, 10.0, 21.0, 60.0, 60.6, 61.0):
        now[0] = seconds
        run.train(seconds=0)
        made.append(run.progress().checkpoint is not None)
    # Half a second of work is a hundredth of fifty.
    assert made == [False, True, False, False, True, False]


# Two hundredths of a second are a hundredth of two.
@pytest.mark.parametrize(("takes", "expected"), [(0.0, [0.1, 2.0, 3.0, 4.1]), (0.02, [0.1, 2.2])])
def test_a_copy_for_leaving_is_made_once_a_second_and_takes_little(
    takes: float, expected: list[float], data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, made = [0.0], list[float]()
    monkeypatch.setattr("fcsearch.search.pool.checkpointing.time.monotonic", lambda: now[0])
    run = PackRun(task(asha=None, checkpoints=dataclasses.replace(ALWAYS, every=1000)), data, PLACE)
    clone = SavedPack.clone

    def slow(saved: SavedPack) -> SavedPack:
        made.append(now[0])
        now[0] += takes
        return clone(saved)

    monkeypatch.setattr(SavedPack, "clone", slow)
    for seconds in (0.0, 0.1, 1.0, 2.0, 2.2, 3.0, 4.1):
        now[0] = seconds
        run.train(seconds=0, leave=lambda: False)
    assert made == expected
    # Who cannot be asked to leave needs none.
    now[0] = 10.0
    run.train(seconds=0)
    assert made == expected
