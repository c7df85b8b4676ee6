"""The charts of the page: each compiles, and shows what it says."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import vl_convert
from page_checks import data_of

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import BaseLine, Measurement
from fcsearch.report import FinalTest, build_report, write_report
from fcsearch.report.model import Effect
from fcsearch.report.page.charts.axis import Axis, axis_of
from fcsearch.report.page.charts.compared import comparison_charts
from fcsearch.report.page.charts.course import Bar, time_line_chart
from fcsearch.report.page.charts.figure import SECOND, Results
from fcsearch.report.page.charts.learning import loss_axis, round_numbers, zoomed_results
from fcsearch.report.page.charts.mattered import slice_chart
from fcsearch.report.page.charts.sure import apart, confirmation_chart, pareto_front
from fcsearch.report.page.charts.winner import figures_chart
from fcsearch.report.page.trials import Clock, PageTrials, curves
from fcsearch.results import RunDirectory
from fcsearch.selection.confirmation import weigh

ACCURACY, RMSE = OBJECTIVES["accuracy"], OBJECTIVES["rmse"]
CLOCK = Clock(datetime(2026, 3, 1, tzinfo=UTC), "seconds", 1.0)


def trials(**columns: list[Any]) -> PageTrials:
    return PageTrials(columns, tuple(name for name in columns if name not in ("trial", "value", "size")), CLOCK)


def test_every_chart_compiles(run: RunDirectory) -> None:
    write_report(run)
    data = data_of((run.path / "report.html").read_text())
    columns = data["columns"]
    for name, chart in data["charts"].items():
        spec = {**chart["spec"], "config": data["config"]}
        if chart["fields"]:
            shown = [
                dict(zip(chart["fields"], row, strict=True))
                for row in zip(*map(columns.get, chart["fields"]), strict=True)
            ]
            spec["datasets"] = {"trials": shown}
        vega = vl_convert.vegalite_to_vega(spec, vl_version="6.4")
        assert vega["marks"], name


def test_an_axis_that_is_not_much_longer_shows_all_of_them() -> None:
    results = Results(ACCURACY, (0.925, *map(float, np.linspace(0.93, 0.95, 20))))
    assert (results.outliers, results.bulk) == (0, (0.925, 0.95))


@pytest.mark.parametrize(("objective", "value"), [("accuracy", 0.9), ("rmse", 250.0), ("rmse", 0.0)])
def test_an_axis_of_equal_figures_is_no_point(objective: str, value: float) -> None:
    low, high = Results(OBJECTIVES[objective], (value,)).around([value, value])
    assert low < value < high


def test_numbers_of_the_front_do_not_cover_each_other() -> None:
    front = [{"trial": 0, "size": 1000, "value": 0.5}, {"trial": 1, "size": 1010, "value": 0.501}]
    front += [{"trial": 2, "size": 1020, "value": 0.8}, {"trial": 3, "size": 90_000, "value": 0.9}]
    assert [row["trial"] for row in apart(front)] == [1, 2, 3]
    assert apart(front[:1]) == front[:1]


def test_the_axis_shows_what_differs_among_the_best() -> None:
    values = (*np.linspace(0.96, 0.98, 60), *np.linspace(0.1, 0.9, 40))
    results = Results(ACCURACY, tuple(map(float, values)))
    low, high = results.ends
    assert 0.9 < low < 0.96
    assert 0.98 < high < 0.99
    assert results.outliers == 40
    assert results.far_ends[0] < 0.1
    switched = results.zoomed({})["params"]
    assert switched[0]["bind"] == {"input": "checkbox", "name": "the whole axis, with 40 trials beyond this one"}


def test_the_axis_of_errors_ends_above_the_best() -> None:
    results = Results(RMSE, (*(100.0 + i for i in range(20)), 5000.0))
    assert results.outliers == 3
    assert 110 < results.edge < results.ends[1] < 130
    assert results.far_ends[1] > 5000
    assert results.held()["calculate"] == f"everything ? datum.value : min(datum.value, {results.edge!r})"


@pytest.mark.parametrize("values", [(), (0.5,), (0.5, 0.5), (0.0, 1.0)])
def test_few_results_have_an_axis(values: tuple[float, ...]) -> None:
    results = Results(ACCURACY, values)
    low, high = results.ends
    assert low < high
    assert results.outliers == 0
    assert results.zoomed({}) == {}


def test_the_front_holds_what_no_smaller_network_equals() -> None:
    found = trials(trial=[0, 1, 2, 3], value=[0.9, 0.9, 0.8, 0.95], size=[100, 50, 20, 100])
    assert [row["trial"] for row in pareto_front(found, ACCURACY)] == [2, 1, 3]
    assert [row["trial"] for row in pareto_front(found, RMSE)] == [2]


@pytest.mark.parametrize(("log", "expected"), [(True, True), (False, False)])
def test_an_axis_is_logarithmic_where_the_space_is(log: bool, expected: bool) -> None:
    values = [0.1 + 0.01 * i for i in range(20)]
    found = trials(trial=list(range(20)), value=[0.5] * 20, dropout=values)
    axis = axis_of("dropout", found, {"parameters": {"dropout": {"low": 0.1, "high": 0.3, "log": log}}})
    assert axis.log == expected
    assert axis.encode()["scale"].get("type") == ("log" if expected else None)


def test_a_value_has_its_place_on_an_axis() -> None:
    assert Axis("learning_rate", (), log=True, values=(0.001, 0.1)).place(0.01) == pytest.approx(0.5)
    assert Axis("reg", (), log=False, values=(0.0, 4.0)).place(1.0) == 0.25
    words = Axis("init", ("a", "b", "c"), log=False, values=("a", "b", "c"))
    assert [words.place(value) for value in ("a", "c", None)] == [0.0, 1.0, None]


def test_a_device_has_as_many_lanes_as_packs_at_a_time() -> None:
    bars = [Bar("machine 1", "cpu", start, start + 10, number, 4, "search") for number, start in enumerate([0, 5, 10])]
    figure = time_line_chart(bars, CLOCK)
    rows = figure.spec["data"]["values"]
    assert {row["pack"]: row["worker"] for row in rows} == {
        0: "machine 1, cpu, 1",
        1: "machine 1, cpu, 2",
        2: "machine 1, cpu, 1",
    }
    assert "busy for 75% of 20.0 s" in figure.text


def test_long_curves_keep_their_ends_and_their_best() -> None:
    epochs, values = list(range(1, 501)), [0.5] * 500
    values[122] = 0.9
    columns = {
        "trial_id": [7] * 500, "epoch": epochs, "val_accuracy": values, "train_accuracy": values,
        "val_loss": [1.0] * 499 + [float("nan")], "train_loss": [None] * 500,
    }  # fmt: skip
    table = pa.table(
        columns,
        schema=pa.schema([(name, pa.int64() if name in ("trial_id", "epoch") else pa.float64()) for name in columns]),
    )
    found = curves(table, ACCURACY, [7, 8])
    assert list(found) == [7]
    assert len(found[7]["epoch"]) <= 61
    assert {1, 123, 500} <= set(found[7]["epoch"])
    assert max(found[7]["value"]) == 0.9
    assert found[7]["loss"][-1] is None


def test_the_best_of_each_value_are_compared_by_their_curves(run: RunDirectory) -> None:
    write_report(run)
    data = data_of((run.path / "report.html").read_text())
    columns = data["columns"]
    rules = list(zip(columns["update_rule"], columns["trial"], columns["value"], strict=True))
    best = {rule: trial for rule, trial, value in reversed(rules) if value is not None}
    rows = data["charts"]["compare-update_rule"]["spec"]["data"]["values"]
    assert {row["update_rule"]: row["trial"] for row in rows} == best
    assert all(row["value"] <= 1 for row in rows)
    assert "compare-update_rule-loss" in data["charts"]
    assert "compare-depth" in data["charts"]


def test_dropout_is_held_against_the_gap_by_width_and_depth(run: RunDirectory) -> None:
    write_report(run)
    data = data_of((run.path / "report.html").read_text())
    for name, groups in (("hidden_dim", {"16", "64", "128"}), ("depth", {"2", "3", "4"})):
        points, medians = data["charts"][f"gap-{name}"]["spec"]["layer"]
        assert {row["by"] for row in points["data"]["values"]} == groups
        assert {row["by"] for row in medians["data"]["values"]} <= groups
        # Training is a point better than validation in every trial of this run.
        assert {round(row["gap"], 3) for row in medians["data"]["values"]} == {0.01}


def test_a_space_without_them_has_no_comparisons() -> None:
    found = trials(trial=[0, 1], value=[0.5, 0.6], state=["complete"] * 2, learning_rate=[0.1, 0.2])
    assert comparison_charts(found, {}, Results(ACCURACY, (0.5, 0.6))) == []


def test_a_winner_s_curve_is_seen_from_where_it_has_risen() -> None:
    rows = [{"epoch": epoch, "value": 0.5 + 0.04 * epoch if epoch > 2 else 0.1} for epoch in range(1, 11)]
    grey = [{"epoch": epoch, "value": 0.9} for epoch in range(1, 200)]
    assert zoomed_results(Results(ACCURACY, ()), rows, [*rows, *grey]).edge == pytest.approx(0.62)


@pytest.mark.parametrize(
    ("losses", "kind"), [([1.0, 2.0], None), ([0.01, 2.0], "log"), ([0.0, 0.01, 2.0], "symlog"), ([], None)]
)
def test_losses_that_span_much_are_drawn_on_a_scale_that_shows_it(losses: list[float], kind: str | None) -> None:
    assert loss_axis("loss", losses)["scale"].get("type") == kind


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.016, 2.1, [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]),
        (2e-4, 0.9, [0.001, 0.01, 0.1]),
        (0.5, 20, [0.5, 1, 2, 5, 10, 20]),
    ],
)
def test_a_logarithmic_axis_has_lines_at_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert round_numbers(low, high) == expected


def test_results_of_a_fraction_of_a_point_fill_their_axis() -> None:
    low, high = Results(OBJECTIVES["accuracy"], (0.988, 0.989, 0.990, 0.9905)).ends
    assert high - low == pytest.approx(0.005)


@pytest.mark.parametrize(("base", "drawn"), [(0.8356, True), (0.80, True), (0.10, False)])
def test_a_baseline_near_the_figures_is_drawn_beside_them(made_run: RunDirectory, base: float, drawn: bool) -> None:
    line = BaseLine("no", base, 450)
    measured = [
        Measurement(0, split, "f", 450, value, 0.018, 0.1, None, base_line=line)
        for split, value in (("val", 0.86), ("test", 0.838))
    ]
    found = build_report(made_run, test=FinalTest(note="-"))
    found = dataclasses.replace(found, validation=measured[0], test=FinalTest(measured[1]), base_line=line)
    chart = figures_chart(found, Results(ACCURACY, (0.86, 0.85)))
    names = [row["figure"] for row in chart.spec["data"]["values"]]
    assert ("test, baseline" in names) == ("validation, baseline" in names) == drawn
    assert (" The baseline, 10.00%, is too far away to be drawn." in chart.text) == (not drawn)
    if not drawn:
        other = dataclasses.replace(found, base_line=BaseLine("no", 0.2, 450))
        both = figures_chart(other, Results(ACCURACY, (0.86, 0.85)))
        assert " The baselines, 20.00% and 10.00%, are too far away to be drawn." in both.text
    low, high = chart.spec["encoding"].get("x", chart.spec["layer"][0]["encoding"]["x"])["scale"]["domain"]
    assert not drawn or low <= base <= high


def items(spec: dict[str, Any], rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The marks of one kind, as Vega draws them of a chart's trials."""
    scene = vl_convert.vegalite_to_scenegraph({**spec, "width": 300, "datasets": {"trials": rows}}, vl_version="6.4")
    found, left = [], [scene["scenegraph"]]
    while left:
        node = left.pop()
        if node.get("marktype") == kind and node.get("role") == "mark":
            found += [item for item in node["items"] if "fill" in item]
        left += [item for item in node.get("items", []) if isinstance(item, dict)]
    return found


