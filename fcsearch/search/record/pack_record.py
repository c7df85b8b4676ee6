"""What came of a pack, as it goes into the books: the rows of its trials and epochs, and the models to keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fcsearch.config.states import UNFINISHED
from fcsearch.results import EpochRecord, TrialRecord
from fcsearch.results.predictions import Predicted

if TYPE_CHECKING:
    import torch


@dataclasses.dataclass(frozen=True, repr=False)
class Model:
    """Weights at a trial's best epoch, what is needed to use them (JSON types), and what they predict."""

    weights: Mapping[str, torch.Tensor]
    metadata: Mapping[str, Any]
    predicted: Predicted | None = None


@dataclasses.dataclass(frozen=True, repr=False)
class PackRecord:
    """What came of a pack, for the books.

    Attributes:
        pack_id: The pack.
        trials: Its trials that came to an end, were left unfinished, or are given up.
        epochs: Their epochs.
        models: The models to save, by trial.
        keep: The trials whose models stay, beside those that an earlier session left unfinished.
    """

    pack_id: int
    trials: Sequence[TrialRecord]
    epochs: Sequence[EpochRecord] = ()
    models: Mapping[int, Model] = dataclasses.field(default_factory=dict)
    keep: Collection[int] = ()

    @property
    def ended(self) -> list[TrialRecord]:
        """The trials that are done."""
        return [trial for trial in self.trials if trial.state != UNFINISHED]
