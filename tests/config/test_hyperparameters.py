"""The table of hyperparameters: what is derived from it, and that the arithmetic knows all that it names."""

import dataclasses
import subprocess
import sys

from fcsearch.config import HYPERPARAMETERS, RULE_SETTINGS, LaneKey, TrialConfig
from fcsearch.nn.losses import LOSSES
from fcsearch.nn.schedules import LR_SCHEDULES
from fcsearch.nn.update_rules import DEFAULTS, RULES


def test_every_field_of_a_configuration_but_the_seed_is_an_entry() -> None:
    fields = {field.name for field in dataclasses.fields(TrialConfig)}
    assert fields - {"seed"} == set(HYPERPARAMETERS) - {"depth", "hidden_dim"}


def test_defaults_lie_within_their_ranges() -> None:
    for name, parameter in HYPERPARAMETERS.items():
        assert parameter.accepts(parameter.default), name


def test_a_lane_key_holds_the_entries_that_cannot_share_a_lane() -> None:
    apart = {name for name in HYPERPARAMETERS if not HYPERPARAMETERS[name].shares_lane}
    assert set(LaneKey._fields) == apart | {"seed"}
    config = TrialConfig(hidden_dims=(3, 2), batch_size=7, input_dropout=0.25, seed=5)
    assert config.lane_key._asdict() == {name: getattr(config, name) for name in LaneKey._fields}


def test_the_words_are_those_of_the_network() -> None:
    assert HYPERPARAMETERS["update_rule"].words == tuple(RULES)
    assert HYPERPARAMETERS["loss"].words == tuple(LOSSES)
    assert HYPERPARAMETERS["lr_schedule"].words == LR_SCHEDULES
    for rule, settings in RULE_SETTINGS.items():
        assert set(DEFAULTS[rule]) == {"learning_rate", "weight_decay", *settings}


def test_what_a_parameter_is_read_under_exists_and_comes_first() -> None:
    order = list(HYPERPARAMETERS)
    for name, parameter in HYPERPARAMETERS.items():
        if parameter.under is not None:
            parent, values = parameter.under
            assert order.index(parent) < order.index(name)
            assert set(values) < set(HYPERPARAMETERS[parent].words)


def test_the_weight_scale_of_earlier_versions_is_read() -> None:
    for old, init, scale in ((0.05, "normal", 0.05), ("kaiming", "kaiming", "kaiming")):
        config = TrialConfig.from_parameters({"weight_scale": old}, seed=0)
        assert (config.init, config.initial_scale) == (init, scale)
        before = {name: value for name, value in config.to_json().items() if name != "init"}
        assert TrialConfig.from_json({**before, "weight_scale": old}) == config


def test_reading_the_table_needs_no_torch() -> None:
    code = "import sys, fcsearch.config; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
