"""The space files that ship: what each promises in its comments."""

from pathlib import Path

import pytest

from fcsearch.config import HYPERPARAMETERS
from fcsearch.space import Choices, Condition, Constant, Range, SearchSpace, load_space

FOLDER = Path(__file__).parents[2] / "search_spaces"
NAMES = ("default", "depth", "dropout", "full", "two_layer", "update_rules")


def shipped(name: str) -> SearchSpace:
    return load_space(FOLDER / f"{name}.yaml")


def test_these_ship() -> None:
    assert set(NAMES) <= {path.stem for path in FOLDER.glob("*.yaml")}


@pytest.mark.parametrize("name", NAMES)
def test_each_is_named_as_its_file_learns_digits_and_says_how_to_run_it(name: str) -> None:
    space = shipped(name)
    assert (space.name, space.dataset.source) == (name, "digits")
    text = (FOLDER / f"{name}.yaml").read_text()
    assert f"#   fcsearch run {name}\n" in text
    assert "--dataset cifar10" in text
    for line in text.splitlines():
        assert len(line) <= 125
    elsewhere = load_space(FOLDER / f"{name}.yaml", dataset="cifar10")
    assert elsewhere.parameters == space.parameters


@pytest.mark.parametrize(("name", "size"), [("two_layer", 9), ("depth", 24), ("dropout", 48)])
def test_grids(name: str, size: int) -> None:
    space = shipped(name)
    assert space.sampler.name == "grid"
    assert len(space.grid()) == space.trials == size
    assert f"= {size} trials" in (FOLDER / f"{name}.yaml").read_text()


def test_two_layer_is_the_grid_of_the_seed() -> None:
    grid = shipped("two_layer").grid()
    assert {(p["learning_rate"], p["epochs"]) for p in grid} == {
        (r, e) for r in (0.1, 0.01, 0.001) for e in (10, 20, 30)
    }
    config = shipped("two_layer").trial_config(grid[0], seed=0)
    assert (config.hidden_dims, config.update_rule, config.initial_scale) == ((100,), "sgd", 1e-3)


def test_depth_compares_three_layers_with_five() -> None:
    space = shipped("depth")
    assert space.parameters["depth"] == Choices("depth", (3, 5))
    assert space.parameters["init"] == Choices("init", ("normal", "kaiming"))
    scale = space.parameters["weight_scale"]
    assert scale == Choices("weight_scale", (0.01, 0.05), when=(Condition("init", ("normal",)),))


def test_update_rules_compares_all_four_on_five_hidden_layers() -> None:
    space = shipped("update_rules")
    assert space.parameters["update_rule"] == Choices("update_rule", ("sgd", "sgd_momentum", "rmsprop", "adam"))
    assert space.parameters["hidden_dims"] == Constant("hidden_dims", (100,) * 5)
    rate = space.parameters["learning_rate"]
    assert isinstance(rate, Range)
    assert rate.log


def test_dropout_is_searched_by_width() -> None:
    space = shipped("dropout")
    assert space.parameters["dropout"] == Choices("dropout", (0.0, 0.25, 0.5))
    assert space.parameters["hidden_dim"] == Choices("hidden_dim", (256, 512))


def test_full_searches_everything_with_tpe_and_early_stopping() -> None:
    space = shipped("full")
    assert space.sampler.name == "tpe"
    assert space.early_stopping is not None
    left_out = {
        "hidden_dims",
        "preprocessing",
        "bins",
        "frequencies",
        "frequency_scale",
        "embedding_dim",
        "activation",
        "huber_delta",
        "epsilon",
        "input_dropout",
        "label_smoothing",
        "lr_schedule",
        "weight_decay",
    }
    assert set(HYPERPARAMETERS) - set(space.parameters) <= left_out
    assert not [name for name, parameter in space.parameters.items() if isinstance(parameter, Constant)]


def test_default_fits_any_table_with_tpe_and_early_stopping() -> None:
    space = shipped("default")
    assert (space.sampler.name, space.trials) == ("tpe", 100)
    assert space.early_stopping is not None
    assert space.parameters["update_rule"] == Constant("update_rule", "adam")
    rate = space.parameters["learning_rate"]
    assert isinstance(rate, Range)
    assert rate.log
