"""Networks: scores and losses by other means, seeds, saving and loading, and overfitting."""

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_nets import labels, rows, small_net
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn import Dropout, FullyConnectedNet, Linear, NetworkSettings, Solver, TwoLayerNet

DTYPES = (torch.float32, torch.float64)


def plain_scores(params: dict[str, Tensor], X: Tensor) -> Tensor:
    hidden, depth = X.flatten(1), len(params) // 2
    for layer in range(1, depth + 1):
        hidden = F.linear(hidden, params[f"W{layer}"].T, params[f"b{layer}"])
        hidden = F.relu(hidden) if layer < depth else hidden
    return hidden


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden_dims", [[], [7], [7, 6], [7, 6, 5, 4]])
def test_scores_are_those_of_stacked_linear_and_relu(hidden_dims: list[int], dtype: torch.dtype) -> None:
    net = small_net(hidden_dims, dtype=dtype, dropout=0.5)
    for layer in range(1, net.depth + 1):
        net.params[f"b{layer}"] = torch.linspace(-1, 1, net.params[f"b{layer}"].numel(), dtype=dtype)
    X = rows(9, 3, 4, dtype=dtype)
    scores = net.loss(X)
    assert scores.dtype == dtype
    torch.testing.assert_close(scores, plain_scores(net.params, X))


@pytest.mark.parametrize("loss", ["softmax", "svm"])
def test_the_loss_adds_reg_times_the_sum_of_squared_weights_and_not_of_biases(loss: str) -> None:
    net = small_net([7, 6], loss=loss)
    for layer in (1, 2, 3):
        net.params[f"b{layer}"] = net.params[f"b{layer}"] + 3
    X, y = rows(9, 12), labels(9)
    oracle = F.cross_entropy if loss == "softmax" else lambda s, t: F.multi_margin_loss(s, t) * s.shape[1]
    plain, plain_grads = net.loss(X, y)
    torch.testing.assert_close(plain, oracle(plain_scores(net.params, X), y))
    net.reg = 0.3
    regularised, grads = net.loss(X, y)
    squares = sum(net.params[f"W{layer}"].square().sum() for layer in (1, 2, 3))
    torch.testing.assert_close(regularised, plain + 0.3 * squares)
    for layer in (1, 2, 3):
        torch.testing.assert_close(grads[f"W{layer}"], plain_grads[f"W{layer}"] + 0.6 * net.params[f"W{layer}"])
        torch.testing.assert_close(grads[f"b{layer}"], plain_grads[f"b{layer}"])


def test_the_courses_two_layer_numbers() -> None:
    """CS231n's and EECS598's check of the two-layer net, whose numbers their notebooks print."""
    net = TwoLayerNet(input_dim=5, hidden_dim=50, num_classes=7, dtype=torch.float64)
    net.params["W1"] = torch.linspace(-0.7, 0.3, 250, dtype=torch.float64).reshape(5, 50)
    net.params["b1"] = torch.linspace(-0.1, 0.9, 50, dtype=torch.float64)
    net.params["W2"] = torch.linspace(-0.3, 0.4, 350, dtype=torch.float64).reshape(50, 7)
    net.params["b2"] = torch.linspace(-0.9, 0.1, 7, dtype=torch.float64)
    X, y = torch.linspace(-5.5, 4.5, 15, dtype=torch.float64).reshape(5, 3).T, torch.tensor([0, 5, 1])
    scores = net.loss(X)
    assert scores[0].tolist() == pytest.approx(
        [11.53165108, 12.2917344, 13.05181771, 13.81190102, 14.57198434, 15.33206765, 16.09215096], rel=1e-8
    )
    assert net.loss(X, y)[0].item() == pytest.approx(3.4702243556, rel=1e-9)
    net.reg = 1.0
    assert net.loss(X, y)[0].item() == pytest.approx(49.719461034881775, rel=1e-12)


def test_a_call_changes_neither_the_weights_nor_the_rows() -> None:
    net, X, y = small_net([7, 6], dropout=0.5, reg=0.1), rows(9, 12), labels(9)
    given = {**net.params, "X": X, "y": y}
    before = {name: tensor.clone() for name, tensor in given.items()}
    net.loss(X, y)
    net.loss(X)
    assert all(torch.equal(given[name], before[name]) for name in given)
    assert all(net.params[name] is given[name] for name in net.params)


