import csv
import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from commands import output_of

import fcsearch.cli
from fcsearch.results import open_run
from fcsearch.space import Constant, load_space, shipped_spaces, space_schema
from fcsearch.space.document import read_file


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i % 7},{'ab'[i % 2]},{i % 5},{'yes' if i % 7 > 3 else 'no'}\n" for i in range(60))
    (tmp_path / "customers.csv").write_text("age,plan,visits,churn\n" + rows)
    return tmp_path


def test_a_space_for_a_table_says_what_is_in_it_and_runs(here: Path) -> None:
    output = output_of("init", "customers.csv", "--label", "churn", "--drop", "visits")
    assert "wrote customers.yaml" in output
    assert output.endswith("\n  fcsearch run customers.yaml\n")
    text = (here / "customers.yaml").read_text()
    for line in (
        "# A search space for customers.csv, made by `fcsearch init` from the space small.",
        "#   fcsearch run customers.yaml",
        "# Rows: 51 in 5 folds, 9 for test",
        "# Task: classification by the column churn, 2 classes: no, yes",
        "# Features: from these columns:",
        "#   age   number",
        "#   plan  2 categories",
    ):
        assert f"{line}\n" in text
    assert "visits" in text.partition("drop:")[2]
    jsonschema.validate(read_file(here / "customers.yaml").plain(), space_schema())
    space = load_space(here / "customers.yaml")
    assert (space.name, space.dataset.source, space.dataset.label) == ("customers", "customers.csv", "churn")
    assert space.dataset.drop == ("visits",)
    small = load_space(shipped_spaces()["small"])
    assert space.parameters == small.parameters
    assert space.tries == small.tries
    assert "customers is a valid space" in output_of("validate", "customers.yaml", "--check-data")
    assert "runs/customers\n" in output_of("run", "customers.yaml", "--dry-run")


def test_features_are_counted_where_all_trials_have_the_same(here: Path) -> None:
    output_of("init", "customers.csv", "--label", "churn", "--drop", "visits", "--space", "default")
    assert "# Features: 3, from these columns:\n" in (here / "customers.yaml").read_text()


