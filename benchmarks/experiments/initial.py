"""Sections 9 and 10: what dropout does to the mean, the initial loss and the relative errors, over many draws.

No run is needed: these are properties of the network, computed here in seconds at the sizes of the document's course.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from marks import markdown
from torch import Tensor

from fcsearch.nn import Dropout, FullyConnectedNet
from fcsearch.nn.gradcheck import numeric_gradient, relative_error

F64 = torch.float64
DRAWS = 500
GRADIENT_DRAWS = 20
DOCUMENT_LOSS = {0.0: "2.305", 0.25: "2.305", 0.5: "2.284"}
DOCUMENT_ERRORS = {0.0: "3.4e-9 to 1.3e-7", 0.25: "3.0e-9 to 9.9e-8", 0.5: "2.8e-9 to 3.0e-8"}
DOCUMENT_MEANS = {0.25: "9.9899", 0.4: "9.9736", 0.7: "10.0075"}


def tables() -> dict[str, str]:
    """The mean by p, the initial loss by p and weight scale, and the relative errors by p."""
    return {"dropout-mean": _means(), "dropout-initial": _initial()}


def _means() -> str:
    x = 10 + torch.randn(500, 500, generator=torch.Generator().manual_seed(0), dtype=F64)
    rows = []
    for p, document in DOCUMENT_MEANS.items():
        means = torch.stack(
            [Dropout.forward(x, {"mode": "train", "p": p, "seed": seed})[0].mean() for seed in range(100)]
        )
        rows.append([p, document, f"{means.mean():.4f} ± {means.std():.4f}"])
    return markdown(["p", "document (input: 9.9973)", f"here (input: {x.mean():.4f}), 100 masks"], rows)


def _initial() -> str:
    rows = []
    base = {scale: _losses(0.0, scale) for scale in (5e-2, 0.5)}
    for p in DOCUMENT_LOSS:
        row: list[object] = [p, DOCUMENT_LOSS[p]]
        for scale in (5e-2, 0.5):
            losses = _losses(p, scale)
            change = losses - base[scale]
            text = f"{losses.mean():.4f} ± {losses.std():.4f}"
            row += [text, f"{change.mean():+.4f} ± {change.std() / DRAWS**0.5:.4f}" if p else ""]
        errors = torch.tensor([_worst_error(p, seed) for seed in range(GRADIENT_DRAWS)], dtype=F64)
        low, middle, high = torch.quantile(errors, torch.tensor([0.25, 0.5, 0.75], dtype=F64))
        rows.append([*row, DOCUMENT_ERRORS[p], f"{middle:.1e} ({low:.1e} to {high:.1e})"])
    header = ["dropout", "document: initial loss", "weight_scale 0.05", "change", "weight_scale 0.5", "change"]
    return markdown([*header, "document: relative errors", "here: largest of the six, median (quartiles)"], rows)


def _net(dropout: float, seed: int, scale: float) -> FullyConnectedNet:
    return FullyConnectedNet([20, 30], 15, 10, dropout=dropout, weight_scale=scale, seed=seed, dtype=F64)


def _rows(seed: int) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(2, 15, generator=source, dtype=F64), torch.randint(10, (2,), generator=source)


def _losses(dropout: float, scale: float) -> Tensor:
    return torch.stack([_net(dropout, seed, scale).loss(*_rows(seed))[0] for seed in range(DRAWS)])


def _worst_error(dropout: float, seed: int) -> float:
    """The largest relative error of a gradient against central differences, of the six weights and biases."""
    net = _net(dropout, seed, 5e-2)
    X, y = _rows(seed)
    gradients = net.loss(X, y)[1]
    one = torch.tensor(1.0, dtype=F64)
    errors = [
        relative_error(gradients[name], numeric_gradient(_loss_by(net, name, X, y), value, one))
        for name, value in list(net.params.items())
    ]
    return float(max(errors))


def _loss_by(net: FullyConnectedNet, name: str, X: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
    kept = net.params[name]

    def loss(value: Tensor) -> Tensor:
        net.params[name] = value
        found: Tensor = net.loss(X, y)[0]
        net.params[name] = kept
        return found

    return loss
