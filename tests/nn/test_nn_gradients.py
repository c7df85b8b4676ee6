"""Every backward pass against central differences and autograd, and proof that the checker can fail."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from fcsearch.nn import Linear, ReLU, update_rules
from fcsearch.nn.activations import ACTIVATIONS
from fcsearch.nn.gradcheck import (
    AUTOGRAD,
    DIFFERENCES,
    Case,
    Check,
    autograd_gradient,
    check_case,
    numeric_gradient,
    relative_error,
)
from fcsearch.nn.losses import LOSSES
from fcsearch.nn.selfcheck import gradient_cases, run_checks, update_rule_checks

CASES = {case.name: case for case in gradient_cases()}


@pytest.mark.parametrize("name", CASES)
def test_backward_agrees_with_differences_and_autograd(name: str) -> None:
    case = CASES[name]
    checks = check_case(case)
    assert {(c.quantity, c.reference) for c in checks} == {(q, r) for q in case.inputs for r in (DIFFERENCES, AUTOGRAD)}
    assert [check for check in checks if not check.passed] == []
    assert all(check.limit <= 1e-7 for check in checks)


@pytest.mark.parametrize("name", CASES)
def test_no_gradient_is_zero_throughout(name: str) -> None:
    """Zeros agree with zeros: a case whose gradients vanish would check nothing."""
    case = CASES[name]
    gradients = case.backward(case.inputs, torch.ones_like(case.forward(case.inputs)))
    assert all(gradient.abs().max() > 1e-6 for gradient in gradients.values())


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_sign_fails_whichever_gradient_has_it(name: str) -> None:
    case = CASES[name]
    for quantity in case.inputs:

        def backward(inputs, dout, quantity=quantity):
            gradients = dict(case.backward(inputs, dout))
            return {**gradients, quantity: -gradients[quantity]}

        failed = {
            check.quantity for check in check_case(dataclasses.replace(case, backward=backward)) if not check.passed
        }
        assert failed == {quantity}


@pytest.mark.parametrize("factor", [1 + 1e-6, 1 - 1e-6, 0.5, 2.0, float("nan")])
def test_a_wrong_factor_fails(factor: float) -> None:
    case = CASES["Linear, x (N, d1, d2)"]
    wrong = dataclasses.replace(
        case, backward=lambda t, dout: {k: g * factor for k, g in case.backward(t, dout).items()}
    )
    assert not any(check.passed for check in check_case(wrong))


def test_an_error_in_a_layer_reaches_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReLU, "backward", staticmethod(lambda dout, _: dout))
    failed = {check.subject for check in run_checks() if not check.passed}
    assert {
        "ReLU",
        "ReLU, at exactly 0",
        "Linear_ReLU, x (N, D)",
        "TwoLayerNet",
        "FullyConnectedNet, depth 5, L2",
    } <= failed
    assert not any(subject.startswith(("Linear,", "Dropout", "adam")) for subject in failed)


def test_the_seeds_gradient_at_the_corner_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReLU, "backward", staticmethod(lambda dout, x: (x >= 0) * dout))
    assert [check.subject for check in run_checks() if not check.passed] == ["ReLU, at exactly 0"]


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_an_update_rule_with_the_wrong_sign_fails(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = update_rules.RULES[rule]
    monkeypatch.setitem(update_rules.RULES, rule, lambda w, dw, config: right(w, -dw, config))
    failed = {check.subject for check in update_rule_checks() if not check.passed}
    assert failed == {f"{rule}, 50 steps{suffix}" for suffix in ("", ", weight decay")}


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_a_weight_decay_that_is_not_scaled_by_the_rate_fails(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = update_rules.RULES[rule]

    def wrong(w: Tensor, dw: Tensor, config: Any) -> Any:
        decay = config.get("weight_decay", 0.0)
        moved, state = right(w, dw, {**config, "weight_decay": 0.0})
        return moved - decay * w, {**state, "weight_decay": decay}

    monkeypatch.setitem(update_rules.RULES, rule, wrong)
    failed = {
        check.subject for check in update_rule_checks() if check.subject.startswith(f"{rule},") and not check.passed
    }
    assert failed == {f"{rule}, 50 steps, weight decay"}


def test_every_layer_activation_loss_network_and_rule_is_checked() -> None:
    found = {check.subject.split(",")[0] for check in run_checks()}
    layers_and_nets = {"Linear", "Linear_ReLU", "Dropout", "TwoLayerNet", "FullyConnectedNet"}
    layers_and_nets |= {"Periodic", "NumberwiseLinear", "PeriodicEmbedding"}
    functions = {function.__name__ for function in (*ACTIVATIONS.values(), *LOSSES.values())}
    assert found == layers_and_nets | functions | set(update_rules.RULES)


def test_relative_error_is_by_the_largest_elements() -> None:
    assert relative_error(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 5.0])) == pytest.approx(1 / 9)
    assert relative_error(torch.zeros(3), torch.zeros(3)) == 0
    assert relative_error(torch.zeros(3), torch.zeros(1, 3)) == float("inf")
    assert not Check("s", "q", AUTOGRAD, float("nan")).passed


def test_both_references_know_a_gradient_in_closed_form() -> None:
    x = torch.tensor([[0.3, -1.2], [2.0, 0.7]], dtype=torch.float64)
    dout = torch.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=torch.float64)
    before = x.clone()

    def cube(value: Tensor) -> Tensor:
        return value**3

    assert relative_error(numeric_gradient(cube, x, dout), 3 * x**2 * dout) < 1e-9
    assert relative_error(autograd_gradient(cube, x, dout), 3 * x**2 * dout) < 1e-14
    assert torch.equal(x, before)
    assert not x.requires_grad


def test_the_check_sends_uneven_gradients_back() -> None:
    """With equal upstream gradients a transposed dout would go unseen."""
    x = torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    case = Case("transposed", {"x": x}, lambda t: 2 * t["x"], lambda t, dout: {"x": 2 * dout.T})  # noqa: ARG005
    assert not any(check.passed for check in check_case(case))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_every_check_passes_on_a_gpu() -> None:
    assert [check for check in run_checks("cuda") if not check.passed] == []


def test_linear_backward_params_is_linear_backward_less_dx() -> None:
    for shape in ((4, 6), (4, 2, 3)):
        x, w, b = torch.randn(shape), torch.randn(6, 5), torch.randn(5)
        out, cache = Linear.forward(x, w, b)
        _, dw, db = Linear.backward(out, cache)
        assert all(map(torch.equal, Linear.backward_params(out, cache), (dw, db)))
        assert dw.shape == w.shape
        assert db.shape == b.shape