def test_a_column_that_cannot_be_used_is_left_out_with_an_option_of_this_command(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (here / "customers.csv").read_text().splitlines()
    rows = [f"{i},2026-01-{i % 28 + 1:02},{line}" for i, line in enumerate(lines[1:])]
    (here / "customers.csv").write_text("\n".join([f"customer_id,the day,{lines[0]}", *rows]))
    for more, way_out in (
        ([], "To leave the features out: --drop customer_id --drop 'the day'\n"),
        (["--drop", "customer_id"], "To leave it out: --drop 'the day'\n"),
    ):
        with pytest.raises(SystemExit):
            fcsearch.cli.main(["init", "customers.csv", "--label", "churn", *more])
        message = capsys.readouterr().err
        assert message.endswith(way_out)
        assert "--set" not in message


@pytest.mark.parametrize("column", ["😀", ".5", ".inf", "1", "no", 'a "b" \\', "a\u2028b"])
def test_columns_may_have_any_name(here: Path, column: str) -> None:
    with (here / "odd.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([(column, "kind"), *((i % 7, "ab"[i % 2]) for i in range(60))])
    output_of("init", "odd.csv", "--label", column, "--out", "label.yaml")
    assert load_space(here / "label.yaml").dataset.label == column
    with (here / "more.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([(column, "age", "kind"), *((i % 7, i % 5, "ab"[i % 2]) for i in range(60))])
    output_of("init", "more.csv", "--label", "kind", "--drop", column, "--out", "drop.yaml")
    assert load_space(here / "drop.yaml").dataset.drop == (column,)


def test_a_space_for_a_regression_says_so(here: Path, refused: Callable[..., str]) -> None:
    rows = "".join(f"{i % 7},{1.5 * i}\n" for i in range(60))
    (here / "houses.csv").write_text("rooms,price\n" + rows)
    output_of("init", "houses.csv", "--label", "price")
    assert "# Task: regression by the column price, from " in (here / "houses.yaml").read_text()
    said = " ".join(output_of("validate", "houses.yaml", "--check-data").split())
    assert "label from 0 to 85.5 in the training rows features from 1 column" in said
    assert "preprocessing standardize (1 feature), quantile (1), piecewise 4 (4), piecewise 8 (6), piece" in said
    assert "objective       mae" in output_of("validate", "houses.yaml", "--set", "objective=mae")
    arguments = ["validate", "houses.yaml", "--check-data", "--set", "objective=roc_auc"]
    assert "the objective of a regression must be one of rmse, mae, r2; found roc_auc" in refused(*arguments)
    planned = output_of("run", "houses.yaml", "--dry-run", "--set", "objective=mae")
    assert "task            predicts price, a regression, by validation MAE" in planned


def test_the_label_that_is_found_is_written(here: Path) -> None:
    (here / "customers.csv").write_text((here / "customers.csv").read_text().replace("churn", "target"))
    output_of("init", "customers.csv", "--out", "folder-less.yml")
    assert load_space(here / "folder-less.yml").dataset.label == "target"


def test_long_lists_are_cut(here: Path) -> None:
    head = ",".join(f"c{i}" for i in range(40))
    rows = "".join(",".join(str((i * j) % 11) for j in range(40)) + f",k{i % 12}\n" for i in range(120))
    (here / "wide.csv").write_text(f"{head},label\n{rows}")
    output_of("init", "wide.csv")
    text = (here / "wide.yaml").read_text()
    assert "#   c29  number\n#   and 10 more\n" in text
    assert "12 classes: k0, k1, k10, k11, k2, k3, k4, k5, k6, k7, ...\n" in text


def test_without_data_it_is_digits_and_any_space_that_ships_will_do(here: Path) -> None:
    output_of("init", "--space", "full", "--out", "my space.yaml")
    space = load_space(here / "my space.yaml")
    assert (space.name, space.dataset.source, space.trials) == ("digits", "digits", 60)
    assert "fcsearch run 'my space.yaml'" in (here / "my space.yaml").read_text()


def test_what_is_set_stands_in_place_of_what_it_changes(here: Path) -> None:
    lines = (here / "customers.csv").read_text().splitlines()
    rows = [f"2026-01-{i % 28 + 1:02},{line}" for i, line in enumerate(lines[1:])]
    (here / "customers.csv").write_text("\n".join([f"day,{lines[0]}", *rows]))
    changes = [
        *("dataset.dates=parts", "dataset.test_fraction=0.2", "objective=roc_auc", "folds=3", "trials=7"),
        *(
            "parameters.depth={low: 2, high: 4}",
            "parameters.hidden_dim=32",
            "parameters.bins=8",
            "parameters.dropout=null",
        ),
        "parameters.input_dropout={choices: [0, 0.1]}",
    ]
    sets = [part for change in changes for part in ("--set", change)]
    output_of("init", "customers.csv", "--label", "churn", *sets)
    text = (here / "customers.yaml").read_text()
    for line in (
        "  dates: parts",
        "  test_fraction: 0.2",
        "objective: roc_auc",
        "folds: 3",
        "  depth: {low: 2, high: 4}",
        "  hidden_dim: 32",
        "  bins: 8",
    ):
        assert f"\n{line}\n" in text
    # Neither what was changed nor its comment stays; other comments do.
    for gone in (
        "# dates:",
        "# test_fraction:",
        "# objective:",
        "folds: auto\n",
        "depth: 1",
        "# linear",
        "\n  dropout:",
    ):
        assert gone not in text
    assert "  # How numbers become features" in text
    assert "#   day " in text
    expected = load_space(shipped_spaces()["small"], overrides=changes, dataset="customers.csv")
    space = load_space(here / "customers.yaml")
    assert (space.parameters, space.trials, space.tries) == (expected.parameters, 7, expected.tries)
    assert space.objective == "roc_auc"
    assert space.dataset == dataclasses.replace(expected.dataset, label="churn")
    assert "churn" in output_of("run", "customers.yaml", "--dry-run")


def test_a_parameter_of_several_lines_is_changed_whole(here: Path) -> None:
    output_of("init", "--space", "seed_update_rules", "--set", "parameters.learning_rate=0.5", "--set", "name=mine")
    space = load_space(here / "digits.yaml")
    assert space.parameters["learning_rate"] == Constant("learning_rate", 0.5)
    assert space.name == "mine"


def test_a_file_that_is_there_is_replaced_where_that_is_forced(here: Path) -> None:
    (here / "digits.yaml").write_text("mine")
    output_of("init", "--force")
    assert load_space(here / "digits.yaml").name == "digits"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["there.csv"], "there.yaml already exists; replace it with --force"),
        (["none.csv"], "none.csv"),
        (["customers.csv"], "one column of classes"),
        (["customers.csv", "--label", "chur"], "Did you mean 'churn'?"),
        (["customers.csv", "--label", "churn", "--drop", "aeg"], "aeg"),
        (["digits", "--label", "churn"], "label belongs to files and tables"),
        (["--out", "space.txt"], "--out space.txt. Add the ending"),
        (["--out", "none/space.yaml"], "none/space.yaml: No such file or directory"),
        (["--space", "ful"], "Did you mean 'full'?"),
        (["--space", "mine.yaml"], "no space called 'mine.yaml' ships"),
        (["--set", "trails=3"], "--set trails=3: unknown key 'trails'; did you mean 'trials'?"),
        (["--set", "parameters.depth=x"], "--set parameters.depth=x: parameters.depth: depth must be an integer"),
        (["customers.csv", "--label", "churn", "--set", "objective=rmse"], "the objective of a classification must be"),
        (
            ["customers.csv", "--label", "churn", "--drop", "age", "--set", "dataset.drop=[plan]"],
            "--drop age: --set dataset.drop=[plan] says otherwise; leave one of them out",
        ),
        (["customers.csv", "--set", "dataset=other.csv"], "the dataset is customers.csv already; name another one in"),
    ],
)
def test_bad_use_ends_with_one_message_and_writes_nothing(
    here: Path, refused: Callable[..., str], arguments: list[str], says: str
) -> None:
    (here / "there.yaml").write_text("mine")
    before = sorted(here.rglob("*"))
    assert says in refused("init", *arguments)
    assert sorted(here.rglob("*")) == before
    assert (here / "there.yaml").read_text() == "mine"


