from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import fcsearch.cli
from fcsearch.cli.validate import validate
from fcsearch.space import SearchSpace, load_space

SPACES = Path(__file__).parents[2] / "search_spaces"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(validate, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_help_has_an_example() -> None:
    output = run("--help")
    assert "Example:\n" in output
    assert "fcsearch validate my_space.yaml\n" in output


def test_text_says_the_space_as_understood() -> None:
    lines = [" ".join(line.split()) for line in run(str(SPACES / "full.yaml"), "--seed", "1").splitlines()]
    assert "full is a valid space" in lines
    assert "dataset digits" in lines
    assert "sampler tpe (n_startup_trials 16)" in lines
    assert "trials 60" in lines
    assert "early stopping asha, from epoch 3 on, the best 1 in 3 go on" in lines
    assert "learning_rate range 0.0001 to 0.1, log always" in lines
    assert "epochs integer range 10 to 30, step 10 always" in lines
    assert "momentum range 0.8 to 0.99 update_rule is sgd_momentum" in lines
    assert "A configuration of this space, sampled at random (seed 1)" in lines


def test_text_of_a_grid_with_overrides() -> None:
    file = str(SPACES / "two_layer.yaml")
    output = run(file, "--set", "trials=4", "--set", "parameters.hidden_dims=[64, 32]", "--dataset", "x.csv")
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "trials 4 of a grid of 9" in lines
    assert "hidden_dims constant [64, 32] always" in lines
    assert "dataset x.csv" in lines
    assert "early stopping none" in lines


def test_json_is_the_space_and_a_sample_of_it() -> None:
    facts = json.loads(run(str(SPACES / "full.yaml"), "--seed", "3", "--format", "json"))
    space = load_space(SPACES / "full.yaml")
    assert SearchSpace.from_json(facts["space"]) == space
    assert facts["grid_size"] is None
    sample = facts["sample"]["parameters"]
    assert facts["sample"]["seed"] == 3
    assert space.decode(space.encode(sample)) == sample
    again = json.loads(run(str(SPACES / "full.yaml"), "--seed", "3", "--format", "json"))
    assert again == facts
    other = json.loads(run(str(SPACES / "full.yaml"), "--seed", "4", "--format", "json"))
    assert other["sample"]["parameters"] != sample


def test_a_space_that_ships_goes_by_its_name() -> None:
    by_name = json.loads(run("full", "--format", "json"))
    assert by_name["space"] == json.loads(run(str(SPACES / "full.yaml"), "--format", "json"))["space"]


def test_check_data_loads_the_dataset() -> None:
    lines = [" ".join(line.split()) for line in run(str(SPACES / "dropout.yaml"), "--check-data").splitlines()]
    assert any(line.startswith("data ") and line.endswith("64 features, 10 classes") for line in lines)
    facts = json.loads(run(str(SPACES / "dropout.yaml"), "--check-data", "--format", "json"))
    assert facts["dataset"]["num_classes"] == 10


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["validate", "none.yaml"], "fcsearch: none.yaml: no such file"),
        (["validate", "fulll"], "no space called 'fulll' ships; those that do are cifar10_ablation, "),
        (["validate", "fulll"], "Did you mean 'full'?"),
        (["validate", str(SPACES / "full.yaml"), "--set", "trials=0"], "fcsearch: --set trials=0: trials: an integer"),
        (["validate", str(SPACES / "full.yaml"), "--dataset", "none.csv", "--check-data"], "none.csv"),
        (["validate", str(SPACES / "full.yaml"), "--seed", "-1"], "--seed"),
        (["validate"], "SPACE"),
    ],
)
def test_bad_use_ends_with_one_message_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        fcsearch.cli.main(arguments)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err
