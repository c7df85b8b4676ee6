"""The two hyperparameters in which a space may say `hidden_dims`: hidden layers of equal width."""

from __future__ import annotations

from fcsearch.config.hyperparameter import Hyperparameter

EQUAL_WIDTHS = (
    Hyperparameter(
        name="depth",
        kind="integer",
        default=2,
        meaning="Number of Linear layers: hidden layers and the output; 1 is a linear classifier",
        unit="layers",
        low=1,
        space_high=1_000,
    ),
    Hyperparameter(
        name="hidden_dim",
        kind="integer",
        default=100,
        meaning="Units of every hidden layer",
        unit="units",
        low=1,
        space_high=65_536,
        needs_hidden_layer=True,
    ),
)