def test_spaces_lists_what_ships() -> None:
    output = output_of("spaces")
    assert [line.split()[0] for line in output.splitlines() if line[:1].strip()] == list(shipped_spaces())
    assert "Dropout by width: does a wider layer need more dropout?" in " ".join(output.split())


@pytest.mark.ray
def test_what_it_writes_is_searched_by_the_command_that_it_prints(here: Path) -> None:
    command = output_of("init", "customers.csv", "--label", "churn").splitlines()[-1].split()
    few = ["--trials", "2", "--set", "parameters.epochs=1", "--workers", "1", "--quiet"]
    done = subprocess.run([sys.executable, "-m", *command, *few], cwd=here, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "runs/customers\n"), done.stderr
    assert len(open_run(here / "runs" / "customers").trials) == 2


def test_a_column_without_a_name_is_called_so_and_other_options_stand_as_comments(here: Path) -> None:
    rows = (here / "customers.csv").read_text().splitlines()
    (here / "customers.csv").write_text(
        "\n".join(f"{'' if number == 0 else number}{row and ','}{row}" for number, row in enumerate(rows))
    )
    output_of("init", "customers.csv", "--label", "churn")
    text = (here / "customers.yaml").read_text()
    assert "# Columns that are not used: (unnamed)\n" in text
    assert "# objective: accuracy    # the figure on validation rows that is improved; or balanced_accuracy" in text
    open_lines = text.replace("# objective:", "objective:").replace("  # dates:", "  dates:")
    open_lines = open_lines.replace("  # folds:", "  folds:").replace("  # decimal:", "  decimal:")
    (here / "all.yaml").write_text(open_lines)
    space = load_space(here / "all.yaml")
    assert (space.objective, space.dataset.folds) == ("accuracy", 5)
    assert (space.dataset.dates, space.dataset.decimal) == ("parts", ",")


def test_a_mistyped_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for word, says in (("rnu", "No such command 'rnu'. Did you mean 'run'?"), ("xyzzy", "Known: run, resume,")):
        with pytest.raises(SystemExit) as ended:
            fcsearch.cli.main([word, "customers.csv"])
        assert ended.value.code == 2
        assert says in capsys.readouterr().err
