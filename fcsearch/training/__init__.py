"""Packs: trains a list of trial configurations together on one device, each as if it were alone."""

from fcsearch.training.config import (
    LOSSES,
    PARAMETER_NAMES,
    RULE_SETTINGS,
    UPDATE_RULES,
    TrialConfig,
    check_parameter,
)
from fcsearch.training.data import TrainingData
from fcsearch.training.metrics import EpochMetrics, MemberResult
from fcsearch.training.pack import Pack, train_pack

__all__ = [
    "LOSSES",
    "PARAMETER_NAMES",
    "RULE_SETTINGS",
    "UPDATE_RULES",
    "EpochMetrics",
    "MemberResult",
    "Pack",
    "TrainingData",
    "TrialConfig",
    "check_parameter",
    "train_pack",
]
