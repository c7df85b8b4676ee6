"""Trials as the sampler plans them."""

from __future__ import annotations

import dataclasses

from fcsearch.config import TrialConfig


@dataclasses.dataclass(frozen=True)
class PlannedTrial:
    """A trial that is in the journal and waits to be trained."""

    trial_id: int
    config: TrialConfig
