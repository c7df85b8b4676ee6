"""What others call a hyperparameter is understood in every message."""

import pytest

from fcsearch.config import HYPERPARAMETERS, OTHER_NAMES
from fcsearch.errors import SpaceError
from fcsearch.space import find_space, load_space
from fcsearch.space.tries import read_try_options
from fcsearch.text import nearest


def test_every_other_name_leads_to_a_hyperparameter() -> None:
    assert set(OTHER_NAMES.values()) <= set(HYPERPARAMETERS)
    assert not set(OTHER_NAMES) & set(HYPERPARAMETERS)
    assert nearest("LR", HYPERPARAMETERS, other_names=OTHER_NAMES) == "learning_rate"
    assert nearest("lr", ["depth"], other_names=OTHER_NAMES) is None


def test_a_column_is_not_taken_for_a_hyperparameter() -> None:
    assert nearest("alpha", ["learning_rate"]) is None


def test_a_word_that_shares_some_letters_is_not_what_was_meant() -> None:
    assert nearest("nope", ["income", "age"]) is None
    assert nearest("agr", ["income", "age"]) == "age"
    assert nearest("roc", ["accuracy", "roc_auc"]) == "roc_auc"


def test_a_configuration_to_try_is_told_too() -> None:
    space = load_space(find_space("dropout"))
    with pytest.raises(SpaceError, match="unknown parameter 'lr'; did you mean 'learning_rate'"):
        read_try_options(["lr=3"], space.parameters)
