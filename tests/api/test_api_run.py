"""What a run in memory can do as the commands do: evaluate, report, export; and how it is shown."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from click.testing import CliRunner

import fcsearch
from fcsearch.cli.evaluate import evaluate
from fcsearch.config import OWN_FORM
from fcsearch.errors import DataError, RunError, UsageError
from fcsearch.evaluation import load_run_dataset
from fcsearch.results import Manifest, RunDirectory

SPACE: dict[str, Any] = {
    "parameters": {"learning_rate": {"low": 0.01, "high": 0.1}, "epochs": 3, "hidden_dim": 8},
    "sampler": "random",
}


def rows(count: int = 120) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    X = np.random.default_rng(0).normal(size=(count, 3))
    return X, (X[:, 0] > 0).astype(np.int64)


def search(X: Any, y: Any = None, **options: Any) -> fcsearch.Run:
    given = {"space": SPACE, "trials": 2, "pool": "inline", "confirm": 0, **options}
    return fcsearch.search(X, y, **given)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> fcsearch.Run:
    return search(*rows(), out=tmp_path_factory.mktemp("runs") / "<b>")


@pytest.mark.filterwarnings("ignore:.* equal rows that trained or chose the network")
def test_other_rows_give_the_figures_of_the_command(run: fcsearch.Run, tmp_path: Path) -> None:
    X, y = rows()
    found = run.evaluate(X[:50], y[:50])
    assert (found.rows, found.split) == (50, "all")
    assert found.value == (run.predict(X[:50]) == y[:50]).mean() == found.figures["accuracy"]
    assert f"accuracy {100 * found.value:.2f}%, standard error" in repr(found)
    np.savez(tmp_path / "rows.npz", X=X[:50], y=y[:50])
    result = CliRunner().invoke(evaluate, [str(run.path), "--dataset", str(tmp_path / "rows.npz")])
    assert f"accuracy {100 * found.value:.2f}%" in " ".join(result.output.split())


@pytest.mark.filterwarnings("ignore:.* equal rows that trained or chose the network")
def test_a_table_is_evaluated_by_its_own_label_or_another() -> None:
    X, y = rows()
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "kind": np.where(y, "yes", "no")})
    found = search(table, label="kind").evaluate(table.slice(40))
    assert found.rows == 80
    other = search(table, label="kind")
    assert other.evaluate(table.slice(40).rename_columns(["a", "b", "sort"]), label="sort") == found
    assert other.evaluate(table.slice(40).select(["b", "a"]), table["kind"].slice(40)) == found
    with pytest.raises(DataError, match="must have the label column 'kind'"):
        other.evaluate(table.rename_columns(["a", "b", "sort"]))


def test_what_the_command_says_of_other_rows_is_a_warning() -> None:
    X, y = rows()
    table = pa.table({"a": X[:, 0], "plan": ["basic", "plus"] * 60, "kind": np.where(y, "yes", "no")})
    run = search(table, label="kind")
    strange = table.set_column(1, "plan", pa.array(["basic", "gold"] * 60)).append_column("memo", table["a"])
    with pytest.warns(UserWarning, match=r"training rows do not have|does not read|trained or chose") as said:
        run.evaluate(strange)
    assert [Path(warning.filename) for warning in said] == [Path(__file__)] * 3
    first, second, third = (str(warning.message) for warning in said)
    assert first.startswith("column 'plan' has 60 values that the training rows do not have ('gold'): encoded as")
    assert second == "ignored columns that the network does not read: memo"
    assert third.startswith("52 of the 120 rows equal rows that trained or chose the network")
    with pytest.warns(
        UserWarning, match=r"rows that trained or chose the network.*`evaluate\(\)` without `X` measures"
    ) as said:
        run.evaluate(table)
    assert len(said) == 1


def test_the_runs_rows_are_read_once_to_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = rows()
    run = search(X, y)
    read: list[RunDirectory] = []

    def load(directory: RunDirectory, **options: Any) -> Any:
        read.append(directory)
        return load_run_dataset(directory, **options)

    monkeypatch.setattr("fcsearch.evaluation.own_rows.load_run_dataset", load)
    for _ in range(3):
        with pytest.warns(UserWarning, match=r"rows that trained or chose the network"):
            run.evaluate(X, y)
    assert len(read) == 1


def test_a_run_of_too_many_rows_is_not_compared() -> None:
    X, y = rows()
    run = search(X, y)
    described = run.directory.manifest().dataset
    run.directory.update_manifest({"dataset": described.model_copy(update={"input_dim": 10**6})})
    assert run.evaluate(X, y).rows == 120  # a warning would be an error


def test_weights_of_the_runs_own_rows_are_given_again() -> None:
    X, y = rows()
    weights = np.linspace(1, 2, 120)
    run = search(X, y, weights=weights)
    with pytest.raises(DataError, match="must be the rows that the run was made on"):
        run.evaluate(X, y, split="val")
    assert run.evaluate(X, y, split="val", weights=weights) == run.evaluate(split="val")
    with pytest.raises(UsageError, match="`weights` is only for the run's own rows"):
        run.evaluate(X, y, weights=weights)


def test_only_the_form_that_the_model_learned_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    run, asked = search(*rows()), []

    def load(found: RunDirectory, **options: Any) -> Any:
        asked.append(list(options["forms"]))
        return load_run_dataset(found, **options)

    monkeypatch.setattr("fcsearch.api.run.load_run_dataset", load)
    run.evaluate()
    assert asked == [[OWN_FORM]]


def test_the_rows_of_a_search_are_measured_again_while_the_program_has_them(run: fcsearch.Run) -> None:
    assert (run.evaluate().split, run.evaluate().rows) == ("test", 18)
    assert run.evaluate(split="train").rows == 84
    opened = fcsearch.open_run(run.path)
    with pytest.raises(DataError, match=r"must be given again: .* Give them as `X` and `y`"):
        opened.evaluate()
    assert opened.evaluate(*rows(), split="test") == run.evaluate()
    with pytest.raises(DataError, match="must be the rows that the run was made on"):
        opened.evaluate(*rows(100), split="test")
    refused = CliRunner().invoke(evaluate, [str(run.path)])
    assert "name that file with --dataset, for `fcsearch evaluate` with --split" in str(refused.exception)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X": rows()[0]}, "must come with the labels of its rows, y"),
        ({"X": rows()[0], "y": rows()[1][:9]}, "found 9 for 120 rows"),
        ({"X": rows()[0], "y": rows()[1] + 5}, "must hold the classes that the network learned"),
        ({"split": "exam"}, "`split` must be one of train, val, test; found 'exam'"),
        ({"label": "kind"}, "`label` is only for other rows"),
        ({"model": "bset"}, "`model` must be best, .*Did you mean 'best'"),
    ],
)
def test_what_cannot_be_evaluated_is_said(run: fcsearch.Run, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run.evaluate(**given)


def test_a_report_is_text_and_a_page_even_of_a_temporary_run() -> None:
    run = search(*rows())
    assert not (run.path / "report.html").exists()
    found = run.report(top=1)
    assert str(found).startswith("search  complete\n")
    assert repr(found) == str(found)
    assert found.content.test.measurement is not None
    assert found.path == run.path / "report.html"
    assert found.path.is_file()
    assert set(run.to_pandas("models")["split"]) == {"val", "test"}


def test_a_report_that_is_not_to_be_written_measures_nothing() -> None:
    found = search(*rows()).report(write=False)
    assert found.path is None
    assert found.content.test.measurement is None


def test_confusion_is_measured_when_it_is_first_asked_for() -> None:
    run = search(*rows())
    assert "confusion" not in run.charts.names()
    assert run.plot_confusion().title == "Which classes are taken for which"
    X, _ = rows()
    with pytest.raises(UsageError, match="a regression has no classes"):
        search(X, X[:, 0] * 3.3).plot_confusion()


def test_confusion_says_what_is_missing_where_the_rows_are_gone(tmp_path: Path) -> None:
    made = search(*rows(), out=tmp_path / "made")
    for name in ("report.json", "report.html", "models.parquet"):
        (made.path / name).unlink()
    with pytest.raises(UsageError, match=r"the winner must have been measured; .* Give them as `X` and `y`"):
        fcsearch.open_run(made.path).plot_confusion()


def test_models_and_trials_are_exported(run: fcsearch.Run, tmp_path: Path) -> None:
    assert run.export(tmp_path / "m.safetensors") == [tmp_path / "m.safetensors", tmp_path / "m.safetensors.md"]
    assert run.export(str(tmp_path / "m.pt2"), model=0)[0] == tmp_path / "m.pt2"
    assert {path.name for path in run.export(tmp_path / "all", format="csv")} == {"trials.csv", "epochs.csv"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"out": "m.xyz"}, r"`out` must end in .pt2"),
        ({"out": "m.onnx", "format": "torch"}, "Change the ending or `format`"),
        ({"out": "m", "format": "xls"}, "`format` must be one of torch, onnx, safetensors, csv"),
        ({"out": "m", "format": "csv", "model": 1}, "`format='csv'` writes the trials of a run; found `model=1`"),
        ({"out": "gone/m.onnx"}, "`out` must name a file in a folder that exists"),
    ],
)
def test_what_cannot_be_exported_is_said(run: fcsearch.Run, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run.export(**given)


def test_a_run_is_shown_in_a_line_and_as_a_table(run: fcsearch.Run) -> None:
    best = run.best
    figure = f"trial {best['trial_id']}, validation accuracy {100 * best['val_accuracy']:.2f}%"
    assert repr(run) == f"<Run <b>: complete, 2 of 2 trials, best {figure}, {run.path}>"
    assert run._repr_html_().startswith("<table><caption>&lt;b&gt;</caption><tr><th>state</th><td>complete</td></tr>")
    assert f"<td>{figure}</td>" in run._repr_html_()


def test_a_run_without_results_or_without_files_is_shown_too(tmp_path: Path) -> None:
    empty = RunDirectory.create(tmp_path / "new", Manifest(name="new", state="running"))
    assert repr(fcsearch.open_run(empty.path)).startswith("<Run new: running, 0 trials, ")
    gone = fcsearch.Run(RunDirectory(tmp_path / "gone"))
    assert repr(gone).startswith("<Run gone: ")
    with pytest.raises(RunError):
        _ = gone.best
