"""What a pack promises: a member's result is that of the same trial alone, whoever trains beside it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from fcsearch import nn
from fcsearch.errors import ConfigError
from fcsearch.nn.storage import load_tensors, save_tensors
from fcsearch.training import MemberResult, Pack, TrainingData, TrialConfig, train_pack
from fcsearch.training.lane import Lane
from fcsearch.training.parameters import Shape, first_layer_blocks

Digits = Callable[[torch.dtype], TrainingData]

# As different from each other as members can be.
VARIED = [
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", learning_rate=3e-3, dropout=0.3, reg=1e-4, epochs=3),
    TrialConfig(hidden_dims=(40, 40), update_rule="sgd", learning_rate=0.1, epochs=3, lr_decay=0.9),
    TrialConfig(hidden_dims=(40, 40), update_rule="rmsprop", learning_rate=2e-3, dropout=0.6, epochs=2),
    TrialConfig(hidden_dims=(40, 40), update_rule="sgd_momentum", learning_rate=0.02, momentum=0.8, epochs=3),
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", learning_rate=1e-2, beta1=0.8, beta2=0.99, epochs=1),
    TrialConfig(hidden_dims=(37,), update_rule="adam", learning_rate=1e-3, batch_size=33, loss="svm", epochs=3),
    TrialConfig(hidden_dims=(64, 13, 29, 8), update_rule="sgd_momentum", learning_rate=0.05, dropout=0.1, epochs=3),
    TrialConfig(hidden_dims=(), update_rule="sgd", learning_rate=0.3, epochs=3, reg=1e-3),
    TrialConfig(hidden_dims=(), update_rule="rmsprop", learning_rate=1e-2, dropout=0.5, loss="svm", epochs=3),
    TrialConfig(
        hidden_dims=(40, 40), update_rule="adam", learning_rate=3e-3, init="normal", weight_scale=0.01, seed=1, epochs=3
    ),
    TrialConfig(hidden_dims=(37,), update_rule="rmsprop", learning_rate=1e-3, batch_size=10_000, epochs=3),
    TrialConfig(hidden_dims=(40, 40), update_rule="sgd", learning_rate=0.1, epochs=3, lr_schedule="cosine"),
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", label_smoothing=0.1, weight_decay=0.3, epochs=3),
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", label_smoothing=0.4, lr_schedule="cosine", epochs=2),
    TrialConfig(hidden_dims=(40, 40), update_rule="adam", learning_rate=3e-3, input_dropout=0.2, epochs=3),
    TrialConfig(hidden_dims=(40, 40), learning_rate=0.05, input_dropout=0.2, dropout=0.5, weight_decay=1.0, epochs=3),
    TrialConfig(hidden_dims=(), learning_rate=0.1, input_dropout=0.5, label_smoothing=0.2, epochs=3, reg=1e-3),
    TrialConfig(
        hidden_dims=(37,), update_rule="rmsprop", learning_rate=1e-3, batch_size=33, weight_decay=2.0, epochs=3
    ),
]


def pack_of(config: TrialConfig, size: int) -> tuple[list[TrialConfig], int]:
    """A pack of so many members, `config` somewhere inside, and its position."""
    neighbours = itertools.cycle([other for other in VARIED if other != config])
    position = size * 2 // 3
    members = [config if i == position else next(neighbours) for i in range(size)]
    return members, position


def metrics(result: MemberResult) -> list[tuple[object, ...]]:
    return [(e.epoch, e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy) for e in result.epochs]


def assert_equal_to(result: MemberResult, alone: MemberResult, tolerance: float) -> None:
    assert result.state == alone.state
    assert result.best_epoch == alone.best_epoch
    assert result.weights.keys() == alone.weights.keys()
    for name, weight in alone.weights.items():
        torch.testing.assert_close(result.weights[name], weight, rtol=0, atol=tolerance)
    for one, other in zip(metrics(result), metrics(alone), strict=True):
        assert one == pytest.approx(other, abs=max(tolerance, 1e-12))


@pytest.mark.parametrize("size", [2, 7, 32])
@pytest.mark.parametrize("number", range(len(VARIED)))
@pytest.mark.usefixtures("arithmetic")
def test_a_member_of_a_pack_is_the_trial_alone(digits: Digits, number: int, size: int) -> None:
    data = digits(torch.float64)
    config = VARIED[number]
    members, position = pack_of(config, size)
    assert_equal_to(train_pack(members, data)[position], train_pack([config], data)[0], 1e-9)


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="bitwise equality was seen with MKL's products only")
@pytest.mark.usefixtures("arithmetic")
def test_in_float32_on_one_thread_a_pack_changes_no_bit(digits: Digits) -> None:
    data = digits(torch.float32)
    together = train_pack(VARIED, data)
    for config, result in zip(VARIED, together, strict=True):
        assert_equal_to(result, train_pack([config], data)[0], 0.0)


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="bitwise equality was seen with MKL's products only")
@pytest.mark.usefixtures("arithmetic")
def test_nor_does_it_where_the_first_layer_is_updated_in_blocks() -> None:
    draw = torch.Generator().manual_seed(0)
    X, y = torch.randn(300, 301, generator=draw), torch.randint(10, (300,), generator=draw)
    data = TrainingData.from_arrays(X[:200], y[:200], X[200:], y[200:], num_classes=10)
    members = [dataclasses.replace(config, hidden_dims=(200,), seed=0, batch_size=64) for config in VARIED]
    shape, device = Shape(301, (200,), 10), torch.device("cpu")
    assert [len(first_layer_blocks(shape, count, device=device)) for count in (1, len(members))] == [1, 2]
    for config, result in zip(members, train_pack(members, data), strict=True):
        assert_equal_to(result, train_pack([config], data)[0], 0.0)


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


def test_a_saved_pack_remembers_its_best_epoch(digits: Digits, tmp_path: Path) -> None:
    data = digits(torch.float64)
    alone = train_pack([UNSTEADY], data)[0]
    assert alone.best_epoch is not None
    pack = Pack([UNSTEADY], data)
    while pack.epoch <= alone.best_epoch:
        pack.train_epoch()
    pack.save(tmp_path / "pack")
    pack = Pack.load(tmp_path / "pack", data)
    while pack.alive:
        pack.train_epoch()
    assert_equal_to(pack.results()[0], alone, 0.0)


@pytest.mark.parametrize("rows", [64, 1000])
def test_metrics_are_those_of_the_plain_network(digits: Digits, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcsearch.training.data._EVALUATED_ROWS", rows)
    data = dataclasses.replace(digits(torch.float64))  # with nothing cached
    config = TrialConfig(hidden_dims=(30, 20), learning_rate=0.05, epochs=1, dropout=0.3, reg=1e-3, loss="svm")
    result = train_pack([config], data)[0]
    net = nn.FullyConnectedNet.from_params(result.weights, loss="svm")
    sample = data.X_train[:200], data.y_train[:200]
    assert data.rows == (200, 200)
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


def test_a_checkpoint_of_before_these_parameters_is_read(digits: Digits, tmp_path: Path) -> None:
    data = digits(torch.float32)
    config = TrialConfig(hidden_dims=(20,), learning_rate=0.05, epochs=3)
    pack = Pack([config, dataclasses.replace(config, epochs=1)], data)
    pack.train_epoch()
    pack.save(tmp_path / "pack")
    tensors, metadata = load_tensors(tmp_path / "pack")
    state = json.loads(metadata["fcsearch.pack"])
    saved = [*state["configs"], *(result["config"] for result in state["results"].values())]
    assert len(saved) == 3
    for values in saved:
        for name in ("input_dropout", "weight_decay", "lr_schedule", "label_smoothing"):
            del values[name]
    save_tensors(tmp_path / "old", tensors, {"fcsearch.pack": json.dumps(state)})
    old = Pack.load(tmp_path / "old", data)
    while old.alive:
        old.train_epoch()
    assert_equal_to(old.results()[0], train_pack([config], data)[0], 0.0)


RESUME = """
import json, sys, torch
from pathlib import Path
from safetensors.torch import load_file, save_file
from fcsearch.training import Pack, TrainingData
data = TrainingData(**load_file(sys.argv[1]), num_classes=10)
pack = Pack.load(Path(sys.argv[2]), data)
while pack.alive:
    pack.train_epoch()
