"""Learning-rate schedules: the step size of every epoch."""

from __future__ import annotations

import math

from fcsearch.nn.option_checks import one_of

LR_SCHEDULES: tuple[str, ...] = ("exponential", "cosine")


def scheduled_rate(schedule: str, initial: float, *, epoch: int, epochs: int, lr_decay: float = 1.0) -> float:
    """Compute the learning rate of an epoch.

    Args:
        schedule: `exponential`: initial * lr_decay**(epoch - 1). `cosine` (Loshchilov & Hutter 2017): initial *
            (1 + cos(pi * (epoch - 1) / epochs)) / 2, which falls from `initial` towards 0 and, after `epochs` epochs,
            begins again.
        initial: Rate of the first epoch.
        epoch: Which epoch, from 1.
        epochs: Epochs in all, at least 1; `exponential` does not read it.
        lr_decay: Factor after every epoch; `cosine` does not read it.

    Raises:
        ConfigError: an unknown schedule.
    """
    one_of("learning-rate schedule", [schedule], LR_SCHEDULES)
    if schedule == "cosine":
        return initial * (1 + math.cos(math.pi * ((epoch - 1) % epochs) / epochs)) / 2
    return initial * lr_decay ** (epoch - 1)
