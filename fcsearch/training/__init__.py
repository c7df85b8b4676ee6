"""Packs: trains a list of trial configurations together on one device, each as if it were alone."""

from fcsearch.config import TrialConfig
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
