"""The Solver: what it reaches, that it repeats, what it records, and what it refuses."""

import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fcsearch.errors import ConfigError, DataError
from fcsearch.nn import FullyConnectedNet, NetworkSettings, Solver, TwoLayerNet, adam, sgd
from fcsearch.nn.schedules import scheduled_rate

Data = dict[str, Tensor]


def net(hidden_dims: tuple[int, ...] = (30,), **options: Any) -> FullyConnectedNet:
    return FullyConnectedNet(hidden_dims, **{"input_dim": 64, "weight_scale": "kaiming", "seed": 0, **options})


@pytest.fixture
def few(digits: Data) -> Data:
    """The first 250 training rows and 100 validation rows of digits."""
    sizes = {"X_train": 250, "y_train": 250, "X_val": 100, "y_val": 100}
    return {name: value[: sizes[name]] for name, value in digits.items()}


def trained(data: Data, **options: Any) -> Solver:
    model = options.pop("model", None) or net()
    solver = Solver(model, data, **{"num_epochs": 3, "seed": 0, "optim_config": {"learning_rate": 0.1}, **options})
    solver.train()
    return solver


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


def test_learning_rate_decays_after_every_epoch(few: Data) -> None:
    solver = trained(few, lr_decay=0.5, num_epochs=3)
    assert {config["learning_rate"] for config in solver.optim_configs.values()} == {0.1 / 4}
    assert solver.optim_config["learning_rate"] == 0.1
    # By hand: three epochs of one step with halving rates.
    model = net()
    by_hand = dict(model.params)
    solver = trained(few, model=model, lr_decay=0.5, num_epochs=3, batch_size=250, num_val_samples=1)
    walked = FullyConnectedNet.from_params(by_hand)
    losses = []
    for rate in (0.1, 0.05, 0.025):
        loss, grads = walked.loss(few["X_train"], few["y_train"])
        losses.append(loss.item())
        walked.params = {name: w - rate * grads[name] for name, w in walked.params.items()}
    assert solver.loss_history == pytest.approx(losses, rel=1e-5)


def rates_of(solver: Solver, epochs: int) -> list[float]:
    """The learning rate of each of the next epochs, which it trains."""
    found: list[float] = []
    rule = solver.update_rule

    def spy(w: Tensor, dw: Tensor, config: Any = None) -> Any:
        if not found or found[-1] != config["learning_rate"]:
            found.append(config["learning_rate"])
        return rule(w, dw, config)

    solver.update_rule = spy
    for _ in range(epochs // solver.num_epochs):
        solver.train()
    return found


def test_the_cosine_schedule_is_torchs_and_begins_anew_with_the_next_call(few: Data) -> None:
    solver = Solver(
        net(), few, "adam", {"learning_rate": 0.01}, num_epochs=5, seed=0, lr_schedule="cosine", lr_decay=0.5
    )
    peer = torch.optim.SGD([torch.zeros(1)], lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(peer, T_max=5)
    expected = []
    for _ in range(5):
        expected.append(schedule.get_last_lr()[0])
        peer.step()
        schedule.step()
    assert rates_of(solver, 10) == pytest.approx(expected * 2, rel=1e-12)


def test_the_schedules_by_hand() -> None:
    cosine = [scheduled_rate("cosine", 0.8, epoch=epoch, epochs=4, lr_decay=0.1) for epoch in (1, 2, 3, 4)]
    half = math.sqrt(0.5)
    assert cosine == pytest.approx([0.8, 0.4 * (1 + half), 0.4, 0.4 * (1 - half)], rel=1e-14)
    assert scheduled_rate("cosine", 0.8, epoch=1, epochs=1) == 0.8
    exponential = [scheduled_rate("exponential", 0.8, epoch=epoch, epochs=1, lr_decay=0.5) for epoch in (1, 2, 3)]
    assert exponential == [0.8, 0.4, 0.2]


def test_weight_decay_is_of_the_matrices_alone(few: Data) -> None:
    # At a gradient of zero what is left of a parameter is what decay leaves.
    def still(w: Tensor, dw: Tensor, config: Any = None) -> Any:
        return sgd(w, 0 * dw, config)

    model = net()
    for name in ("b1", "b2"):
        model.params[name] = torch.ones_like(model.params[name])
    before = dict(model.params)
    config = {"learning_rate": 0.1, "weight_decay": 0.5}
    solver = Solver(model, few, still, config, num_epochs=1, batch_size=250, seed=0)
    solver.epoch = 1
    solver._train_epoch()
    for name, w in model.params.items():
        torch.testing.assert_close(w, before[name] * (0.95 if name.startswith("W") else 1), msg=name)
    assert solver.optim_config == config


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


def test_rules_by_name_and_by_function_and_of_ones_own(few: Data) -> None:
    by_name = trained(few, update_rule="adam", optim_config={})
    by_function = trained(few, update_rule=adam, optim_config={})
    assert by_name.loss_history == by_function.loss_history

    def signs(w: Tensor, dw: Tensor, config: Any = None) -> Any:
        return w - config["learning_rate"] * dw.sign(), dict(config)

    own = trained(few, update_rule=signs, optim_config={"learning_rate": 0.01}, lr_decay=0.9)
    assert own.loss_history[-1] < own.loss_history[0]


@pytest.mark.parametrize("lr_schedule", ["exponential", "cosine"])
def test_a_rule_of_ones_own_may_bring_its_own_learning_rate(few: Data, lr_schedule: str) -> None:
    def with_default(w: Tensor, dw: Tensor, config: Any = None) -> Any:
        settings = {"learning_rate": 0.1, **(config or {})}
        return w - settings["learning_rate"] * dw, settings

    options = {"lr_schedule": lr_schedule, "lr_decay": 0.5, "num_epochs": 3}
    own = trained(few, update_rule=with_default, optim_config=None, **options)
    assert own.loss_history == trained(few, optim_config={"learning_rate": 0.1}, **options).loss_history


def test_a_cosine_begins_anew_after_training_that_ended_early(few: Data) -> None:
    solver = Solver(net(), few, optim_config={"learning_rate": 0.1}, num_epochs=4, seed=0, lr_schedule="cosine")
    solver.epoch = 2  # as a loss that is not finite leaves it
    expected = [scheduled_rate("cosine", 0.1, epoch=epoch, epochs=4) for epoch in (1, 2, 3, 4)]
    assert rates_of(solver, 4) == pytest.approx(expected, rel=1e-12)


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
    solver = trained(few, device="cuda", num_epochs=20)
    assert {value.device.type for value in solver.best_params.values()} == {"cuda"}
    assert solver.best_val_acc > 0.8
