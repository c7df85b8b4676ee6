"""Hyperparameters, each stated once, and the configuration of a trial that they make up. Imports no torch."""

from fcsearch.config.hyperparameter import Hyperparameter
from fcsearch.config.input_form import EMBEDDED, OWN_FORM, WITH_BINS, InputForm
from fcsearch.config.other_names import OTHER_NAMES
from fcsearch.config.trial import HYPERPARAMETERS, LaneKey, TrialConfig, check_parameter
from fcsearch.config.update_rules import RULE_SETTINGS

__all__ = [
    "EMBEDDED",
    "HYPERPARAMETERS",
    "OTHER_NAMES",
    "OWN_FORM",
    "RULE_SETTINGS",
    "WITH_BINS",
    "Hyperparameter",
    "InputForm",
    "LaneKey",
    "TrialConfig",
    "check_parameter",
]
