"""One trial as PyTorch's users train it: torch.nn, autograd, torch.optim, and rows that are resident on the device.

Imports torch alone, because every worker of a peer imports it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Rows = dict[str, Tensor]


def prepare() -> None:
    """Compute with one thread, as the peers run a process a core, and without denormal numbers, as packs do."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    # The first optimizer imports much of torch: start-up, and no trial's time.
    torch.optim.SGD([torch.zeros(1, requires_grad=True)])


def to_device(arrays: Mapping[str, np.ndarray], device: str) -> Rows:
    """Rows as tensors on the device; on the CPU they share the arrays' memory."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


class TorchTrial:
    """A network in training.

    Args:
        parameters: By the names of a space, with `seed`; those not named take fcsearch's defaults.
        rows: `X_train` (N, D), `y_train` (N,), `X_val`, `y_val`, on the device; `X_test` and `y_test` for test_score.
            Targets that are no integers make a regression: they are standardized, and `target_scale` is their unit.

    Scores are accuracies; of a regression minus the RMSE, in the target's own unit.
    """

    def __init__(self, parameters: Mapping[str, Any], rows: Rows) -> None:
        self._rows = rows
        self._parameters = parameters
        torch.manual_seed(parameters["seed"])
        self._regression = rows["y_train"].is_floating_point()
        inputs, outputs = rows["X_train"].shape[1], 1 if self._regression else int(rows["y_train"].max()) + 1
        self._net = _network(parameters, inputs, outputs).to(rows["X_train"].device)
        self._optimizer = _optimizer(parameters, self._net)
        self._schedule = _schedule(parameters, self._optimizer)
        self._loss = _squared if self._regression else _LOSSES[parameters.get("loss", "softmax")]
        self.epochs = int(parameters["epochs"])
        self.epochs_run = 0
        self.best_score: float | None = None
        self.over = False

    def epoch(self) -> float | None:
        """Train an epoch, validate, and return the best validation score so far.

        As in fcsearch, an epoch is made of whole minibatches, and a loss that is not finite ends the trial.
        """
        X, y = self._rows["X_train"], self._rows["y_train"]
        size = min(self._parameters.get("batch_size", 100), len(X))
        order = torch.randperm(len(X), device=X.device)
        self._net.train()
        for batch in torch.split(order[: len(X) // size * size], size):
            loss = self._loss(self._net(X[batch]), y[batch])
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
        self._schedule.step()
        score = self._score("val")
        if score is None:
            self.over = True
        elif self.best_score is None or score > self.best_score:
            self.best_score = score
        self.epochs_run += 1
        self.over = self.over or self.epochs_run >= self.epochs
        return self.best_score

    def test_score(self) -> float | None:
        """The test rows' score of the network as it is."""
        return self._score("test")

    def _score(self, split: str) -> float | None:
        self._net.eval()
        y = self._rows[f"y_{split}"]
        with torch.inference_mode():
            scores = self._net(self._rows[f"X_{split}"])
            loss = self._loss(scores, y)
            right = -loss.sqrt() * self._rows["target_scale"] if self._regression else (scores.argmax(1) == y).float()
            finite, score = torch.stack([torch.isfinite(loss).float(), right.mean().float()]).tolist()
        return score if finite else None


def _network(parameters: Mapping[str, Any], inputs: int, outputs: int) -> nn.Sequential:
    width, dropout = parameters.get("hidden_dim", 100), parameters.get("dropout", 0.0)
    hidden = parameters.get("hidden_dims", [width] * (parameters.get("depth", 2) - 1))
    normal = parameters.get("init", "kaiming") == "normal"
    layers: list[nn.Module] = []
    for before, units in zip((inputs, *hidden), (*hidden, outputs), strict=True):
        layer = nn.Linear(before, units)
        nn.init.normal_(layer.weight, std=parameters.get("weight_scale", 1e-2) if normal else math.sqrt(2 / before))
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU(inplace=True)] + ([nn.Dropout(dropout)] if dropout else [])
    return nn.Sequential(*layers[: len(layers) - (2 if dropout else 1)])


def _optimizer(parameters: Mapping[str, Any], net: nn.Module) -> torch.optim.Optimizer:
    # The loss gains reg * sum(W**2): a gradient of 2 * reg * W, on the weights and not on the biases.
    groups = [
        {"params": [p for p in net.parameters() if p.dim() == 2], "weight_decay": 2 * parameters.get("reg", 0.0)},
        {"params": [p for p in net.parameters() if p.dim() == 1]},
    ]
    rule, lr = parameters.get("update_rule", "sgd"), parameters.get("learning_rate", 1e-2)
    fused = _fused(rule, next(net.parameters()).device.type)
    if rule == "adam":
        betas = (parameters.get("beta1", 0.9), parameters.get("beta2", 0.999))
        if "weight_decay" in parameters:  # decoupled, and on the weights alone
            groups[0]["weight_decay"], groups[1]["weight_decay"] = parameters["weight_decay"], 0.0
            return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=parameters.get("epsilon", 1e-8), **fused)
        return torch.optim.Adam(groups, lr=lr, betas=betas, eps=parameters.get("epsilon", 1e-8), **fused)
    if rule == "rmsprop":
        decay, epsilon = parameters.get("decay_rate", 0.99), parameters.get("epsilon", 1e-8)
        return torch.optim.RMSprop(groups, lr=lr, alpha=decay, eps=epsilon, **fused)
    momentum = parameters.get("momentum", 0.9) if rule == "sgd_momentum" else 0.0
    return torch.optim.SGD(groups, lr=lr, momentum=momentum, **fused)


def _schedule(parameters: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    if parameters.get("lr_schedule") == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, int(parameters["epochs"]))
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, parameters.get("lr_decay", 1.0))


def _fused(rule: str, device: str) -> dict[str, bool]:
    """The faster implementation: fused, but for SGD on a CPU, where foreach is (benchmarks/step.py times both)."""
    if rule == "rmsprop" or (rule != "adam" and device == "cpu"):
        return {"foreach": True}
    return {"fused": True}


def _svm(scores: Tensor, y: Tensor) -> Tensor:
    # torch divides by the number of classes; the multiclass hinge loss of the course does not.
    return functional.multi_margin_loss(scores, y) * scores.shape[1]


def _squared(scores: Tensor, y: Tensor) -> Tensor:
    return functional.mse_loss(scores[:, 0], y)


_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"softmax": functional.cross_entropy, "svm": _svm}
