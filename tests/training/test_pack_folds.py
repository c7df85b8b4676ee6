"""A pack on folds: each learns by itself, and a member is what the mean over them says."""

import dataclasses
import math
import statistics
from typing import Any

import pytest
import torch
from varied_packs import VARIED, Digits, assert_equal_to

from fcsearch.training import EpochMetrics, Pack, TrainingData, TrialConfig, checkpoint, train_pack
from fcsearch.training.graphs import GraphCohort
from fcsearch.training.memory import pack_bytes

CONFIG = TrialConfig(hidden_dims=(20,), learning_rate=0.5, epochs=8)


@pytest.fixture
def data(digits: Digits) -> TrainingData:
    """Three folds, of which the last has fewer features."""
    rows = digits(torch.float32)
    X, y = torch.cat([rows.X_train, rows.X_val]), torch.cat([rows.y_train, rows.y_val])
    widths = (X.shape[1], X.shape[1], X.shape[1] - 3)
    folds = []
    for number, width in enumerate(widths):
        here = torch.arange(len(X)) % len(widths) == number
        folds.append(TrainingData(X[~here, :width], y[~here], X[here, :width], y[here], num_classes=10))
    first, *others = folds
    return dataclasses.replace(first, others=tuple(others))


def alone(fold: TrainingData) -> TrainingData:
    return dataclasses.replace(fold, others=())


def test_a_member_of_a_pack_is_the_trial_alone(data: TrainingData, exact_arithmetic: str) -> None:
    # By torch operations exponentials are rounded otherwise at the end of a tensor.
    members = [
        config for config in VARIED if exact_arithmetic == "compiled" or config.activation in ("relu", "leaky_relu")
    ]
    for config, result in zip(members, train_pack(members, data), strict=True):
        (expected,) = train_pack([config], data)
        assert_equal_to(result, expected, 0.0)
        assert [epoch.standard_error for epoch in result.epochs] == [e.standard_error for e in expected.epochs]


def test_each_figure_is_the_mean_of_the_folds_and_its_standard_error(data: TrainingData) -> None:
    (result,) = train_pack([CONFIG], data)
    by_fold = [train_pack([CONFIG], alone(fold))[0].epochs for fold in data.folds]
    for epoch, *folds in zip(result.epochs, *by_fold, strict=True):
        for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
            assert getattr(epoch, name) == statistics.fmean(getattr(fold, name) for fold in folds)
        deviation = statistics.stdev(fold.val["accuracy"] for fold in folds)
        assert epoch.standard_error == deviation / math.sqrt(3)
        assert epoch.learning_rate == folds[0].learning_rate
    assert result.num_parameters == train_pack([CONFIG], alone(data))[0].num_parameters


@pytest.mark.parametrize("sizes", [(100, 200, 300), (300, 200, 100)])
def test_folds_keep_their_order_whichever_has_most_steps(data: TrainingData, sizes: tuple[int, ...]) -> None:
    folds = [
        dataclasses.replace(fold, X_train=fold.X_train[:size], y_train=fold.y_train[:size], others=())
        for fold, size in zip(data.folds, sizes, strict=True)
    ]
    (result,) = train_pack([CONFIG], dataclasses.replace(folds[0], others=tuple(folds[1:])))
    expected = [train_pack([CONFIG], fold)[0] for fold in folds]
    by_epoch = zip(*(one.epochs for one in expected), strict=True)
    losses = [statistics.fmean(epoch.val_loss or math.nan for epoch in epochs) for epochs in by_epoch]
    assert [epoch.val_loss for epoch in result.epochs] == losses
    assert [len(weights["W1"]) for weights in result.by_fold] == [fold.input_dim for fold in folds]