results = pack.results()
save_file({f"{i}.{n}": w for i, r in enumerate(results) for n, w in r.weights.items()}, sys.argv[3])
print(json.dumps([[r.state, r.best_epoch, len(r.epochs)] for r in results]))
"""


@pytest.mark.parametrize("after", [1, 2])
def test_a_saved_pack_goes_on_in_another_process_to_the_same_weights(
    digits: Digits, tmp_path: Path, after: int
) -> None:
    from safetensors.torch import load_file, save_file

    data = digits(torch.float64)
    save_file({name: getattr(data, name) for name in ("X_train", "y_train", "X_val", "y_val")}, tmp_path / "data")
    pack = Pack(VARIED, data)
    for _ in range(after):
        pack.train_epoch()
    pack.save(tmp_path / "pack")
    arguments = [str(tmp_path / name) for name in ("data", "pack", "weights")]
    done = subprocess.run([sys.executable, "-c", RESUME, *arguments], capture_output=True, text=True, check=True)
    while pack.alive:
        pack.train_epoch()
    results = pack.results()
    assert json.loads(done.stdout) == [[r.state, r.best_epoch, len(r.epochs)] for r in results]
    resumed = load_file(tmp_path / "weights")
    for number, result in enumerate(results):
        for name, weight in result.weights.items():
            torch.testing.assert_close(resumed[f"{number}.{name}"], weight, rtol=0, atol=1e-9)


def test_what_is_no_checkpoint_is_refused(digits: Digits, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    data = digits(torch.float32)
    with pytest.raises(ConfigError, match="must be a safetensors file"):
        Pack.load(tmp_path / "missing", data)
    save_file({"W1": torch.zeros(2)}, tmp_path / "other")
    with pytest.raises(ConfigError, match="must be the checkpoint of a pack"):
        Pack.load(tmp_path / "other", data)
