"""Trials as the sampler plans them."""

from __future__ import annotations

import dataclasses

from fcsearch.config import TrialConfig


@dataclasses.dataclass(frozen=True)
class PlannedTrial:
    """A trial that is in the journal and waits to be trained.

    Attributes:
        trial_id: Its number.
        config: Its configuration.
        ends_at: The epoch at which it ended when it was trained before, and its rows were lost: it is not judged again.
    """

    trial_id: int
    config: TrialConfig
    ends_at: int | None = None
