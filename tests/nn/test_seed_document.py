"""The check sections of the document that the network is specified in, in its order: 1 to 6, up to the two-layer net.

`In the document` gives its number or its claim; the assertion says what holds here. Where the document is wrong, the
test's name says so, and the test shows it. What was drawn on the author's GPU is drawn anew here, so those numbers are
held to their bounds.
"""

import io
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from document_cases import F64, Data, affine_case, classes, network_errors, normal, worst_errors

from fcsearch.nn import (
    Linear,
    Linear_ReLU,
    ReLU,
    Solver,
    TwoLayerNet,
    softmax_loss,
    svm_loss,
)
from fcsearch.nn.gradcheck import Case, numeric_gradient, relative_error

# ---------------------------------------------------------------------------------------------------- 1. Linear Layer


def test_1_linear_forward() -> None:
    """In the document: x of shape (2, 4, 5, 6); 'the result error is 3.68e-8'."""
    x = torch.linspace(-0.1, 0.5, 2 * 120, dtype=F64).reshape(2, 4, 5, 6)
    w = torch.linspace(-0.2, 0.3, 120 * 3, dtype=F64).reshape(120, 3)
    b = torch.linspace(-0.3, 0.1, 3, dtype=F64)
    out, _ = Linear.forward(x, w, b)
    # The document's figure is the error of its course's reference, which was computed in single precision.
    single = torch.tensor([[1.49834984, 1.70660150, 1.91485316], [3.25553226, 3.51413301, 3.77273372]]).double()
    assert f"{relative_error(out, single):.2e}" == "3.68e-08"
    # In double precision the error is that of writing 8 decimals.
    double = torch.tensor([[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]], dtype=F64)
    assert relative_error(out, double) < 1e-9


def test_1_linear_backward() -> None:
    """In the document: dx 5.22e-10, dw 3.49e-10, db 5.37e-10, 'which all are less than 1e-7'."""
    errors = worst_errors(affine_case(Linear))
    assert set(errors) == {"x", "w", "b"}
    assert max(errors.values()) < 3.49e-10


# ------------------------------------------------------------------------------------------------- 2. ReLU Activation


def test_2_relu_forward() -> None:
    """In the document: 'forward difference = 4.54e-9'."""
    x = torch.linspace(-0.5, 0.5, 12, dtype=F64).reshape(3, 4)
    printed = torch.tensor(
        [[0, 0, 0, 0], [0, 0, 0.04545455, 0.13636364], [0.22727273, 0.31818182, 0.40909091, 0.5]], dtype=F64
    )
    # Again the error of writing 8 decimals; the document cuts 4.545e-9 to 4.54e-9.
    assert relative_error(ReLU.forward(x)[0], printed) == pytest.approx(4.545e-9, abs=0.001e-9)


def test_2_relu_backward() -> None:
    """In the document: 'backward difference = 2.63e-10'."""
    case = Case(
        "ReLU",
        {"x": normal("relu", 10, 10)},
        lambda t: ReLU.forward(t["x"])[0],
        lambda t, dout: {"x": ReLU.backward(dout, ReLU.forward(t["x"])[1])},
    )
    assert worst_errors(case)["x"] < 2.63e-10


def test_2_wrong_relu_passes_the_gradient_at_zero() -> None:
    """In the document: `dx = (x >= 0) * dout`. WRONG at exactly 0, where torch.relu's gradient is 0."""
    x, dout = torch.zeros(1, requires_grad=True), torch.ones(1)
    torch.relu(x).backward(dout)
    document = (x >= 0) * dout
    assert x.grad is not None
    assert ReLU.backward(dout, x.detach()) == x.grad == 0
    assert document == 1


def test_2_without_a_nonlinearity_layers_collapse_to_one_product() -> None:
    """In the document: 'Otherwise, there is no difference between neural network and linear matrix multiplication'.

    True.
    """
    x, w1, b1, w2, b2 = (normal(str(i), *shape) for i, shape in enumerate([(7, 6), (6, 5), (5,), (5, 4), (4,)]))
    one = Linear.forward(x, w1 @ w2, b1 @ w2 + b2)[0]
    torch.testing.assert_close(Linear.forward(Linear.forward(x, w1, b1)[0], w2, b2)[0], one)
    assert not torch.allclose(Linear.forward(Linear_ReLU.forward(x, w1, b1)[0], w2, b2)[0], one)


# --------------------------------------------------------------------------------------------------- 3. Linear - ReLU


