"""Fully connected networks: Linear, an activation and dropout for every hidden layer, then Linear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, overload

import torch
from torch import Tensor

from fcsearch.errors import ConfigError
from fcsearch.nn.activations import ACTIVATIONS
from fcsearch.nn.embedding import EMBEDDING_NAMES, FREQUENCIES, FREQUENCY_SCALE, Embedding, PeriodicEmbedding
from fcsearch.nn.initial_weights import WeightScale, initial_weights
from fcsearch.nn.layers import Dropout, Linear
from fcsearch.nn.losses import REGRESSION_LOSSES, loss_of
from fcsearch.nn.params import DTYPES, check_params, depth_of, parameter_names
from fcsearch.nn.random import key
from fcsearch.nn.settings import NETWORK_SETTINGS, NetworkSettings
from fcsearch.nn.storage import load_network, network_text, save_tensors


class FullyConnectedNet:
    """A network of any depth: [Embedding] - [Dropout] - {Linear - ReLU - [Dropout]} x (depth - 1) - Linear - loss.

    Its loss adds `reg * sum(W**2)` over the weights; biases and frequencies are not regularised.

    Args:
        hidden_dims: Units of each hidden layer, first to last; empty for a linear classifier.
        input_dim: D, values in a row of the input.
        num_classes: C, columns of the scores; 1 for a regression.
        weight_scale: Standard deviation of the initial weights, or `kaiming` for sqrt(2 / fan_in) of each layer.
        seed: Key of the initial weights and of the dropout masks. The masks then repeat from call to call, so that a
            numeric gradient check works. Without it the weights come from torch's global generator, and every call
            drops other units.
        dtype: torch.float32 or torch.float64.
        device: Where the network lives.
        embedding: Sizes of the periodic embedding of the first values of a row; None: rows are taken as they are.
        frequency_scale: Standard deviation of its initial frequencies.

    The other options are those of `NetworkSettings`.

    Attributes:
        params: `W1` (D, H1), `b1` (H1,), ..., up to the layer that gives the scores; with an embedding of P numbers
            before them `f0` (P, K), `W0` (P, 2 K, E), `b0` (P, E), and `W1` is (P E + D - P, H1).
        reg: L2 strength; may be set.
        dropout, input_dropout, label_smoothing, huber_delta: As in `NetworkSettings`; may be set.
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
        activation: str = "relu",
        huber_delta: float = 1.0,
        embedding: Embedding | None = None,
        frequency_scale: float = FREQUENCY_SCALE,
    ) -> None:
        if dtype not in DTYPES:
            raise ConfigError(f"dtype must be torch.float32 or torch.float64; found {dtype}")
        settings = NetworkSettings(
            dropout=dropout, reg=reg, loss=loss, input_dropout=input_dropout, label_smoothing=label_smoothing,
            activation=activation, huber_delta=huber_delta,
        )  # fmt: skip
        init_seed = int(torch.randint(2**62, ())) if seed is None else seed
        params = initial_weights(
            hidden_dims, input_dim, num_classes, weight_scale=weight_scale, seed=init_seed, dtype=dtype,
            embedding=embedding, frequency_scale=frequency_scale,
        )  # fmt: skip
        self._setup(params, settings, seed)
        self.to(device)

    def _setup(self, params: dict[str, Tensor], settings: NetworkSettings, seed: int | None) -> None:
        outputs = params[f"b{depth_of(params)}"].numel()
        if settings.loss in REGRESSION_LOSSES and outputs != 1:
            raise ConfigError(f"a network with the loss {settings.loss} must have one output; found {outputs}")
        self.params = params
        self.dropout_seed = seed
        self.loss_name = settings.loss
        self.activation = settings.activation
        self.dropout = settings.dropout
        self.reg = settings.reg
        self.input_dropout = settings.input_dropout
        self.label_smoothing = settings.label_smoothing
        self.huber_delta = settings.huber_delta

    @property
    def settings(self) -> NetworkSettings:
        """The current settings: all that defines the network except its weights."""
        values = {name: getattr(self, name) for name in NETWORK_SETTINGS if name != "loss"}
        return NetworkSettings(loss=self.loss_name, **values)

    @classmethod
    def from_params(
        cls, params: dict[str, Tensor], settings: NetworkSettings | None = None, *, seed: int | None = None
    ) -> Self:
        """Make a network around weights that exist; its sizes, dtype and device are theirs.

        Args:
            params: `W1` (D, H1), `b1` (H1,), `W2` (H1, H2), ...: the tensors themselves are used, not copies.
            settings: All that defines the network except its weights.
            seed: Key of the dropout masks.

        Raises:
            ConfigError: the weights are not those of a network.
        """
        cls._check_params(params)
        net = cls.__new__(cls)
        ordered = {name: params[name] for name in parameter_names(depth_of(params), embeds=FREQUENCIES in params)}
        net._setup(ordered, settings or NetworkSettings(), seed)
        return net

    @classmethod
    def _check_params(cls, params: dict[str, Tensor]) -> None:
        check_params(params)

    @property
    def depth(self) -> int:
        """Number of Linear layers."""
        return depth_of(self.params)

    @property
    def hidden_dims(self) -> tuple[int, ...]:
        """Units of each hidden layer, first to last."""
        return tuple(self.params[f"b{layer}"].numel() for layer in range(1, self.depth))

    @property
    def input_dim(self) -> int:
        """D, values in a row of the input."""
        features, embedding = self.params["W1"].shape[0], self.embedding
        return features if embedding is None else features - embedding.numbers * (embedding.dim - 1)

    @property
    def embedding(self) -> Embedding | None:
        """The sizes of the embedding of numbers; None without one."""
        return Embedding.of(self.params)

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
    def loss(self, X: Tensor, y: Tensor, weights: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]: ...

    def loss(
        self, X: Tensor, y: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Score some rows; with labels, compute the training loss and its gradients.

        Args:
            X: (N, D) or (N, d1, ..., dk) with d1 * ... * dk = D; it is converted to the network's dtype and device.
            y: Labels, int64 in [0, C), or the targets of a regression, (N,); None for test mode: no dropout, and only
                the scores.
            weights: (N,), how much each row counts in the loss, which is the mean of weight times loss; None: all
                alike.

        Returns:
            The scores (N, C); or the loss, of shape (), and the gradient of every entry of `params`, by its name.

        Raises:
            ConfigError: rows of another size.
        """
        scores, caches = self._forward(self._rows(X), "test" if y is None else "train")
        if y is None:
            return scores
        weights = None if weights is None else weights.to(device=self.device, dtype=self.dtype)
        y = y.to(device=self.device, dtype=self.dtype if self.loss_name in REGRESSION_LOSSES else y.dtype)
        settings = {"label_smoothing": self.label_smoothing, "huber_delta": self.huber_delta}
        loss, dscores = loss_of(self.loss_name, scores, y, weights=weights, **settings)
        grads = self._backward(dscores, caches)
        for name in self.params if self.reg else ():
            if name.startswith("W"):
                loss = loss + self.reg * self.params[name].square().sum()
                grads[name] = grads[name] + 2 * self.reg * self.params[name]
        return loss, grads

    def _forward(self, hidden: Tensor, mode: str) -> tuple[Tensor, list[Any]]:
        """Return the scores (N, C), and the caches: of the embedding, if there is one, and of each layer."""
        embedded = None
        if FREQUENCIES in self.params:
            hidden, embedded = PeriodicEmbedding.forward(hidden, *(self.params[name] for name in EMBEDDING_NAMES))
        hidden, mask = self._drop(hidden, 0, mode)
        caches: list[Any] = [(embedded, mask)]
        for layer in range(1, self.depth):
            hidden, linear = Linear.forward(hidden, self.params[f"W{layer}"], self.params[f"b{layer}"])
            hidden, active = ACTIVATIONS[self.activation].forward(hidden)
            hidden, mask = self._drop(hidden, layer, mode)
            caches.append((linear, active, mask))
        scores, output = Linear.forward(hidden, self.params[f"W{self.depth}"], self.params[f"b{self.depth}"])
        return scores, [*caches, output]

    def _backward(self, dscores: Tensor, caches: list[Any]) -> dict[str, Tensor]:
        """Return the gradients of the loss without its L2 term; that of the rows themselves is not computed."""
        grads: dict[str, Tensor] = {}
        linear, dhidden = caches.pop(), dscores
        for layer in range(self.depth, 1, -1):
            dhidden, grads[f"W{layer}"], grads[f"b{layer}"] = Linear.backward(dhidden, linear)
            linear, active, mask = caches.pop()
            dhidden = ACTIVATIONS[self.activation].backward(Dropout.backward(dhidden, mask), active)
        embedded, mask = caches.pop()
        if embedded is None:
            grads["W1"], grads["b1"] = Linear.backward_params(dhidden, linear)
            return grads
        drows, grads["W1"], grads["b1"] = Linear.backward(dhidden, linear)
        _, *parameters = PeriodicEmbedding.backward(Dropout.backward(drows, mask), embedded)
        return {**grads, **dict(zip(EMBEDDING_NAMES, parameters, strict=True))}

    def _drop(self, hidden: Tensor, layer: int, mode: str) -> tuple[Tensor, Tensor | None]:
        """Dropout after a hidden layer (from 1), or of the first layer's input (0); returns as Dropout.forward does."""
        p, purpose = (self.dropout, ("dropout", layer)) if layer else (self.input_dropout, ("input dropout",))
        param: dict[str, Any] = {"mode": mode if p > 0 else "test", "p": p}
        if self.dropout_seed is not None:
            param["seed"] = key(self.dropout_seed, *purpose)
        return Dropout.forward(hidden, param)

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
            texts: Further metadata of the file, by name.

        Raises:
            ConfigError: it cannot be written.
        """
        save_tensors(path, self.params, {**(texts or {}), **self.metadata()})

    def metadata(self) -> dict[str, str]:
        """The metadata that `load` needs in a safetensors file beside the weights."""
        return network_text(self.settings, self.dropout_seed)

    @classmethod
    def load(cls, path: str | Path, *, device: torch.device | str = "cpu") -> Self:
        """Read a network that `save` wrote.

        Raises:
            ConfigError: there is no such file, or it does not hold a network.
        """
        params, settings, seed = load_network(path)
        return cls.from_params(params, settings, seed=seed).to(device)
