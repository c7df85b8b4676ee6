"""The Solver: what it reaches, that it repeats, what it records, and what it refuses."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from solver_runs import Data, net, trained
from torch import Tensor

from fcsearch.errors import ConfigError, DataError
from fcsearch.nn import FullyConnectedNet, NetworkSettings, Solver, TwoLayerNet, sgd


@pytest.mark.parametrize(("rule", "rate"), [("sgd_momentum", 0.1), ("adam", 2e-3)])
def test_it_reaches_97_percent_on_digits(rule: str, rate: float, digits: Data) -> None:
    model = net((200, 200), dropout=0.25, seed=1)
    solver = Solver(model, digits, rule, {"learning_rate": rate}, lr_decay=0.95, num_epochs=20, seed=1)
    solver.train()
    assert solver.best_val_acc >= 0.97
    # The weights that reached it are in the model, and the figure is the model's own.
    right = (model.loss(digits["X_val"]).argmax(dim=1) == digits["y_val"]).double().mean().item()
    assert right == pytest.approx(solver.best_val_acc, abs=1e-12)


def test_runs_with_one_seed_repeat_and_others_do_not(few: Data) -> None:
    first, same, other = (trained(few, model=net(dropout=0.5), seed=seed) for seed in (1, 1, 2))
    assert first.loss_history == same.loss_history
    assert first.train_acc_history == same.train_acc_history
    assert all(torch.equal(first.best_params[name], same.best_params[name]) for name in first.best_params)
    assert first.loss_history != other.loss_history


def test_the_solver_s_seed_governs_a_net_that_has_none(few: Data) -> None:
    params = net().params
    losses = [
        trained(few, model=FullyConnectedNet.from_params(params, NetworkSettings(dropout=0.5))).loss_history
        for _ in range(2)
    ]
    assert losses[0] == losses[1]


def test_every_step_drops_other_units_although_the_net_has_a_seed(few: Data) -> None:
    """A mask that stays the same would train one thinned network."""
    model, seeds = net(dropout=0.5, seed=7), []
    plain_loss = model.loss

    def loss(X: Tensor, y: Tensor | None = None) -> Any:
        if y is not None:
            seeds.append(model.dropout_seed)
        return plain_loss(X) if y is None else plain_loss(X, y)

    model.loss = loss  # type: ignore[method-assign]
    trained(few, model=model, num_epochs=2)
    assert len(seeds) == len(set(seeds)) == 4
    assert model.dropout_seed == 7


def test_an_epoch_takes_full_minibatches_of_distinct_rows_in_a_new_order(few: Data) -> None:
    model, seen = net(), []
    plain_loss = model.loss

    def loss(X: Tensor, y: Tensor | None = None) -> Any:
        if y is not None:
            seen.append(X)
        return plain_loss(X) if y is None else plain_loss(X, y)

    model.loss = loss  # type: ignore[method-assign]
    trained(few, model=model, num_epochs=2, batch_size=100)
    assert [len(batch) for batch in seen] == [100, 100] * 2
    epochs = [torch.cat(seen[:2]), torch.cat(seen[2:])]
    rows = {tuple(row) for row in few["X_train"].tolist()}
    for epoch in epochs:
        assert len(rows & {tuple(row) for row in epoch.tolist()}) == 200
    assert not torch.equal(*epochs)


def test_what_it_records(few: Data) -> None:
    solver = trained(few, num_epochs=4, batch_size=50)
    assert len(solver.loss_history) == 4 * 5
    assert len(solver.train_acc_history) == len(solver.val_acc_history) == 4 + 1
    assert solver.best_val_acc == max(solver.val_acc_history)
    assert solver.epoch == 4
    assert solver.train_acc_history[0] < 0.3 < solver.train_acc_history[-1]


def test_a_batch_may_be_larger_than_the_data(few: Data) -> None:
    assert len(trained(few, batch_size=10_000).loss_history) == 3


def test_the_best_weights_win_over_the_last(few: Data) -> None:
    solver = Solver(net(), few, optim_config={"learning_rate": 0.1}, num_epochs=8, seed=0)
    solver.train()
    reached = solver.best_val_acc
    for config in solver.optim_configs.values():
        config["learning_rate"] = 50.0
    solver.train()
    assert solver.val_acc_history[-1] < reached
    assert solver.best_val_acc == reached
    assert solver.check_accuracy(solver.X_val, solver.y_val) == reached


def test_training_goes_on_where_it_ended(few: Data) -> None:
    solver = Solver(net(), few, optim_config={"learning_rate": 0.1}, num_epochs=2, seed=0)
    solver.train()
    solver.train()
    assert solver.epoch == 4
    assert len(solver.val_acc_history) == 5


def test_a_loss_that_is_not_finite_ends_training_and_keeps_the_best(
    few: Data, caplog: pytest.LogCaptureFixture
) -> None:
    solver = trained(few, optim_config={"learning_rate": 1e30}, num_epochs=5)
    assert len(solver.loss_history) < 5
    assert not np.isfinite(solver.loss_history[-1])
    assert "the loss is not finite in epoch 1" in caplog.text
    assert all(w.isfinite().all() for w in solver.model.params.values())


def test_accuracy_on_some_rows_is_drawn_by_the_seed(few: Data) -> None:
    solver = trained(few, num_epochs=1)
    X, y = solver.X_train, solver.y_train
    all_rows = solver.check_accuracy(X, y)
    assert all_rows == solver.check_accuracy(X, y, batch_size=7) == solver.check_accuracy(X, y, num_samples=10_000)
    assert all_rows == (solver.model.loss(X).argmax(dim=1) == y).double().mean().item()
    some = {solver.check_accuracy(X, y, num_samples=20) for _ in range(3)}
    assert len(some) == 1
    assert some.pop() * 20 % 1 == pytest.approx(0, abs=1e-9)


def test_arrays_and_images_are_taken_as_they_are(few: Data) -> None:
    tensors = trained(few).loss_history
    arrays: dict[str, Any] = {name: value.numpy() for name, value in few.items()}
    arrays["X_train"] = arrays["X_train"].reshape(250, 8, 8)
    arrays["y_train"] = arrays["y_train"].astype(np.int32)
    for array in arrays.values():
        array.flags.writeable = False
    assert trained(arrays).loss_history == tensors


def test_the_data_is_not_written_to(few: Data) -> None:
    before = {name: value.clone() for name, value in few.items()}
    trained(few)
    assert all(torch.equal(few[name], before[name]) for name in few)


def test_progress_goes_to_the_log_and_not_to_the_terminal(
    few: Data, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    trained(few, num_epochs=4, batch_size=50, print_every=5, print_acc_every=2)
    lines = [record.message for record in caplog.records]
    assert [line.split(")")[0] for line in lines if line.startswith("(Iteration")] == [
        f"(Iteration {step}" for step in (1, 6, 11, 16)
    ]
    assert [line[:13] for line in lines if line.startswith("(Epoch")] == [f"(Epoch {epoch} / 4)" for epoch in (0, 2, 4)]
    assert "train acc: 0." in lines[-1]
    caplog.clear()
    trained(few, verbose=False)
    assert caplog.records == []
    assert capsys.readouterr().out == ""


def test_checkpoints_hold_the_network_and_the_history(few: Data, tmp_path: Path) -> None:
    solver = trained(few, num_epochs=2, checkpoint_name=str(tmp_path / "check"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("check_epoch_1.json", "check_epoch_1.safetensors", "check_epoch_2.json", "check_epoch_2.safetensors")
    ]
    history = json.loads((tmp_path / "check_epoch_1.json").read_text())
    assert history["epoch"] == 1
    assert history["update_rule"] == "sgd"
    assert history["optim_config"] == {"learning_rate": 0.1, "weight_decay": 0.0}
    assert (history["lr_schedule"], history["lr_decay"]) == ("exponential", 1.0)
    assert history["loss_history"] == solver.loss_history[:2]
    assert history["val_acc_history"] == solver.val_acc_history[:2]
    read = FullyConnectedNet.load(tmp_path / "check_epoch_1.safetensors")
    assert solver.check_accuracy(solver.X_val, solver.y_val) == solver.best_val_acc
    right = (read.loss(few["X_val"]).argmax(dim=1) == few["y_val"]).double().mean().item()
    assert right == pytest.approx(history["val_acc_history"][1])


def test_the_best_weights_survive_a_rule_that_writes_in_place(few: Data) -> None:
    def in_place(w: Tensor, dw: Tensor, config: Any = None) -> Any:
        return w.sub_(config["learning_rate"] * dw), dict(config)

    solver = Solver(net(), few, in_place, {"learning_rate": 0.1}, num_epochs=8, seed=0)
    solver.train()
    best = {name: w.clone() for name, w in solver.best_params.items()}
    for config in solver.optim_configs.values():
        config["learning_rate"] = 50.0
    solver.train()
    assert all(torch.equal(solver.best_params[name], best[name]) for name in best)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lerning_rate": 0.1}, "unknown Solver option 'lerning_rate'"),
        ({"num_epoch": 3}, "unknown Solver option 'num_epoch'; did you mean 'num_epochs'"),
        ({"update_rule": "adm"}, "unknown update rule 'adm'; did you mean 'adam'"),
        ({"optim_config": {"learning_rat": 1}}, "unknown sgd setting 'learning_rat'; did you mean 'learning_rate'"),
        ({"optim_config": {"velocity": 1}, "update_rule": "sgd_momentum"}, "unknown sgd_momentum setting 'velocity'"),
        ({"optim_config": {"learning_rate": "0.1"}}, r"optim_config\['learning_rate'\] must be a number"),
        ({"optim_config": {"learning_rate": float("nan")}}, "found nan"),
        ({"optim_config": {"learning_rate": -0.1}}, "found -0.1"),
        ({"lr_decay": 0}, r"lr_decay must be a number in \(0, 1\]; found 0"),
        ({"lr_decay": 1.5}, "found 1.5"),
        ({"lr_schedule": "cosin"}, "unknown learning-rate schedule 'cosin'; did you mean 'cosine'"),
        ({"optim_config": {"weight_decay": -1}}, r"optim_config\['weight_decay'\] must be a number of at least 0"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1; found 0"),
        ({"batch_size": 10.0}, "found 10.0"),
        ({"num_epochs": -1}, "num_epochs must be"),
        ({"num_train_samples": 0}, "num_train_samples must be"),
        ({"num_val_samples": True}, "num_val_samples must be"),
        ({"print_every": 0}, "print_every must be"),
        ({"print_acc_every": 0}, "print_acc_every must be"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str, few: Data) -> None:
    with pytest.raises(ConfigError, match=message):
        Solver(net(), few, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X_train": None}, "data must hold X_train, y_train, X_val, y_val; found no X_train"),
        ({"y_val": None}, "found no y_val"),
        ({"X_val": torch.zeros(3, 64)}, r"found the shapes \(3, 64\) and \(100,\)"),
        ({"y_val": torch.zeros(100, 1, dtype=torch.int64)}, r"found the shapes \(100, 64\) and \(100, 1\)"),
        ({"X_val": torch.zeros(0, 64), "y_val": torch.zeros(0, dtype=torch.int64)}, "at least 1 example"),
        ({"y_train": torch.full((250,), 10)}, r"integers in \[0, 10\), the network's classes; found torch.int64"),
        ({"y_train": torch.full((250,), -1)}, "from -1 to -1"),
        ({"y_train": torch.zeros(250)}, "found torch.float32"),
    ],
)
def test_data_is_checked(change: dict[str, Tensor | None], message: str, few: Data) -> None:
    data = {name: value for name, value in {**few, **change}.items() if value is not None}
    with pytest.raises(DataError, match=message):
        Solver(net(), data)


def test_a_weight_of_two_is_the_row_twice(few: Data) -> None:
    counts = 1 + torch.arange(len(few["X_train"])) % 2
    rows = torch.repeat_interleave(torch.arange(len(counts)), counts)
    weights = (counts * (len(counts) / counts.sum())).numpy()
    weighted = trained({**few, "weights_train": weights}, batch_size=len(rows))
    doubled = {"X_train": few["X_train"][rows], "y_train": few["y_train"][rows]}
    assert weighted.loss_history == pytest.approx(trained({**few, **doubled}, batch_size=len(rows)).loss_history)
    assert weighted.loss_history != pytest.approx(trained(few, batch_size=len(rows)).loss_history)


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0], "one number for each of the .* training rows; found the shape"), ([-1.0], "at least 0; found -1")],
)
def test_weights_are_checked(weights: list[float], message: str, few: Data) -> None:
    whole = weights if weights == [1.0] else weights * len(few["X_train"])
    with pytest.raises(DataError, match=message):
        trained({**few, "weights_train": torch.tensor(whole)})


def test_unknown_data_is_named(few: Data) -> None:
    with pytest.raises(ConfigError, match="unknown data key 'X_test'"):
        Solver(net(), {**few, "X_test": few["X_val"]})


def test_options_of_the_course_s_notebook_work_by_position(few: Data) -> None:
    model = TwoLayerNet(64, 50, 10, 1e-2, 0.0, seed=0)
    solver = Solver(model, few, sgd, {"learning_rate": 1e-2}, 0.95, 50, 1, 100, None, 10, 1, False, None)
    solver.train()
    assert len(solver.loss_history) == 5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_it_trains_on_a_gpu(few: Data) -> None:
    solver, on_cpu = trained(few, device="cuda", num_epochs=20), trained(few, num_epochs=20)
    assert {value.device.type for value in solver.best_params.values()} == {"cuda"}
    assert solver.loss_history == pytest.approx(on_cpu.loss_history, rel=1e-3)
    assert solver.best_val_acc == pytest.approx(on_cpu.best_val_acc, abs=0.03)
