import re
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import json_of, output_of

import fcsearch.cli
from fcsearch.space import SearchSpace, describe_try, load_space

SPACES = Path(__file__).parents[2] / "search_spaces"
FULL, DROPOUT = str(SPACES / "full.yaml"), str(SPACES / "dropout.yaml")


def test_text_says_the_space_as_understood() -> None:
    lines = [" ".join(line.split()) for line in output_of("validate", FULL, "--seed", "1").splitlines()]
    assert "full is a valid space" in lines
    assert "dataset digits" in lines
    assert "sampler tpe (n_startup_trials 16)" in lines
    assert "trials 60" in lines
    assert "early stopping ASHA from epoch 3, the best 1 in 3 continue" in lines
    assert "learning_rate range 0.0001 to 0.1, log always" in lines
    assert "epochs integer range 10 to 30, step 10 always" in lines
    assert "momentum range 0.8 to 0.99 update_rule is sgd_momentum" in lines
    tried = [describe_try(values) for values in load_space(Path(FULL)).tries]
    assert f"comes first {len(tried)} configurations, the first depth=2,hidden_dim=64,dropout=0,..." in lines
    listed = lines.index("The configurations that come first") + 1
    assert lines[listed : listed + len(tried)] == [f"{number} {words}" for number, words in enumerate(tried, 1)]
    assert tried[3] not in " ".join(output_of("validate", FULL, "--set", "trials=3").split())
    assert "A configuration of this space, sampled at random (seed 1)" in lines


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("update_rule=sgd", "comes first nothing; 6 configurations are left out, as ruled out by --set"),
        ("lr_schedule=cosine", "comes first 6 configurations, the first depth=2,hidden_dim=64,dropout=0,..."),
    ],
)
def test_text_counts_the_configurations_that_an_override_rules_out(override: str, line: str) -> None:
    output = output_of("validate", FULL, "--set", f"parameters.{override}")
    assert line in [" ".join(found.split()) for found in output.splitlines()]


def test_text_of_a_grid_with_overrides() -> None:
    file = str(SPACES / "two_layer.yaml")
    output = output_of(
        "validate", file, "--set", "trials=4", "--set", "parameters.hidden_dims=[64, 32]", "--dataset", "x.csv"
    )
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "trials 4 of a grid of 9" in lines
    assert "hidden_dims constant [64, 32] always" in lines
    assert "dataset x.csv" in lines
    assert "early stopping none" in lines


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--set", "dataset=digitz"], "Did you mean 'digits'?"),
        (["--set", "objective=rmse"], "objective of a classification must be one of"),
        (["--set", "parameters.loss=squared"], "parameters.loss of a classification must be softmax or svm"),
        (["--set", "objective=rmse", "--set", "task=classification", "--dataset", "x.csv"], "objective of a classif"),
    ],
)
def test_what_is_known_without_rows_is_checked(
    arguments: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        fcsearch.cli.main(["validate", FULL, *arguments])
    assert caught.value.code == 2
    assert found in capsys.readouterr().err


def test_an_error_in_an_option_names_it_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fcsearch.cli.main(["validate", FULL, "--label", "foo"])
    message = capsys.readouterr().err
    assert "--label foo" in message
    assert "--set" not in message


def test_the_label_of_a_file_that_is_there_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "table.csv").write_text("a,churn\n1,yes\n2,no\n")
    arguments = ["validate", FULL, "--dataset", str(tmp_path / "table.csv"), "--label"]
    with pytest.raises(SystemExit):
        fcsearch.cli.main([*arguments, "chrun"])
    assert "Did you mean 'churn'?" in capsys.readouterr().err
    output_of("validate", *arguments[1:], "churn")


def test_json_is_the_space_and_a_sample_of_it() -> None:
    facts = json_of("validate", FULL, "--seed", "3")
    space = load_space(Path(FULL))
    assert SearchSpace.from_json(facts["space"]) == space
    assert facts["grid_size"] is None
    sample = facts["sample"]["parameters"]
    assert facts["sample"]["seed"] == 3
    assert space.decode(space.encode(sample)) == sample
    again = json_of("validate", FULL, "--seed", "3")
    assert again == facts
    other = json_of("validate", FULL, "--seed", "4")
    assert other["sample"]["parameters"] != sample


def test_a_space_that_ships_goes_by_its_name() -> None:
    by_name = json_of("validate", "full")
    assert by_name["space"] == json_of("validate", FULL)["space"]


def test_check_data_loads_the_dataset() -> None:
    lines = [" ".join(line.split()) for line in output_of("validate", DROPOUT, "--check-data").splitlines()]
    said = {"label 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9", "features 64 (preprocessing standardize)"}
    assert {"rows 1,257 training, 270 validation, 270 test", *said} <= {*lines}
    facts = json_of("validate", DROPOUT, "--check-data")
    assert facts["dataset"]["num_classes"] == 10


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["validate", "none.yaml"], "fcsearch: none.yaml: no such file"),
        (["validate", "fulll"], "no space called 'fulll' ships; those that do are cifar10_ablation, "),
        (["validate", "fulll"], "Did you mean 'full'?"),
        (["validate", FULL, "--set", "trials=0"], "fcsearch: --set trials=0: trials: an integer"),
        (["validate", FULL, "--dataset", "none.csv", "--check-data"], "none.csv"),
        (["validate", FULL, "--seed", "-1"], "--seed"),
        (["validate"], "SPACE"),
    ],
)
def test_bad_use_ends_with_one_message_and_exit_code_2(
    refused: Callable[..., str], arguments: list[str], says: str
) -> None:
    assert says in refused(*arguments)