def test_a_seed_repeats_weights_and_masks() -> None:
    X, y = rows(40, 12), labels(40)
    net, same, other = (small_net([30, 30], dropout=0.5, seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(net.params[name], same.params[name]) for name in net.params)
    assert not torch.equal(net.params["W1"], other.params["W1"])
    assert net.loss(X, y)[0] == net.loss(X, y)[0] == same.loss(X, y)[0]
    net.dropout_seed = 5
    assert net.loss(X, y)[0] != same.loss(X, y)[0]


def test_layers_of_one_width_drop_different_units() -> None:
    net = small_net([30, 30], dropout=0.5)
    ones = {f"W{layer}": torch.ones_like(net.params[f"W{layer}"]) for layer in (1, 2, 3)}
    net = FullyConnectedNet.from_params({**net.params, **ones}, NetworkSettings(dropout=0.5), seed=0)
    _, grads = net.loss(rows(1, 12).abs(), labels(1))
    assert not torch.equal(grads["b1"] == 0, grads["b2"] == 0)


def test_without_a_seed_masks_and_weights_change() -> None:
    X, y = rows(40, 12), labels(40)
    net, other = (small_net([30], dropout=0.5, seed=None) for _ in range(2))
    assert net.loss(X, y)[0] != net.loss(X, y)[0]
    assert not torch.equal(net.params["W1"], other.params["W1"])


def test_without_a_seed_torchs_own_seed_repeats_the_weights() -> None:
    with torch.random.fork_rng():
        nets = []
        for _ in range(2):
            torch.manual_seed(8)
            nets.append(small_net([30], seed=None))
    assert torch.equal(nets[0].params["W1"], nets[1].params["W1"])


def test_the_defaults_are_the_seeds() -> None:
    two = TwoLayerNet(seed=0)
    assert (two.input_dim, two.hidden_dims, two.num_classes, two.reg) == (3072, (100,), 10, 0.0)
    assert two.params["W1"].std().item() == pytest.approx(1e-3, rel=0.02)
    deep = FullyConnectedNet([20, 30], seed=0)
    assert (deep.input_dim, deep.hidden_dims, deep.num_classes, deep.depth) == (3072, (20, 30), 10, 3)
    assert deep.params["W1"].std().item() == pytest.approx(1e-2, rel=0.02)
    assert deep.num_parameters == 3073 * 20 + 21 * 30 + 31 * 10
    assert (deep.dtype, deep.device, deep.dropout) == (torch.float32, torch.device("cpu"), 0.0)


@pytest.mark.parametrize("hidden_dims", [[], [7, 6]])
@pytest.mark.parametrize("seed", [3, None])
def test_input_dropout_drops_features_in_training_alone(hidden_dims: list[int], seed: int | None) -> None:
    net = small_net(hidden_dims, input_dropout=0.4, seed=seed)
    X, y = rows(3000, 12).abs() + 1, labels(3000)
    plain = FullyConnectedNet.from_params(net.params)
    assert torch.equal(net.loss(X), plain.loss(X))
    seen: list[Tensor] = []
    forward = Linear.forward

    def spy(x: Tensor, w: Tensor, b: Tensor) -> object:
        seen.append(x)
        return forward(x, w, b)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Linear, "forward", staticmethod(spy))
        loss, grads = net.loss(X, y)
    dropped = seen[0] == 0
    # Five standard errors of the share of 36,000 features.
    assert dropped.double().mean().item() == pytest.approx(0.4, abs=5 * (0.4 * 0.6 / 36_000) ** 0.5)
    torch.testing.assert_close(seen[0][~dropped], (X / 0.6)[~dropped])
    # The gradients, the first layer's among them, are those of the rows as they were dropped.
    expected_loss, expected = plain.loss(seen[0], y)
    torch.testing.assert_close(loss, expected_loss)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, expected[name], msg=name)


