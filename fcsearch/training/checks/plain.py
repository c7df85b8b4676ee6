"""A trial trained by the plain net alone, which drops the very units that the engine's random bits drop."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.nn import Embedding, FullyConnectedNet
from fcsearch.nn.losses import loss_of
from fcsearch.nn.schedules import scheduled_rate
from fcsearch.nn.update_rules import DEFAULTS, RULES, Config
from fcsearch.training.data import Batch, Minibatches, TrainingData
from fcsearch.training.engine.masks import RandomBits


class MaskedNet(FullyConnectedNet):
    """A plain net whose dropout masks are given.

    Attributes:
        masks: Of a training step: scaled masks (N, H) by hidden layer from 1, and (N, features) as 0, of what the first
            layer takes.
    """

    masks: dict[int, Tensor]

    def _drop(self, hidden: Tensor, layer: int, mode: str) -> tuple[Tensor, Tensor | None]:
        if mode == "test" or layer not in self.masks:
            return hidden, None
        return hidden * self.masks[layer], self.masks[layer]


class Masks:
    """The masks of a trial's steps, by definition: a unit stays where its 16 bits, as a share of 1, exceed the rate.

    Args:
        rate: Probability of dropping.
        shapes: (rows, units) of each layer that is dropped; they share a draw.
        seed: The trial's.
        purpose: What the engine calls the draws.
        device: Where the engine draws, since the bits of a CPU and of a GPU differ.
    """

    def __init__(
        self, rate: float, shapes: Sequence[tuple[int, int]], *, seed: int, purpose: str, device: torch.device
    ) -> None:
        self._rate = rate
        self._shapes = shapes
        self._bits = RandomBits(sum(a * b for a, b in shapes), seed=seed, purpose=purpose, device=device)

    def start_epoch(self, epoch: int) -> None:
        """Begin an epoch (from 1)."""
        self._bits.start_epoch(epoch)

    def draw(self) -> list[Tensor]:
        """The scaled masks of the next step, float64 on the CPU."""
        self._bits.draw()
        share = (self._bits.values.cpu().double() + 2**15 + 0.5) / 2**16
        masks = (share > self._rate).double() / (1 - self._rate)
        parts = torch.split(masks, [rows * units for rows, units in self._shapes])
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]


@dataclasses.dataclass(frozen=True)
class PlainEpoch:
    """What the plain net has after an epoch: its parameters by name, and what is measured."""

    params: dict[str, Tensor]
    measured: dict[str, Tensor]


def train_plainly(config: TrialConfig, data: TrainingData, device: torch.device) -> list[PlainEpoch]:
    """Train a trial by the plain net.

    Args:
        config: The trial.
        data: The rows, float64 on the CPU.
        device: Where the engine trains that is compared with it.

    Returns:
        Each epoch's end.
    """
    net = MaskedNet(
        config.hidden_dims, data.input_dim, data.outputs, reg=config.reg, weight_scale=config.initial_scale,
        seed=config.seed, dtype=torch.float64, loss=config.loss, label_smoothing=config.label_smoothing,
        activation=config.activation, huber_delta=config.huber_delta,
        embedding=Embedding.of_numbers(data.numbers, config.embedding_sizes), frequency_scale=config.frequency_scale,
    )  # fmt: skip
    batches = Minibatches(data, seed=config.seed, batch_size=config.batch_size)
    sources = _mask_sources(config, batches.batch_size, len(net.params["W1"]), device)
    settings = {name: _settings(config, decayed=name.startswith("W")) for name in net.params}
    epochs = []
    for epoch in range(1, config.epochs + 1):
        rate = scheduled_rate(
            config.lr_schedule, config.learning_rate, epoch=epoch, epochs=config.epochs, lr_decay=config.lr_decay
        )
        for own in settings.values():
            own["learning_rate"] = rate
        for source in sources.values():
            source.start_epoch(epoch)
        losses = []
        for batch in (batch for chunk in batches.epoch(epoch) for batch in chunk.steps()):
            drawn = {first: source.draw() for first, source in sources.items()}
            net.masks = {first + i: mask for first, masks in drawn.items() for i, mask in enumerate(masks)}
            losses.append(_step(net, batch, config, settings))
        epochs.append(PlainEpoch(dict(net.params), _measure(net, data, rate, losses)))
    return epochs


def _mask_sources(config: TrialConfig, rows: int, features: int, device: torch.device) -> dict[int, Masks]:
    """Where masks come from, by the first layer that they are of."""
    sources = {}
    if config.input_dropout:
        shapes = [(rows, features)]
        sources[0] = Masks(config.input_dropout, shapes, seed=config.seed, purpose="input dropout", device=device)
    if config.dropout and config.hidden_dims:
        shapes = [(rows, units) for units in config.hidden_dims]
        sources[1] = Masks(config.dropout, shapes, seed=config.seed, purpose="dropout", device=device)
    return sources


def _settings(config: TrialConfig, *, decayed: bool) -> Config:
    settings: Config = {name: getattr(config, name) for name in DEFAULTS[config.update_rule]}
    return settings if decayed else {**settings, "weight_decay": 0.0}


def _step(net: MaskedNet, batch: Batch, config: TrialConfig, settings: dict[str, Config]) -> Tensor:
    """Make one update; returns the loss without its L2 term."""
    loss, grads = net.loss(batch.x, batch.labels, batch.row_weights)
    for name, w in net.params.items():
        if name.startswith("W"):
            loss = loss - config.reg * w.square().sum()
    for name, dw in grads.items():
        net.params[name], settings[name] = RULES[config.update_rule](net.params[name], dw, settings[name])
    return loss


def _measure(net: MaskedNet, data: TrainingData, rate: float, losses: Sequence[Tensor]) -> dict[str, Tensor]:
    scores = net.loss(data.X_val)
    measured = {
        "learning_rate": torch.tensor(rate, dtype=torch.float64),
        "train_loss": torch.stack(list(losses)).mean(),
        "val_loss": loss_of(net.loss_name, scores, data.y_val, huber_delta=net.huber_delta)[0],
    }
    if data.num_classes:
        return {**measured, "accuracy": (scores.argmax(1) == data.y_val).double().mean()}
    errors = scores[:, 0] - data.y_val
    return {**measured, "rmse": errors.square().mean().sqrt() * data.target_scale}
