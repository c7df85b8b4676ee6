"""A run in a notebook: its tables as DataFrames, its study for Optuna's plots, the report's charts."""

import json
from pathlib import Path

import optuna
import pytest
import vl_convert
from run_fixtures import made_run, run

import fcsearch
from fcsearch.errors import UsageError
from fcsearch.report import write_report
from fcsearch.results import RunDirectory

__all__ = ["made_run", "run"]


def test_tables_are_dataframes(run: RunDirectory) -> None:
    pytest.importorskip("pandas")
    write_report(run)
    found = fcsearch.open_run(run.path)
    assert len(found.to_pandas()) == 48
    assert found.to_pandas("epochs").groupby("trial_id")["epoch"].max().max() == 10
    assert len(found.to_pandas("confirmations")) == 0
    assert set(found.to_pandas("models")["split"]) == {"val", "test"}
    with pytest.raises(UsageError, match=r"must be one of trials, epochs, confirmations, models; found 'rows'"):
        found.to_pandas("rows")


def test_the_study_is_a_copy_with_curves(made_run: RunDirectory) -> None:
    before = made_run.journal_path.read_bytes()
    study = fcsearch.open_run(made_run.path).study
    assert study.metric_names == ["val_accuracy"]
    assert study.best_value == max(row["val_accuracy"] for row in made_run.trials().to_pylist() if row["val_accuracy"])
    assert len(study.best_trial.intermediate_values) == 10
    study.enqueue_trial({"learning_rate": 0.1})
    assert len(study.trials) == 49
    assert made_run.journal_path.read_bytes() == before
    assert set(optuna.importance.get_param_importances(study)) <= set(made_run.trials().column_names)


def test_every_chart_draws_by_itself(run: RunDirectory) -> None:
    write_report(run)
    charts = fcsearch.open_run(run.path).charts
    assert {"figures", "confusion", "curves", "importances", "map", "parallel", "size"} <= set(charts.names())
    for name in charts.names():
        spec = charts[name].spec
        assert "var(" not in json.dumps(spec), name
        assert vl_convert.vegalite_to_vega(spec, vl_version="6.4")["marks"], name


def test_a_notebook_shows_a_page_that_asks_nobody(made_run: RunDirectory, tmp_path: Path) -> None:
    chart = fcsearch.open_run(made_run.path).plot_slice("learning_rate")
    shown = chart._repr_mimebundle_()
    assert shown["text/plain"] == "<Chart: learning_rate>"
    assert shown["text/html"].startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    chart.save(tmp_path / "slice.html")
    page = (tmp_path / "slice.html").read_text()
    assert "default-src 'none'" in page
    assert "<script src" not in page
    with pytest.raises(UsageError, match=r"saved as a page, \.html, or as JSON, \.json; found 'slice\.txt'"):
        chart.save(tmp_path / "slice.txt")
    assert not (tmp_path / "slice.txt").exists()
    chart.save(tmp_path / "slice.json")
    assert json.loads((tmp_path / "slice.json").read_text()) == chart.spec


@pytest.mark.parametrize("plot", ["curves", "importances", "map", "parallel", "size", "best_so_far"])
def test_each_figure_has_its_method(made_run: RunDirectory, plot: str) -> None:
    assert getattr(fcsearch.open_run(made_run.path), f"plot_{plot}")().spec["data" if plot == "parallel" else "width"]


def test_a_chart_that_is_not_there_is_said(made_run: RunDirectory) -> None:
    with pytest.raises(UsageError, match="a chart must be one that the run has; found 'confusion'"):
        _ = fcsearch.open_run(made_run.path).charts["confusion"]