def test_3_linear_relu_backward() -> None:
    """The document gives no numbers; the bound is that of its layers."""
    assert max(worst_errors(affine_case(Linear_ReLU)).values()) < 1e-7


# ----------------------------------------------------------------------------------------------- 4. Softmax and SVM


@pytest.mark.parametrize(("loss", "expected"), [(softmax_loss, math.log(10)), (svm_loss, 9.0)])
def test_4_losses_of_small_random_scores(loss, expected: float) -> None:
    """The document gives no numbers. Small scores cost about what chance does: log(10) = 2.3, and 9 margins of 1."""
    scores, y = 0.001 * normal("scores", 50, 10), classes(50, 10)
    value, dscores = loss(scores, y)
    assert value.item() == pytest.approx(expected, abs=2e-3)
    numeric = numeric_gradient(lambda s: loss(s, y)[0], scores, torch.tensor(1.0, dtype=F64))
    assert relative_error(dscores, numeric) < 1e-7


# ------------------------------------------------------------------------------------------------ 5. Two-Layer Network


def test_5_two_layer_net_initialisation() -> None:
    """In the document: weights 'from a Gaussian distribution' times weight_scale, biases 'initialized to zero'."""
    net = TwoLayerNet(input_dim=300, hidden_dim=500, num_classes=70, weight_scale=1e-2, seed=0)
    for name, value in net.params.items():
        if name.startswith("W"):
            assert value.std().item() == pytest.approx(1e-2, rel=0.02)
        else:
            assert not value.any()


@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_5_two_layer_net_gradients(reg: float) -> None:
    """In the document: dW += 2 * reg * W. True, and checked with a reg that is not zero."""
    net = TwoLayerNet(input_dim=12, hidden_dim=10, num_classes=5, weight_scale=0.3, reg=reg, seed=0, dtype=F64)
    assert max(network_errors(net, n=3, of=5).values()) < 1e-7


# -------------------------------------------------------------------------------------------------------- 6. Solver


def test_6_learning_rate_by_epochs(digits: Data) -> None:
    """In the document: of 1e-1, 1e-2, 1e-3 by 10, 20, 30 epochs, '1e-1 and num_epochs = 30 was the best'.

    So it is on digits. The default weight scale of 1e-3 keeps the two lower rates near chance for 30 epochs.
    """
    grid = {}
    for rate in (1e-1, 1e-2, 1e-3):
        for epochs in (10, 20, 30):
            solver = Solver(TwoLayerNet(64, seed=0), digits, "sgd", {"learning_rate": rate}, num_epochs=epochs, seed=0)
            solver.train()
            grid[rate, epochs] = solver.best_val_acc
    assert max(grid, key=lambda cell: grid[cell]) == (1e-1, 30)
    assert grid[1e-1, 10] < grid[1e-1, 20] < grid[1e-1, 30]
    assert grid[1e-1, 30] > 0.75
    assert max(grid[1e-2, 30], grid[1e-3, 30]) < 0.2


def shared_file(name: str) -> Path:
    shared = Path(os.environ.get("FCSEARCH_SHARED", Path(__file__).parents[2].parent / "shared"))
    if not (shared / "data" / name).is_file():
        pytest.skip(f"needs {name} in ../shared/data or in FCSEARCH_SHARED/data")
    return shared / "data" / name


@pytest.mark.slow
def test_6_two_layer_net_on_cifar10() -> None:
    """In the document: 'learning rate: 1e-1, num_epochs = 10 -> val_acc: 0.508200'; 'at least 50%'.

    These images are JPEG-coded and cost about 0.006 of accuracy.
    """
    import pyarrow.parquet as pq
    from PIL import Image

    table = pq.read_table(shared_file("cifar10-train.parquet"))
    images = (Image.open(io.BytesIO(code.as_py())) for code in table["img"].combine_chunks().field("bytes"))
    rows = torch.from_numpy(np.stack([np.asarray(image) for image in images])).flatten(1).float() / 255
    rows = rows - rows[:40_000].mean(dim=0)
    y = torch.tensor(table["label"].to_numpy())
    data = {"X_train": rows[:40_000], "y_train": y[:40_000], "X_val": rows[40_000:], "y_val": y[40_000:]}
    solver = Solver(TwoLayerNet(seed=0), data, "sgd", {"learning_rate": 1e-1}, num_epochs=10, seed=0)
    solver.train()
    assert solver.best_val_acc == pytest.approx(0.502, abs=0.012)
