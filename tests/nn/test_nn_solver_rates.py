"""What the Solver's rules and schedules do to its steps."""

import math
from typing import Any

import pytest
import torch
from solver_runs import Data, net, trained
from torch import Tensor

from fcsearch.nn import FullyConnectedNet, Solver, adam, sgd
from fcsearch.nn.schedules import scheduled_rate


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