def customers(folder: Path, *, extra: str = "", cells: str = "") -> Path:
    path = folder / "customers.csv"
    header = f",age,job,customer_id{extra},churn"
    rows = [
        f"{row},{20 + row % 9 if row % 5 else ''},{['cook', 'smith', 'nurse', 'cook'][row % 4]},{row * 7}"
        f"{cells.replace('ROW', str(row))},{['no', 'yes'][row % 2]}"
        for row in range(90)
    ]
    path.write_text("\n".join([header, *rows]))
    return path


def test_check_data_counts_the_forms_that_trials_learn_and_the_rows_of_all_folds(tmp_path: Path) -> None:
    options = ["--dataset", str(customers(tmp_path)), "--label", "churn", "--check-data"]
    options += ["--set", "dataset.drop=customer_id", "--set", "dataset.folds=3"]
    options += ["--set", "parameters.preprocessing={choices: [quantile, robust]}"]
    lines = [" ".join(line.split()) for line in output_of("validate", DROPOUT, *options).splitlines()]
    assert {"rows 76 in 3 folds, 14 test", "features from 2 columns"} <= {*lines}
    assert any(line.startswith("preprocessing quantile (4 features), robust (4): ") for line in lines)
    assert json_of("validate", DROPOUT, *options)["dataset"]["forms"] == {"quantile": 4, "robust": 4}


def test_check_data_shows_each_column_in_one_table(tmp_path: Path) -> None:
    options = ["--dataset", str(customers(tmp_path)), "--label", "churn", "--check-data"]
    options += ["--set", "dataset.drop=customer_id"]
    lines = [" ".join(line.split()) for line in output_of("validate", DROPOUT, *options).splitlines()]
    assert "column kind gaps filled with categories use" in lines
    assert "(unnamed) number 0 ignored: numbers the rows" in lines
    assert "age number 18 24 used" in lines
    assert "job category 0 cook 3: cook, nurse, smith used" in lines
    assert "customer_id number 0 dropped: by the option drop" in lines
    assert "churn category 0 2: no, yes label" in lines
    columns = json_of("validate", DROPOUT, *options)["columns"]
    assert [column["use"] for column in columns] == ["ignored", "used", "used", "dropped", "label"]


def test_what_fills_a_missing_date_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    days = [f"2026-03-{1 + row % 28:02}" if row % 5 else "" for row in range(90)]
    path.write_text("\n".join(["size,day,label", *(f"{row % 7},{day},{row % 2}" for row, day in enumerate(days))]))
    options = ["--dataset", str(path), "--check-data", "--set", "dataset.dates=parts"]
    size, day, label = json_of("validate", DROPOUT, *options)["columns"]
    assert (size["fill"], label["fill"], day["gaps"]) == (3.0, None, 18)
    assert re.fullmatch(r"year 2026, month 3, day of week [\d.]+, day of year [\d.]+", day["fill"])


def test_all_columns_that_cannot_be_used_are_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = customers(tmp_path, extra=",since,memo", cells=",2020-01-01,text ROW")
    arguments = ["validate", DROPOUT, "--dataset", str(path), "--label", "churn", "--check-data"]
    with pytest.raises(SystemExit) as caught:
        fcsearch.cli.main(arguments)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert f"3 columns of {path} cannot be used:" in captured.err
    assert 'drop: ["customer_id", "since", "memo"]' in captured.err
    assert captured.out.count("refused: must") == 3
    assert "3: cook, nurse, smith" in captured.out
    # The advice works as it stands.
    options = ["--set", 'dataset.drop=["customer_id", "since", "memo"]', "--dataset", str(path), "--label", "churn"]
    assert "2 classes" in output_of("validate", DROPOUT, *options, "--check-data")


def test_check_data_says_by_which_column_rows_are_split(tmp_path: Path) -> None:
    options = ["--dataset", str(customers(tmp_path)), "--label", "churn", "--check-data"]
    options += ["--set", "dataset.drop=age", "--set", "dataset.group=customer_id"]
    lines = [" ".join(line.split()) for line in output_of("validate", DROPOUT, *options).splitlines()]
    assert "split by groups of customer_id: 62 train, 14 val, 14 test" in lines
    assert "customer_id number 0 group: never in two splits" in lines
    found = json_of("validate", DROPOUT, *options)
    assert found["dataset"]["split"]["groups"] == {"train": 62, "val": 14, "test": 14}
    assert found["columns"][3]["use"] == "group"
    options[-1] = "dataset.time=customer_id"
    lines = [" ".join(line.split()) for line in output_of("validate", DROPOUT, *options).splitlines()]
    assert "split in the order of customer_id: train 0 to 434, val 441 to 525, test 532 to 623" in lines
    assert "customer_id number 0 time: separates the splits" in lines


def test_a_column_to_split_by_that_is_not_there_ends_with_exit_code_2(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    options = ["--label", "churn", "--set", "dataset.drop=customer_id", "--set", "dataset.group=cook", "--check-data"]
    error = refused("validate", "full", "--dataset", customers(tmp_path), *options)
    assert "dataset option group must name a column of" in error
