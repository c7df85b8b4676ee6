"""The settings of a network: all that defines it except its weights."""

from __future__ import annotations

import dataclasses

from fcsearch.errors import ConfigError
from fcsearch.nn.activations import ACTIVATIONS
from fcsearch.nn.losses import LOSSES
from fcsearch.nn.option_checks import number, one_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """All that training and scoring need besides the weights; saved with them.

    Attributes:
        dropout: Probability of dropping a hidden unit, in [0, 1).
        reg: L2 strength, at least 0: the loss gains `reg * sum(W**2)` over the weight matrices.
        loss: `softmax` or `svm`; for a regression `squared`, `absolute` or `huber`.
        input_dropout: Probability of dropping a feature that the first layer takes, in [0, 1).
        label_smoothing: The part of each target that the softmax loss spreads over all classes, in [0, 1).
        activation: The activation of hidden layers: `relu`, `leaky_relu`, `gelu` or `selu`.
        huber_delta: The error from which the Huber loss is linear, above 0, in the unit of the scores.

    Raises:
        ConfigError: a value outside its range.
    """

    dropout: float = 0.0
    reg: float = 0.0
    loss: str = "softmax"
    input_dropout: float = 0.0
    label_smoothing: float = 0.0
    activation: str = "relu"
    huber_delta: float = 1.0

    def __post_init__(self) -> None:
        for name in ("dropout", "input_dropout", "label_smoothing"):
            number(name, getattr(self, name), minimum=0, below=1)
        for name in ("reg", "huber_delta"):
            number(name, getattr(self, name), minimum=0)
        if self.huber_delta == 0:
            raise ConfigError("huber_delta must be a number above 0; found 0")
        one_of("loss", [self.loss], LOSSES)
        one_of("activation", [self.activation], ACTIVATIONS)


NETWORK_SETTINGS = tuple(field.name for field in dataclasses.fields(NetworkSettings))
