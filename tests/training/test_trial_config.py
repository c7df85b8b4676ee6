import math
from typing import Any

import pytest
import torch

from fcsearch.errors import ConfigError, DataError
from fcsearch.training import Pack, TrainingData, TrialConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0), ("learning_rate", math.nan), ("learning_rate", math.inf), ("learning_rate", "fast"),
        ("learning_rate", True), ("epochs", 0), ("epochs", 1.5), ("dropout", 1.0), ("dropout", -0.1),
        ("update_rule", "adamw"), ("batch_size", 0), ("reg", -1e-3), ("lr_decay", 0.0), ("lr_decay", 1.1),
        ("weight_scale", 0.0), ("weight_scale", "kaiming"), ("init", "xavier"), ("loss", "mse"),
        ("momentum", 1.0), ("beta2", 1.0),
        ("input_dropout", 1.0), ("input_dropout", -0.1), ("weight_decay", -1e-3), ("weight_decay", math.inf),
        ("lr_schedule", "linear"), ("lr_schedule", None), ("label_smoothing", 1.0), ("label_smoothing", "a"),
        ("epsilon", 0.0), ("hidden_dims", (100, 0)), ("hidden_dims", 100), ("learning_rate", 10**400), ("seed", -1),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_named_with_what_must_hold(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be .*; found"):
        TrialConfig(**{name: value})


def test_depth_counts_linear_layers() -> None:
    assert TrialConfig(hidden_dims=(100, 100)).depth == 3
    assert TrialConfig.from_parameters({"depth": 5, "hidden_dim": 64}, seed=0).hidden_dims == (64,) * 4
    assert TrialConfig.from_parameters({"depth": 1, "hidden_dim": 64}, seed=0).hidden_dims == ()
    assert TrialConfig.from_parameters({"hidden_dims": [64, 32]}, seed=0).hidden_dims == (64, 32)


def test_parameters_are_null_where_they_do_not_apply() -> None:
    parameters = TrialConfig(hidden_dims=(64, 64), update_rule="sgd_momentum", momentum=0.8).parameters()
    assert parameters["momentum"] == 0.8
    assert (parameters["depth"], parameters["hidden_dim"], parameters["hidden_dims"]) == (3, 64, (64, 64))
    assert all(parameters[name] is None for name in ("decay_rate", "beta1", "beta2", "epsilon"))
    assert TrialConfig(hidden_dims=(64, 32)).parameters()["hidden_dim"] is None


def test_lr_decay_is_of_the_exponential_schedule_and_label_smoothing_of_softmax() -> None:
    plain = TrialConfig(lr_decay=0.9, label_smoothing=0.1).parameters()
    assert (plain["lr_schedule"], plain["lr_decay"], plain["label_smoothing"]) == ("exponential", 0.9, 0.1)
    other = TrialConfig(lr_schedule="cosine", lr_decay=0.9, loss="svm", label_smoothing=0.1).parameters()
    assert (other["lr_schedule"], other["lr_decay"], other["label_smoothing"]) == ("cosine", None, None)


def test_a_configuration_survives_json() -> None:
    config = TrialConfig(hidden_dims=(3, 2), update_rule="adam", init="normal", weight_scale=0.01, seed=4)
    assert TrialConfig.from_json(config.to_json()) == config
    later = {"input_dropout": 0.2, "weight_decay": 0.1, "lr_schedule": "cosine", "label_smoothing": 0.3}
    config = TrialConfig(**later)
    assert TrialConfig.from_json(config.to_json()) == config
    before = {name: value for name, value in config.to_json().items() if name not in later}
    assert TrialConfig.from_json(before) == TrialConfig()


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown parameter 'learning_rat'"):
        TrialConfig.from_parameters({"learning_rat": 0.1}, seed=0)


def test_an_empty_pack_and_unfit_data_are_refused() -> None:
    rows, labels = torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ConfigError, match="at least one member"):
        Pack([], TrainingData(rows, labels, rows, labels, 2))
    with pytest.raises(DataError, match="validation split"):
        TrainingData(rows, labels, rows[:0], labels[:0], 2)
    with pytest.raises(DataError, match="equally many features"):
        TrainingData(rows, labels, torch.zeros(4, 5), labels, 2)
