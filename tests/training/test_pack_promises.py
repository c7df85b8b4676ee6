"""What a pack promises: a member's result is that of the same trial alone, whoever trains beside it."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from varied_packs import VARIED, Digits, assert_equal_to, exact_members, pack_of

from fcsearch import nn
from fcsearch.training import Pack, TrainingData, TrialConfig, train_pack
from fcsearch.training.checkpoint import load
from fcsearch.training.engine.compiled_lane import block_rows
from fcsearch.training.engine.native import step_functions
from fcsearch.training.lane import Lane
from fcsearch.training.shape import Shape


@pytest.mark.parametrize("size", [2, 7, 32])
@pytest.mark.parametrize("number", range(len(VARIED)))
@pytest.mark.usefixtures("arithmetic")
def test_a_member_of_a_pack_is_the_trial_alone(digits: Digits, number: int, size: int) -> None:
    data = digits(torch.float64)
    config = VARIED[number]
    members, position = pack_of(config, size)
    assert_equal_to(train_pack(members, data)[position], train_pack([config], data)[0], 1e-9)


def test_in_float32_on_one_thread_a_pack_changes_no_bit(digits: Digits, exact_arithmetic: str) -> None:
    data = digits(torch.float32)
    members = exact_members(exact_arithmetic)
    together = train_pack(members, data)
    for config, result in zip(members, together, strict=True):
        assert_equal_to(result, train_pack([config], data)[0], 0.0)


@pytest.mark.parametrize("changes", [{"hidden_dims": (1, 5)}, {"hidden_dims": ()}, {"batch_size": 1}], ids=str)
def test_nor_does_it_where_layers_are_narrow_if_steps_are_compiled(digits: Digits, changes: dict[str, Any]) -> None:
    """By torch operations such products are rounded otherwise alone."""
    if step_functions(torch.device("cpu"), torch.float32) is None:
        pytest.skip("no compiled steps on this machine")
    few = digits(torch.float32)
    data = TrainingData(few.X_train[:60], few.y_train[:60] % 3, few.X_val, few.y_val % 3, num_classes=3)
    members = [dataclasses.replace(config, seed=0, input_dropout=0.0, **changes) for config in VARIED[:5]]
    for config, result in zip(members, train_pack(members, data), strict=True):
        assert_equal_to(result, train_pack([config], data)[0], 0.0)


def test_nor_does_it_where_the_first_layer_is_updated_in_blocks(exact_arithmetic: str) -> None:
    draw = torch.Generator().manual_seed(0)
    X, y = torch.randn(300, 2801, generator=draw), torch.randint(10, (300,), generator=draw)
    data = TrainingData.from_arrays(X[:200], y[:200], X[200:], y[200:], num_classes=10)
    members = [
        dataclasses.replace(config, hidden_dims=(200,), seed=0, batch_size=64)
        for config in exact_members(exact_arithmetic)
    ]
    assert block_rows(Shape(2801, (200,), 10)) == 1401
    for config, result in zip(members, train_pack(members, data), strict=True):
        assert_equal_to(result, train_pack([config], data)[0], 0.0)


@pytest.mark.usefixtures("_exact_packs")
def test_equal_configurations_give_equal_results_and_the_seed_matters(digits: Digits) -> None:
    data = digits(torch.float64)
    config = VARIED[0]
    first, other, second = train_pack([config, dataclasses.replace(config, seed=5), config], data)
    assert_equal_to(first, second, 0.0)
    assert not torch.equal(first.weights["W1"], other.weights["W1"])


@pytest.mark.parametrize("batch_size", [100, 500])
def test_what_a_neighbour_has_on_costs_a_member_no_bit(digits: Digits, batch_size: int) -> None:
    """Members that drop, smooth or decay nothing keep the arithmetic of a lane in which nobody does."""
    data = digits(torch.float32)
    plain = TrialConfig(hidden_dims=(40, 40), learning_rate=0.05, epochs=3, batch_size=batch_size)
    changes: list[dict[str, Any]] = [
        {"label_smoothing": 0.2}, {"weight_decay": 0.5}, {"lr_schedule": "cosine"}, {"input_dropout": 0.3},
    ]  # fmt: skip
    others = [dataclasses.replace(plain, **change) for change in changes]
    assert_equal_to(train_pack([others[0], plain, *others[1:]], data)[1], train_pack([plain], data)[0], 0.0)


def test_a_diverging_member_is_told_apart_and_harms_no_neighbour(digits: Digits) -> None:
    data = digits(torch.float32)
    good = TrialConfig(hidden_dims=(40, 40), learning_rate=0.05, epochs=3)
    bad = dataclasses.replace(good, learning_rate=1e6, epochs=10, label_smoothing=0.1, weight_decay=1e3)
    deep = TrialConfig(hidden_dims=(40, 40, 40), learning_rate=0.05, epochs=3)
    results = train_pack([good, bad, deep], data)
    assert [result.state for result in results] == ["complete", "diverged", "complete"]
    last = results[1].epochs[-1]
    assert last.diverged
    assert last.val_accuracy is None
    assert len(results[1].epochs) < 10
    assert_equal_to(results[0], train_pack([good], data)[0], 1e-6)
    assert_equal_to(results[2], train_pack([deep], data)[0], 1e-6)


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
@pytest.mark.usefixtures("arithmetic")
def test_a_rate_that_decays_to_nothing_harms_nobody(digits: Digits, rule: str) -> None:
    config = TrialConfig(hidden_dims=(8,), update_rule=rule, lr_decay=1e-200, epochs=3, momentum=0.0)
    (result,) = train_pack([config], digits(torch.float32))
    assert result.state == "complete"
    assert result.epochs[-1].learning_rate == 0
    assert result.epochs[2].val_loss == result.epochs[1].val_loss


def test_members_leave_when_their_epochs_are_over_and_memory_shrinks(digits: Digits) -> None:
    data = digits(torch.float32)
    config = TrialConfig(hidden_dims=(64,), learning_rate=0.05)
    pack = Pack([dataclasses.replace(config, epochs=epochs) for epochs in (1, 3, 1, 2)], data)
    sizes = [_bytes(pack)]
    left = []
    while pack.alive:
        assert set(pack.train_epoch()) == set(left[-1] if left else range(4))
        left.append(pack.alive)
        sizes.append(_bytes(pack))
    assert left == [(1, 3), (1,), ()]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] == sizes[0] // 2
    assert sizes[-1] == 0
    assert [len(result.epochs) for result in pack.results()] == [1, 3, 1, 2]


def _bytes(pack: Pack) -> int:
    lanes: list[Lane] = pack._lanes()
    return sum(t.untyped_storage().nbytes() for lane in lanes for n, t in lane.state_tensors().items() if "." in n)


@pytest.mark.usefixtures("_exact_packs")
def test_stopped_members_keep_what_they_reached(digits: Digits) -> None:
    data = digits(torch.float64)
    config = TrialConfig(hidden_dims=(40,), learning_rate=0.05, epochs=4)
    other = dataclasses.replace(config, learning_rate=0.01)

    def stop_the_second(epoch: int, _: object) -> Sequence[int]:
        return [1] if epoch == 2 else []

    first, second = train_pack([config, other], data, on_epoch=stop_the_second)
    assert (first.state, second.state) == ("complete", "stopped")
    assert len(second.epochs) == 2
    assert_equal_to(first, train_pack([config], data)[0], 0.0)
    two = train_pack([dataclasses.replace(other, epochs=2)], data)[0]
    for name, weight in two.weights.items():
        assert torch.equal(second.weights[name], weight)


# Its validation accuracy is highest in epoch 10, lower after it, and as high again later.
UNSTEADY = TrialConfig(hidden_dims=(20,), learning_rate=0.7, epochs=20)


def test_the_best_epoch_is_the_first_of_highest_validation_accuracy(digits: Digits) -> None:
    data = digits(torch.float64)
    result = train_pack([UNSTEADY], data)[0]
    accuracies = [epoch.val_accuracy for epoch in result.epochs]
    best = max(accuracies)
    assert accuracies.count(best) > 1
    assert result.best_epoch == accuracies.index(best) + 1 < 20
    until_then = train_pack([dataclasses.replace(UNSTEADY, epochs=result.best_epoch)], data)[0]
    for name, weight in until_then.weights.items():
        assert torch.equal(result.weights[name], weight)


def test_a_saved_pack_remembers_its_best_epoch(digits: Digits) -> None:
    data = digits(torch.float64)
    alone = train_pack([UNSTEADY], data)[0]
    assert alone.best_epoch is not None
    pack = Pack([UNSTEADY], data)
    while pack.epoch <= alone.best_epoch:
        pack.train_epoch()
    saved = load(pack.saved({}).dump())
    pack = Pack.restore(saved, range(len(saved.configs)), data)
    while pack.alive:
        pack.train_epoch()
    assert_equal_to(pack.results()[0], alone, 0.0)


@pytest.mark.parametrize(("parts", "sampled"), [(1, 256), (2, 500)])
def test_metrics_are_those_of_the_plain_network(digits: Digits, parts: int, sampled: int) -> None:
    data = digits(torch.float64)
    if parts == 2:
        more = (torch.cat(both) for both in ((data.X_val, data.X_train), (data.y_val, data.y_train)))
        data = TrainingData(data.X_train, data.y_train, *more, num_classes=10)
    config = TrialConfig(hidden_dims=(30, 20), learning_rate=0.05, epochs=1, dropout=0.3, reg=1e-3, loss="svm")
    result = train_pack([config], data)[0]
    net = nn.FullyConnectedNet.from_params(result.weights, nn.NetworkSettings(loss="svm"))
    sample = data.X_train[:sampled], data.y_train[:sampled]
    assert data.rows[0] == sampled
    assert len(data.validation) == parts
    for (X, y), accuracy in ((sample, "train_accuracy"), ((data.X_val, data.y_val), "val_accuracy")):
        right = (net.loss(X).argmax(1) == y).double().mean().item()
        assert getattr(result.epochs[0], accuracy) == pytest.approx(right, abs=1e-12)
    assert result.epochs[0].val_loss == pytest.approx(float(net.loss(data.X_val, data.y_val)[0]), rel=1e-12)


def test_validation_compares_by_the_plain_loss_and_training_reports_its_own(digits: Digits) -> None:
    data = digits(torch.float64)
    config = TrialConfig(hidden_dims=(30,), learning_rate=1e-12, epochs=1, label_smoothing=0.3, batch_size=500)
    neighbour = dataclasses.replace(config, label_smoothing=0.0)
    smoothed, plain = train_pack([config, neighbour], data)
    net = nn.FullyConnectedNet.from_params(smoothed.weights)
    expected = float(nn.softmax_loss(net.loss(data.X_val), data.y_val)[0])
    assert smoothed.epochs[0].val_loss == pytest.approx(expected, rel=1e-12)
    for result, smoothing in ((smoothed, 0.3), (plain, 0.0)):
        # So small a rate leaves the initial weights.
        expected = float(nn.softmax_loss(net.loss(data.X_train), data.y_train, label_smoothing=smoothing)[0])
        assert result.epochs[0].train_loss == pytest.approx(expected, rel=1e-6)


def test_the_schedule_is_that_of_the_epochs_that_the_trial_was_to_have(digits: Digits) -> None:
    config = TrialConfig(hidden_dims=(), learning_rate=0.2, epochs=4, lr_schedule="cosine", lr_decay=0.5)
    stopped = train_pack([config], digits(torch.float32), on_epoch=lambda epoch, _: [0] if epoch == 3 else [])[0]
    half = math.sqrt(0.5)
    assert [e.learning_rate for e in stopped.epochs] == pytest.approx([0.2, 0.1 * (1 + half), 0.1], rel=1e-12)


@pytest.mark.usefixtures("arithmetic")
def test_a_cosine_schedule_does_not_read_lr_decay(digits: Digits) -> None:
    data = digits(torch.float64)
    cosine = TrialConfig(hidden_dims=(8,), learning_rate=0.2, epochs=4, lr_schedule="cosine")
    decayed = dataclasses.replace(cosine, lr_decay=0.5)
    # Beside one that does read it.
    neighbour = dataclasses.replace(decayed, lr_schedule="exponential")
    [alone] = train_pack([cosine], data)
    assert_equal_to(train_pack([decayed], data)[0], alone, 0.0)
    own, other, _ = train_pack([decayed, cosine, neighbour], data)
    for result in (own, other):
        assert_equal_to(result, alone, 1e-9)
        rates = [epoch.learning_rate for epoch in result.epochs]
        assert rates == pytest.approx([0.1 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)], rel=1e-12)


def test_the_sample_of_training_rows_changes_no_other_bit(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    config = dataclasses.replace(VARIED[0], epochs=3)
    found = []
    for size in (5, 60):
        monkeypatch.setattr("fcsearch.training.data.training_sample", lambda *_, size=size: size)
        found += train_pack([config], digits(torch.float32))
    first, second = found
    for name, weights in first.weights.items():
        assert torch.equal(weights, second.weights[name])
    assert [(epoch.val, epoch.val_loss) for epoch in first.epochs] == [
        (epoch.val, epoch.val_loss) for epoch in second.epochs
    ]
    assert [epoch.train for epoch in first.epochs] != [epoch.train for epoch in second.epochs]