@pytest.mark.parametrize(("objective", "shape"), [("accuracy", "triangle-down"), ("rmse", "triangle-up")])
def test_a_median_beyond_the_axis_is_a_triangle_that_says_its_value(objective: str, shape: str) -> None:
    good, bad = [0.95, 0.96, 0.97] * 4, [0.1, 0.2, 0.3]
    values = [*good, *bad] if objective == "accuracy" else [1 - value for value in (*good, *bad)]
    found = trials(trial=list(range(15)), value=values, state=["complete"] * 15, depth=[2] * len(good) + [3] * len(bad))
    results = Results(OBJECTIVES[objective], tuple(values))
    figure = slice_chart(Effect("depth", None, ()), found, {}, results)
    assert figure is not None
    assert results.outliers
    rows = [dict(zip(found.columns, row, strict=True)) for row in zip(*found.columns.values(), strict=True)]
    medians = {item["shape"]: item for item in items(figure.spec, rows, "symbol") if item["fill"] == SECOND}
    assert set(medians) == {"stroke", shape}
    line, beyond = medians["stroke"], medians[shape]
    assert abs(beyond["y"] - line["y"]) > 100
    tooltip = figure.spec["layer"][-1]["encoding"]["tooltip"]
    assert [entry["field"] for entry in tooltip] == ["depth", "value"]
    side = "below" if objective == "accuracy" else "above"
    assert f"large triangles those {side} this axis" in figure.text


def test_a_configuration_with_fewer_seeds_is_not_shown_as_beaten() -> None:
    rows = [
        {"trial_id": trial, "seed": seed, "state": "complete", "val_accuracy": 0.9, "best_epoch": 1}
        for trial, seed in ((0, 1), (0, 2), (1, 1))
    ]
    trials = [{"trial_id": trial, "val_accuracy": 0.9} for trial in (0, 1)]
    found = weigh(trials[:1], rows, seeds=(1, 2), objective=ACCURACY, earlier=trials[1:])
    text = str(confirmation_chart(found, Results(ACCURACY, (0.9, 0.9))))
    assert "trial 0 (winner)" in text
    assert "trial 1 (fewer seeds)" in text