def test_the_input_is_dropped_by_a_mask_of_its_own_which_a_seed_repeats() -> None:
    X, y = rows(40, 12), labels(40)
    net = small_net([12], input_dropout=0.5, seed=3)
    assert net.loss(X, y)[0] == net.loss(X, y)[0]
    seeds: list[int] = []
    forward = Dropout.forward

    def spy(x: Tensor, param: dict[str, Any]) -> object:
        seeds.append(param["seed"])
        return forward(x, param)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dropout, "forward", staticmethod(spy))
        small_net([12, 12], input_dropout=0.5, dropout=0.5, seed=3).loss(X, y)
    assert len(seeds) == len(set(seeds)) == 3
    net.dropout_seed = 5
    assert net.loss(X, y)[0] != small_net([12], input_dropout=0.5, seed=3).loss(X, y)[0]
    free = small_net([12], input_dropout=0.5, seed=None)
    assert free.loss(X, y)[0] != free.loss(X, y)[0]


def test_label_smoothing_is_of_the_softmax_loss_alone() -> None:
    X, y = rows(9, 12), labels(9)
    net = small_net([7], label_smoothing=0.3)
    torch.testing.assert_close(net.loss(X, y)[0], F.cross_entropy(net.loss(X), y, label_smoothing=0.3))
    assert small_net([7], label_smoothing=0.3, loss="svm").loss(X, y)[0] == small_net([7], loss="svm").loss(X, y)[0]


def test_weights_of_two_dtypes_are_refused() -> None:
    with pytest.raises(ConfigError, match="all float32 or all float64"):
        FullyConnectedNet.from_params({"W1": torch.zeros(4, 3), "b1": torch.zeros(3).double()})


@pytest.mark.parametrize(
    "shapes",
    [
        {},
        {"W1": (4, 3), "b1": (4,)},
        {"W1": (4, 3), "b1": (3,), "W2": (4, 2), "b2": (2,)},
        {"W1": (4, 3), "b2": (3,)},
        {"W1": (2, 4, 3), "b1": (2, 3)},
    ],
)
def test_weights_that_do_not_fit_together_are_refused(shapes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ConfigError, match=r"params must be W1 \(D, H1\)"):
        FullyConnectedNet.from_params({name: torch.zeros(shape) for name, shape in shapes.items()})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 1.0}, r"dropout must be a number in \[0, 1\); found 1.0"),
        ({"dropout": "0.5"}, "found '0.5'"),
        ({"input_dropout": 1.0}, r"input_dropout must be a number in \[0, 1\); found 1.0"),
        ({"label_smoothing": -0.1}, r"label_smoothing must be a number in \[0, 1\); found -0.1"),
        ({"reg": -1e-3}, "reg must be a number of at least 0; found -0.001"),
        ({"loss": "sofmax"}, "unknown loss 'sofmax'; did you mean 'softmax'"),
        ({"dtype": torch.float16}, "dtype must be torch.float32 or torch.float64; found torch.float16"),
        ({"weight_scale": 0.0}, "weight_scale must be a number above 0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small_net([7], **options)


@pytest.mark.parametrize("shape", [(9, 11), (9, 3, 5), (12,), ()])
def test_rows_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="X must hold rows of 12 values"):
        small_net([7]).loss(torch.zeros(shape))


@pytest.mark.parametrize("hidden_dims", [[100], [100] * 4])
def test_a_net_overfits_fifty_examples_within_twenty_epochs_by_the_svm_loss(
    hidden_dims: list[int], digits: dict[str, Tensor]
) -> None:
    """By the softmax loss: test_7_overfits_fifty_examples_in_twenty_epochs."""
    net = FullyConnectedNet(hidden_dims, input_dim=64, weight_scale="kaiming", seed=0, loss="svm")
    fifty = {**digits, "X_train": digits["X_train"][:50], "y_train": digits["y_train"][:50]}
    solver = Solver(net, fifty, "adam", {"learning_rate": 3e-3}, num_epochs=20, batch_size=25, seed=0)
    solver.train()
    assert solver.train_acc_history[-1] == 1.0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_a_seed_means_the_same_weights_and_scores_on_a_gpu() -> None:
    nets = [small_net([30, 20], device=device) for device in ("cpu", "cuda")]
    for a, b in itertools.zip_longest(*(net.params.values() for net in nets)):
        assert torch.equal(a, b.cpu())
    scores = [net.loss(rows(9, 12)).cpu() for net in nets]
    torch.testing.assert_close(*scores)