def test_the_mean_decides_which_epoch_is_best_and_the_first_folds_weights_are_kept(data: TrainingData) -> None:
    fast = dataclasses.replace(CONFIG, learning_rate=1.0)
    (result,) = train_pack([fast], data)
    values = [epoch.val["accuracy"] for epoch in result.epochs]
    assert result.best_epoch == values.index(max(values)) + 1
    # By itself the first fold would have chosen otherwise.
    assert train_pack([fast], alone(data))[0].best_epoch != result.best_epoch
    last = Pack([dataclasses.replace(fast, epochs=result.best_epoch)], alone(data), keep_last=True)
    while last.alive:
        last.train_epoch()
    (expected,) = last.results()
    assert all(torch.equal(result.weights[name], weight) for name, weight in expected.weights.items())


def test_a_member_that_diverges_in_one_fold_has_diverged_and_harms_no_neighbour(data: TrainingData) -> None:
    broken = dataclasses.replace(data.others[0], X_train=data.others[0].X_train * 1e12)
    data = dataclasses.replace(data, others=(broken, data.others[1]))
    unsteady = TrialConfig(hidden_dims=(20,), learning_rate=10.0, epochs=3)
    still = dataclasses.replace(unsteady, learning_rate=1e-40)
    lost, kept = train_pack([unsteady, still], data)
    assert (lost.state, lost.best_epoch, lost.weights) == ("diverged", None, {})
    assert lost.epochs[-1].val == {}
    assert lost.epochs[-1].standard_error is None
    assert kept.state == "complete"
    assert_equal_to(kept, train_pack([still], data)[0], 0.0)


def test_members_stop_in_all_their_folds(data: TrainingData) -> None:
    pack = Pack([CONFIG, dataclasses.replace(CONFIG, learning_rate=0.1)], data)
    pack.train_epoch()
    pack.stop([0])
    assert pack.alive == (1,)
    while pack.alive:
        assert list(pack.train_epoch()) == [1]
    assert [result.state for result in pack.results()] == ["stopped", "complete"]


def test_a_saved_pack_goes_on_to_the_same_result(data: TrainingData) -> None:
    pack = Pack(VARIED[:6], data)
    pack.train_epoch()
    pack.train_epoch()
    some = [5, 4, 1]
    again = Pack.restore(checkpoint.load(pack.saved({}).dump()), some, data)
    for one in (pack, again):
        while one.alive:
            one.train_epoch()
    results = pack.results()
    for found, expected in zip(again.results(), [results[member] for member in some], strict=True):
        assert_equal_to(found, expected, 0.0)
        assert [e.standard_error for e in found.epochs] == [e.standard_error for e in expected.epochs]


def test_graphs_train_folds_likewise(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FCSEARCH_NATIVE", "0")  # compiled kernels of a CPU are not captured
    found, expected = train_pack(VARIED[:4], data, cohort=GraphCohort), train_pack(VARIED[:4], data)
    for one, other in zip(found, expected, strict=True):
        assert_equal_to(one, other, 1e-5)


def test_a_pack_takes_the_memory_of_each_fold(data: TrainingData) -> None:
    assert pack_bytes([CONFIG], data) == sum(pack_bytes([CONFIG], alone(fold)) for fold in data.folds)


def test_rows_of_folds_come_from_arrays(data: TrainingData) -> None:
    names = ("X_train", "y_train", "X_val", "y_val", "num_classes", "objective", "positive")
    first, *others = ({name: getattr(fold, name) for name in names} for fold in data.folds)
    arrays: dict[str, Any] = {**first, "others": others}
    found = TrainingData.from_arrays(**arrays, dtype=torch.float64)
    assert [fold.input_dim for fold in found.folds] == [64, 64, 61]
    assert {fold.dtype for fold in found.folds} == {torch.float64}


def test_a_figure_that_some_fold_lacks_has_no_mean() -> None:
    from fcsearch.training.metrics import mean_over_folds

    known = EpochMetrics(1, 0.5, 0.5, {"accuracy": 0.9}, {"accuracy": 0.8, "roc_auc": 0.7}, 0.1, 1.0)
    lacking = dataclasses.replace(known, val={"accuracy": 0.6})
    found = mean_over_folds([known, lacking], "roc_auc")
    assert found.val == {"accuracy": pytest.approx(0.7)}
    assert found.standard_error is None
    assert found.seconds == 2.0
