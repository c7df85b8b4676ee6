"""Hyperparameters, each stated once, and the configuration of a trial that they make up. Imports no torch."""

from fcsearch.config.hyperparameter import Hyperparameter
from fcsearch.config.trial import HYPERPARAMETERS, RULE_SETTINGS, LaneKey, TrialConfig, check_parameter

__all__ = ["HYPERPARAMETERS", "RULE_SETTINGS", "Hyperparameter", "LaneKey", "TrialConfig", "check_parameter"]
