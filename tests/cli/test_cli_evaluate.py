"""`fcsearch evaluate`."""

import dataclasses
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import json_of, output_of
from customers import table, write
from synthetic_run import change_dataset, digits, make_table_run

import fcsearch
from fcsearch.cli.evaluate import _print
from fcsearch.errors import DataError
from fcsearch.evaluation import Lead, measure
from fcsearch.results import RunDirectory, open_run


def test_measures_the_best_network_on_the_test_rows(made_run: RunDirectory) -> None:
    output = output_of("evaluate", made_run.path)
    best = open_run(made_run.path).best["trial_id"]
    expected = measure(made_run, best, digits(), "test")
    assert f"trial {best} of {made_run.path.name} on 270 test rows of digits\n" in output
    words = " ".join(output.split())
    assert f"rows of digits accuracy {100 * expected.accuracy:.2f}%" in words
    assert f"log loss {expected.figures['log_loss']:.4g} mean negative logarithm" in words
    assert not re.search(r"(?<!log )loss \d", words)
    lines = [line.split() for line in output.splitlines()]
    rows = [line for line in lines if len(line) == 5 and line[2].endswith("%")]
    assert [row[0] for row in rows] == list(digits().class_names)
    assert sum(int(row[1]) for row in rows) == 270
    matrix = [line for line in lines if len(line) == 11 and all(word.isdigit() for word in line)]
    assert sum(int(row[1 + index]) for index, row in enumerate(matrix)) == round(270 * expected.accuracy)


def test_in_a_pipe_a_figure_is_a_line_and_the_classes_stand_apart(made_run: RunDirectory) -> None:
    output = output_of("evaluate", made_run.path)
    figures, classes, *_ = output.split("\n\n")
    _, *lines = figures.splitlines()
    assert len(lines) == 4
    assert all(re.match(r"  \S.*? {2,}[\d.%]+  \S", line) for line in lines), lines
    assert classes.splitlines()[0].split() == ["class", "rows", "recall", "precision", "F1"]


def test_shows_what_a_model_must_beat(made_run: RunDirectory) -> None:
    output = output_of("evaluate", made_run.path)
    counts = np.bincount(digits().test.y)
    base = f"baseline {100 * counts.max() / counts.sum():.2f}% always answering '{counts.argmax()}'"
    assert base in " ".join(output.split())
    assert "balanced accuracy" in output


def test_another_trial_another_split_as_json(made_run: RunDirectory) -> None:
    trial = made_run.models.saved()[-1]
    found = json_of("evaluate", made_run.path, "--trial", trial, "--split", "val")
    assert (found["trial_id"], found["split"], found["rows"]) == (trial, "val", 270)
    assert found["accuracy"] == measure(made_run, trial, digits(), "val").accuracy
    figures = found["classification"]
    assert [entry["name"] for entry in figures["classes"]] == list(digits().class_names)
    assert sum(map(sum, figures["confusion"])) == 270


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trial", "999"], ", and trained; found 999"),
        (["--split", "exam"], "'exam' is not one of 'train', 'val', 'test'"),
        (["--dataset", "no/such.parquet"], "such.parquet"),
        (["--label", "kind"], "--label is only for other data than the run's"),
        (
            ["--dataset", "digits", "--label", "kind"],
            "--label belongs to tables and arrays; the labels of digits have no name",
        ),
    ],
)
def test_bad_input_exits_2_with_a_message(
    made_run: RunDirectory, options: list[str], message: str, refused: Callable[..., str]
) -> None:
    assert message in refused("evaluate", made_run.path, *options)


def test_changed_data_are_refused(run: RunDirectory, refused: Callable[..., str]) -> None:
    change_dataset(run, fingerprint="0123")
    assert "restore the original data" in refused("evaluate", run.path)


def test_data_that_are_gone_are_named_with_what_to_do(tmp_path: Path, refused: Callable[..., str]) -> None:
    source = write(tmp_path, table(), "customers.csv")
    run = make_table_run(tmp_path / "run", source, label="churn")
    source.rename(tmp_path / "customer.csv")
    error = " ".join(refused("evaluate", run.path).split())
    assert f"the run's data {source} must exist; found nothing there; if they have moved, `fcsearch resume" in error
    assert "`fcsearch evaluate` takes --dataset PATH with --split, too" in error
    opened = fcsearch.open_run(run.path)
    with pytest.raises(DataError, match="nothing there; if they have moved, read them, and give them as `X` and `y`"):
        opened.evaluate()
    assert opened.evaluate(table(), split="test").rows == 45
    # What is wrong with these rows is not that the run's are gone.
    with pytest.raises(DataError, match="churn"):
        opened.evaluate(table().drop_columns("churn"), split="test")


def test_of_data_the_part_that_is_gone_is_named(tmp_path: Path, refused: Callable[..., str]) -> None:
    source, test = (write(tmp_path, table(), name) for name in ("my train.csv", "te.csv"))
    run = make_table_run(tmp_path / "run", source, label="churn", test=str(test))
    test.unlink()
    error = " ".join(refused("evaluate", run.path).split())
    assert (
        f"the run's test rows {test} must exist; found nothing there; put them back, or under the same name beside "
        f"{source}, where `{shlex.join(['fcsearch', 'resume', str(run.path), '--dataset', str(source)])}` notes that "
        "they are there now"
    ) in error
    with pytest.raises(DataError, match="put them back, or read them, and give them as `X` and `y`"):
        fcsearch.open_run(run.path).evaluate()
    source.unlink()
    error = " ".join(refused("evaluate", run.path).split())
    assert f"the run's data {source} and {test} must exist; found nothing there; if they have moved" in error


def test_says_where_the_rows_show_no_lead(made_run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    found = measure(made_run, made_run.models.saved()[0], digits(), "val")
    _print(found, "trial 0", "small", "digits")
    assert "not ahead" not in capsys.readouterr().out
    assert found.base_line is not None
    _print(dataclasses.replace(found, value=found.base_line.value, lead=Lead(0.0, 0.01)), "trial 0", "small", "digits")
    said = " ".join(capsys.readouterr().out.split())
    assert " of small on 270 validation rows of digits " in said
    assert "On the 270 validation rows the network is not ahead of always answering '" in said
