"""Fully connected networks: Linear and ReLU, and dropout, for every hidden layer, then Linear."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, overload

import torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn.init import WeightScale, initial_weights
from fcsearch.nn.layers import Dropout, Linear, Linear_ReLU
from fcsearch.nn.losses import LOSSES, softmax_loss
from fcsearch.nn.options import number, one_of
from fcsearch.nn.random import key
from fcsearch.nn.storage import load_tensors, save_tensors

_METADATA_KEY = "fcsearch.network"
_DTYPES = (torch.float32, torch.float64)
# What a network is beside its weights; a file has these and the seed of the dropout masks.
NETWORK_SETTINGS = ("dropout", "reg", "loss", "input_dropout", "label_smoothing")
# Those that files of earlier versions lack, and what such networks had in their place.
_LATER_SETTINGS = {"input_dropout": 0.0, "label_smoothing": 0.0}


def _names(depth: int) -> list[str]:
    return [f"{kind}{layer}" for layer in range(1, depth + 1) for kind in "Wb"]


class FullyConnectedNet:
    """A classifier of any depth: [Dropout] - {Linear - ReLU - [Dropout]} x (depth - 1) - Linear - loss.

    Its loss adds `reg * sum(W**2)` over the weight matrices; biases are not regularised.

    Args:
        hidden_dims: Units of each hidden layer, first to last; empty for a linear classifier.
        input_dim: D, values in a row of the input.
        num_classes: C, columns of the scores.
        dropout: Probability of dropping a hidden unit, in [0, 1).
        reg: L2 strength, at least 0.
        weight_scale: Standard deviation of the initial weights, or `kaiming` for sqrt(2 / fan_in) of each layer.
        seed: Key of the initial weights and of the dropout masks. The masks then repeat from call to call, so that a
            numeric gradient check works. Without it the weights come from torch's global generator, and every call
            drops other units.
        dtype: torch.float32 or torch.float64.
        device: Where the network lives.
        loss: `softmax` or `svm`.
        input_dropout: Probability of dropping a feature of the input, in [0, 1).
        label_smoothing: The part of each target that the softmax loss spreads over all classes, in [0, 1); see
            `softmax_loss`. The svm loss has none.

    Attributes:
        params: `W1` (D, H1), `b1` (H1,), ..., up to the layer that gives the scores.
        reg: L2 strength; may be set.
        dropout: Probability of dropping a hidden unit; may be set.
        input_dropout: Probability of dropping a feature of the input; may be set.
        label_smoothing: Of the softmax loss; may be set.
        dropout_seed: Key of the dropout masks; may be set, and None draws other masks at every call.

    Raises:
        ConfigError: a value outside its range.
    """

    def __init__(
        self,
        hidden_dims: Sequence[int],
        input_dim: int = 3072,
        num_classes: int = 10,
        dropout: float = 0.0,
        reg: float = 0.0,
        weight_scale: WeightScale = 1e-2,
        *,
        seed: int | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        loss: str = "softmax",
        input_dropout: float = 0.0,
        label_smoothing: float = 0.0,
    ) -> None:
        if dtype not in _DTYPES:
            raise ConfigError(f"dtype must be torch.float32 or torch.float64; found {dtype}")
        init_seed = int(torch.randint(2**62, ())) if seed is None else seed
        params = initial_weights(
            hidden_dims, input_dim, num_classes, weight_scale=weight_scale, seed=init_seed, dtype=dtype
        )
        self._setup(
            params,
            dropout=dropout,
            reg=reg,
            seed=seed,
            loss=loss,
            input_dropout=input_dropout,
            label_smoothing=label_smoothing,
        )
        self.to(device)

    def _setup(
        self,
        params: dict[str, Tensor],
        *,
        dropout: float,
        reg: float,
        seed: int | None,
        loss: str,
        input_dropout: float,
        label_smoothing: float,
    ) -> None:
        one_of("loss", [loss], LOSSES)
        shares = {"dropout": dropout, "input_dropout": input_dropout, "label_smoothing": label_smoothing}
        for name, share in shares.items():
            number(name, share, minimum=0, below=1)
        number("reg", reg, minimum=0)
        self.params = params
        self.dropout = dropout
        self.reg = reg
        self.dropout_seed = seed
        self.loss_name = loss
        self.input_dropout = input_dropout
        self.label_smoothing = label_smoothing

    @classmethod
    def from_params(
        cls,
        params: dict[str, Tensor],
        *,
        dropout: float = 0.0,
        reg: float = 0.0,
        seed: int | None = None,
        loss: str = "softmax",
        input_dropout: float = 0.0,
        label_smoothing: float = 0.0,
    ) -> Self:
        """Make a network around weights that exist; its sizes, dtype and device are theirs.

        Args:
            params: `W1` (D, H1), `b1` (H1,), `W2` (H1, H2), ...: the tensors themselves are used, not copies.
            dropout: See the class.
            reg: See the class.
            seed: Key of the dropout masks.
            loss: See the class.
            input_dropout: See the class.
            label_smoothing: See the class.

        Raises:
            ConfigError: the weights are not those of a network.
        """
        cls._check_params(params)
        net = cls.__new__(cls)
        ordered = {name: params[name] for name in _names(len(params) // 2)}
        net._setup(
            ordered,
            dropout=dropout,
            reg=reg,
            seed=seed,
            loss=loss,
            input_dropout=input_dropout,
            label_smoothing=label_smoothing,
        )
        return net

    @classmethod
    def _check_params(cls, params: dict[str, Tensor]) -> None:
        depth = len(params) // 2
        fits = (
            depth > 0
            and set(params) == set(_names(depth))
            and all(params[f"W{i + 1}"].dim() == 2 for i in range(depth))
        )
        for layer in range(1, depth + 1 if fits else 0):
            weights = params[f"W{layer}"]
            fits = fits and params[f"b{layer}"].shape == weights.shape[1:]
            fits = fits and (layer == 1 or len(weights) == params[f"W{layer - 1}"].shape[1])
        if not fits or {tensor.dtype for tensor in params.values()} not in ({dtype} for dtype in _DTYPES):
            found = {name: (tuple(tensor.shape), str(tensor.dtype)) for name, tensor in params.items()}
            raise ConfigError(
                "params must be W1 (D, H1), b1 (H1,), W2 (H1, H2), b2 (H2,), ..., all float32 or all float64; "
                f"found {found}"
            )

    @property
    def depth(self) -> int:
        """Number of Linear layers."""
        return len(self.params) // 2

    @property
    def hidden_dims(self) -> tuple[int, ...]:
        """Units of each hidden layer, first to last."""
        return tuple(self.params[f"b{layer}"].numel() for layer in range(1, self.depth))

    @property
    def input_dim(self) -> int:
        """D, values in a row of the input."""
        return self.params["W1"].shape[0]

    @property
    def num_classes(self) -> int:
        """C, columns of the scores."""
        return self.params[f"b{self.depth}"].numel()

    @property
    def num_parameters(self) -> int:
        """Weights and biases in all."""
        return sum(tensor.numel() for tensor in self.params.values())

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights and of the scores."""
        return self.params["W1"].dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.params["W1"].device

    def to(self, device: torch.device | str) -> Self:
        """Move the weights to a device; returns the network itself."""
        self.params = {name: tensor.to(device) for name, tensor in self.params.items()}
        return self

    @overload
    def loss(self, X: Tensor, y: None = None) -> Tensor: ...

    @overload
    def loss(self, X: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]: ...

    def loss(self, X: Tensor, y: Tensor | None = None) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Score some rows; with labels, the loss of training on them and its gradients.

        Args:
            X: (N, D) or (N, d1, ..., dk) with d1 * ... * dk = D; it is converted to the network's dtype and device.
            y: Labels, int64 in [0, C), (N,); or None for test mode: no dropout, and the scores alone.

        Returns:
            The scores (N, C); or the loss, of shape (), and the gradient of every entry of `params`, by its name.

        Raises:
            ConfigError: rows of another size.
        """
        scores, caches = self._forward(self._rows(X), "test" if y is None else "train")
        if y is None:
            return scores
        loss, dscores = self._loss(scores, y.to(self.device))
        grads = self._backward(dscores, caches)
        for layer in range(1, self.depth + 1 if self.reg else 1):
            weights = self.params[f"W{layer}"]
            loss = loss + self.reg * weights.square().sum()
            grads[f"W{layer}"] = grads[f"W{layer}"] + 2 * self.reg * weights
        return loss, grads

    def _loss(self, scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if self.loss_name == "softmax":
            return softmax_loss(scores, y, label_smoothing=self.label_smoothing)
        return LOSSES[self.loss_name](scores, y)

    def _forward(self, hidden: Tensor, mode: str) -> tuple[Tensor, list[Any]]:
        """Return the scores (N, C), and one cache a layer, first to last."""
        caches: list[Any] = []
        # Nobody reads the input's gradient, so its mask is not kept: the first layer's cache holds the dropped rows.
        hidden, _ = Dropout.forward(hidden, self._dropout_param(self.input_dropout, mode, "input dropout"))
        for layer in range(1, self.depth):
            hidden, linear = Linear_ReLU.forward(hidden, self.params[f"W{layer}"], self.params[f"b{layer}"])
            hidden, mask = Dropout.forward(hidden, self._dropout_param(self.dropout, mode, "dropout", layer))
            caches.append((linear, mask))
        scores, output = Linear.forward(hidden, self.params[f"W{self.depth}"], self.params[f"b{self.depth}"])
        return scores, [*caches, output]

    def _backward(self, dscores: Tensor, caches: list[Any]) -> dict[str, Tensor]:
        """Return the gradients of the loss without its L2 term; the input's is not computed."""
        grads: dict[str, Tensor] = {}
        dhidden, dw, db = Linear.backward(dscores, caches.pop())
        grads[f"W{self.depth}"], grads[f"b{self.depth}"] = dw, db
        for layer in reversed(range(1, self.depth)):
            linear, mask = caches.pop()
            dhidden = Dropout.backward(dhidden, mask)
            if layer > 1:
                dhidden, dw, db = Linear_ReLU.backward(dhidden, linear)
            else:
                dw, db = Linear_ReLU.backward_params(dhidden, linear)
            grads[f"W{layer}"], grads[f"b{layer}"] = dw, db
        return grads

    def _dropout_param(self, p: float, mode: str, *purpose: int | str) -> dict[str, Any]:
        param: dict[str, Any] = {"mode": mode if p > 0 else "test", "p": p}
        if self.dropout_seed is not None:
            param["seed"] = key(self.dropout_seed, *purpose)
        return param

    def _rows(self, X: Tensor) -> Tensor:
        rows = X.flatten(start_dim=1) if X.dim() > 1 else X
        if rows.dim() != 2 or rows.shape[1] != self.input_dim:
            raise ConfigError(
                f"X must hold rows of {self.input_dim} values, as (N, {self.input_dim}) or (N, d1, ..., dk); "
                f"found the shape {tuple(X.shape)}"
            )
        return rows.to(device=self.device, dtype=self.dtype)

    def save(self, path: str | Path, *, texts: Mapping[str, str] | None = None) -> None:
        """Write the network to a safetensors file, whole or not at all.

        Args:
            path: The file; one that exists is replaced.
            texts: What else the file's metadata should hold, by name.

        Raises:
            ConfigError: it cannot be written.
        """
        settings = {
            "dropout": self.dropout,
            "reg": self.reg,
            "seed": self.dropout_seed,
            "loss": self.loss_name,
            "input_dropout": self.input_dropout,
            "label_smoothing": self.label_smoothing,
        }
        save_tensors(path, self.params, {**(texts or {}), _METADATA_KEY: json.dumps(settings)})

    @classmethod
    def load(cls, path: str | Path, *, device: torch.device | str = "cpu") -> Self:
        """Read a network that `save` wrote.

        Raises:
            ConfigError: there is no such file, or it holds no network.
        """
        params, metadata = load_tensors(path)
        try:
            stored = {**_LATER_SETTINGS, **json.loads(metadata[_METADATA_KEY])}
            settings = {name: stored[name] for name in ("seed", *NETWORK_SETTINGS)}
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"{path} must hold the settings of a network (seed, {', '.join(NETWORK_SETTINGS)}) beside its weights; "
                "found none; give a file that FullyConnectedNet.save wrote"
            ) from error
        return cls.from_params(params, **settings).to(device)
