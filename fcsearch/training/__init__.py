"""Packs: trains a list of trial configurations together on one device, each as if it were alone."""

from typing import TYPE_CHECKING

from fcsearch.config import TrialConfig
from fcsearch.first_use import on_first_use

if TYPE_CHECKING:
    from fcsearch.training.data import TrainingData
    from fcsearch.training.metrics import EpochMetrics, MemberResult
    from fcsearch.training.pack import Pack, train_pack

__all__ = [
    "EpochMetrics",
    "MemberResult",
    "Pack",
    "TrainingData",
    "TrialConfig",
    "train_pack",
]

__getattr__ = on_first_use(
    __name__,
    {
        "data": ("TrainingData",),
        "metrics": ("EpochMetrics", "MemberResult"),
        "pack": ("Pack", "train_pack"),
    },
)
