"""What must be known of a network before it is used, where there is no verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caution:
    """What must be known of the chosen network, and what to use in its place.

    Attributes:
        sentence: It in words. It names no path, so that a model card can have it.
        forbids: Whether the network is not to be used.
        model: Then the model of the run to use: `ensemble` or `refit`; None if there is none.
        seed: Then, without such a model, the seed to train the network's configuration with.
    """

    sentence: str
    forbids: bool = False
    model: str | None = None
    seed: int | None = None

    def __str__(self) -> str:
        return self.sentence
