"""A pack whose members learn the rows in different forms: each as if it were alone on rows of its form."""

import dataclasses

import pytest
import torch
from varied_packs import VARIED, Digits, assert_equal_to

from fcsearch.config import InputForm
from fcsearch.errors import ConfigError
from fcsearch.training import Pack, TrainingData, TrialConfig, checkpoint, train_pack
from fcsearch.training.memory import pack_bytes

FORMS = (InputForm(), InputForm("quantile"), InputForm("piecewise", 8))


@pytest.fixture
def data(digits: Digits) -> TrainingData:
    """Rows in three forms, of which one has fewer features; each in two folds."""
    rows = digits(torch.float32)
    made = []
    for form, width in zip(FORMS, (64, 64, 40), strict=True):
        X_train, X_val = ((X[:, :width] + len(made)) / (1 + len(made)) for X in (rows.X_train, rows.X_val))
        first = dataclasses.replace(rows, X_train=X_train.contiguous(), X_val=X_val.contiguous(), form=form)
        second = dataclasses.replace(first, X_train=first.X_train[:200], y_train=first.y_train[:200])
        made.append(dataclasses.replace(first, others=(second,)))
    own, *others = made
    return dataclasses.replace(own, forms=tuple(others))


def members() -> list[TrialConfig]:
    chosen = [config for config in VARIED if config.activation in ("relu", "leaky_relu")]
    return [
        dataclasses.replace(config, preprocessing=form.preprocessing, bins=form.bins)
        for number, config in enumerate(chosen)
        for form in (FORMS[number % 3], FORMS[(number + 1) % 3])
    ]


def in_own_form(config: TrialConfig, data: TrainingData) -> tuple[TrialConfig, TrainingData]:
    """A trial that knows of no forms, and rows of that form alone."""
    rows = dataclasses.replace(data.in_form(config.input_form), form=InputForm(), forms=())
    return dataclasses.replace(config, preprocessing="dataset", bins=0), rows


@pytest.mark.usefixtures("_exact_packs")
def test_a_member_is_the_trial_on_rows_of_its_form(data: TrainingData) -> None:
    configs = members()
    for config, result in zip(configs, train_pack(configs, data), strict=True):
        plain, rows = in_own_form(config, data)
        (expected,) = train_pack([plain], rows)
        assert_equal_to(dataclasses.replace(result, config=expected.config), expected, 0.0)
        assert result.num_parameters == expected.num_parameters


def test_a_pack_goes_on_from_a_checkpoint(data: TrainingData) -> None:
    configs = [dataclasses.replace(config, epochs=4) for config in members()[:6]]
    pack = Pack(configs, data)
    pack.train_epoch()
    saved = checkpoint.load(pack.saved({}).dump())
    again = Pack.restore(saved, [5, 0, 3], data)
    while again.alive:
        again.train_epoch()
    expected = train_pack(configs, data)
    for member, result in zip([5, 0, 3], again.results(), strict=True):
        assert_equal_to(result, expected[member], 0.0)


def test_the_memory_of_a_pack_is_that_of_its_forms(data: TrainingData) -> None:
    configs = members()
    parts = [[config for config in configs if config.input_form == form] for form in FORMS]
    alone = [pack_bytes(part, dataclasses.replace(data.in_form(part[0].input_form), forms=())) for part in parts]
    assert pack_bytes(configs, data) == sum(alone)
    assert alone[2] < alone[1]


def test_a_form_that_is_not_there_is_named(data: TrainingData) -> None:
    with pytest.raises(ConfigError, match="in the form robust; found dataset, quantile, piecewise 8"):
        Pack([TrialConfig(preprocessing="robust")], data)
