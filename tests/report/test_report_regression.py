"""What a report says of a regression: fewer is better, and nothing is a percentage."""

import dataclasses
from typing import Any

import pytest
from judged_trials import judged, said

from fcsearch.config import TrialConfig
from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import BaseLine, Measurement
from fcsearch.report.advice import of_few_rows, of_heavy_tails, of_the_network
from fcsearch.report.effects import effects_of
from fcsearch.report.importance import importances_of
from fcsearch.report.judgement import Trust, Verdict
from fcsearch.report.measured import FinalTest
from fcsearch.report.model import Dataset
from fcsearch.report.page.charts.course import best_so_far_charts
from fcsearch.report.page.charts.figure import Results
from fcsearch.report.page.trials import Clock, PageTrials
from fcsearch.report.remedies import options, remedies_of
from fcsearch.report.verdict import NOTHING

RMSE = OBJECTIVES["rmse"]
DATA = Dataset("d", "f", 1000, 400, 400, 0, task="regression")
BASE = BaseLine("2,000", 300.0, 400, "rmse")


def row(trial_id: int, rmse: float, **changes: Any) -> dict[str, Any]:
    return {
        **TrialConfig().parameters(),
        "trial_id": trial_id,
        "state": "complete",
        "val_accuracy": None,
        "val_rmse": rmse,
        "train_rmse": rmse,
        "num_parameters": 1000,
        "epochs": 10,
        "best_epoch": 5,
        "dropout": 0.2,
        **changes,
    }


def measured(split: str, rmse: float) -> Measurement:
    return Measurement(0, split, "f", 400, rmse, 10.0, 0.1, None, "rmse", {"rmse": rmse}, BASE)


def trust(*ranked: dict[str, Any], validation: Measurement | None = None) -> Trust:
    value = ranked[0]["val_rmse"]
    return judged(
        ranked,
        FinalTest(measured("test", value + 5), None, (0,)),
        dataset=DATA,
        space={"parameters": {}},
        base=BASE,
        validation=validation or measured("val", value),
        objective=RMSE,
    )


def test_trials_within_one_standard_error_lie_above_the_best() -> None:
    found = trust(row(0, 100.0), row(1, 109.0, num_parameters=200), row(2, 111.0, num_parameters=100))
    assert (found.standard_error, found.within, found.verdict) == (10.0, 2, None)
    assert found.smallest["trial_id"] == 1
    assert "Validation RMSE 100 was measured on 400 rows: its standard error is 10." in said(found)
    assert "the lowest of 3 measurements on the same rows, so it is too low on average" in said(found)
    assert "Always answering the mean (2,000) would reach RMSE 300 on the 400 validation rows." in said(found)
    assert "Validation minus test is -5, within what chance explains" in said(found)
    assert "Trial 1 is within one standard error with 200 parameters instead of 1,000 (validation 109)" in said(found)
    assert "%" not in said(found)
    assert "points" not in said(found)


def test_nothing_is_learned_where_the_mean_does_as_well() -> None:
    found = trust(row(0, 285.0))
    assert str(found.verdict) == (
        "Nothing was learned: the best network's validation RMSE, 285, is not more than two standard errors (20) "
        "below the 300 of always answering the mean (2,000)."
    )
    assert "always answering the mean (2,000) has 300 there" in said(found)
    assert "weight the classes" not in said(found)


def test_a_target_with_outliers_is_told_of_the_loss_that_bears_them() -> None:
    figures = {"rmse": 300.0, "mae": 100.0}
    heavy = dataclasses.replace(measured("val", 285.0), base_figures=figures)
    assert "`--set parameters.loss=huber --set objective=mae`" in said(trust(row(0, 285.0), validation=heavy))
    light = dataclasses.replace(heavy, base_figures={"rmse": 300.0, "mae": 240.0})
    assert "outliers" not in said(trust(row(0, 285.0), validation=light))
    robust = {"parameters": {"loss": {"value": "huber"}}}
    assert list(of_heavy_tails(OBJECTIVES["mae"], heavy, robust)) == []


def test_few_validation_rows_are_told_of_folds() -> None:
    few, option = Dataset("d", "f", 42, 9, 9, 0), "--set dataset.folds=5"
    (found,) = of_few_rows(few, {})
    assert option in found.fact
    assert "all 51 rows" in found.fact
    assert list(of_few_rows(dataclasses.replace(few, folds=5), {})) == []
    assert list(of_few_rows(dataclasses.replace(few, val_rows=200), {})) == []
    assert list(of_few_rows(few, {"dataset": {"time": "day"}})) == []
    rare = dataclasses.replace(few, class_counts={"train": (40, 2), "val": (8, 1), "test": (9, 0)})
    assert list(of_few_rows(rare, {})) == []
    enough = dataclasses.replace(few, class_counts={"train": (38, 4), "val": (8, 1), "test": (9, 0)})
    assert len(list(of_few_rows(enough, {}))) == 1
    # Folds are refused where the source has validation rows of its own.
    (found,) = of_few_rows(dataclasses.replace(few, given_splits=("val", "test")), {})
    assert "all that the source gives for validation: give more, or none, and training rows validate" in found.fact
    assert list(of_few_rows(dataclasses.replace(few, given_splits=("test",)), {})) != []


@pytest.mark.parametrize(("training", "overfit"), [(76.0, True), (77.0, False), (150.0, False)])
def test_overfitting_is_a_ratio(training: float, overfit: bool) -> None:
    text = said(trust(row(0, 100.0, train_rmse=training)))
    assert ("The best network's validation RMSE, 100, is 1.32 times its training RMSE: more" in text) == overfit


def test_the_best_of_a_group_is_its_lowest() -> None:
    (effect,) = effects_of([row(0, 5.0), row(1, 7.0), row(2, 1.0, dropout=0.5)], {}, RMSE)
    assert [(group.best, group.median) for group in effect.groups] == [(5.0, 6.0), (1.0, 1.0)]


def test_importances_are_those_of_the_same_order_by_accuracy() -> None:
    rows = [row(i, float(i % 7 + 10 * (i % 2)), dropout=0.5 * (i % 2)) for i in range(40)]
    mirrored = [{**entry, "val_accuracy": 1 - entry["val_rmse"] / 100} for entry in rows]
    found, same = importances_of(rows, RMSE)[0]["dropout"], importances_of(mirrored)[0]["dropout"]
    assert found.share == pytest.approx(same.share)
    assert found.share > 0.5


def test_the_history_falls_and_has_no_percentages() -> None:
    numbers = {"trial": [1, 2, 0], "value": [200.0, 250.0, 300.0], "state": ["complete"] * 3, "at": [None] * 3}
    trials = PageTrials(numbers, (), Clock(None, "seconds", 1.0))
    (figure,) = best_so_far_charts(trials, Results(RMSE, (200.0, 250.0, 300.0)))
    line = figure.spec["layer"][-1]["data"]["values"]
    assert [point["value"] for point in line] == [300.0, 200.0, 200.0]
    assert "%" not in str(figure.spec)


def test_no_remedy_is_proposed_that_the_space_has() -> None:
    data, verdict = Dataset("d", "f", 1000, 400, 400, 0), Verdict(NOTHING, "")

    def proposed(objective: str, loss: object = None, **space: Any) -> list[str]:
        space = {"parameters": {"loss": loss} if loss else {}, **space}
        return [options(changes) for changes in remedies_of(OBJECTIVES[objective], data, space, verdict)]

    assert proposed("rmse") == [
        "--set objective=mae --set parameters.loss=huber",
        "--set parameters.loss=absolute",
    ]
    assert proposed("mae", {"value": "huber"}) == ["--set parameters.loss=absolute"]
    assert proposed("mae", "absolute") == ["--set parameters.loss=huber"]
    assert proposed("mae", {"choices": ["huber", "absolute"]}) == []
    # Weights make a log loss worse.
    others = ["--set objective=average_precision", "--set objective=roc_auc"]
    assert proposed("log_loss") == others
    assert proposed("log_loss", class_weight={"yes": 2.0}) == ["--set class_weight=null", *others]
    assert proposed("roc_auc") == ["--set class_weight=balanced", "--set objective=log_loss"]
    assert proposed("roc_auc", class_weight="balanced") == ["--set objective=log_loss --set class_weight=null"]
    assert "class_weight" not in " ".join(proposed("accuracy", class_weight="balanced"))


def test_where_no_remedy_is_left_no_command_is_named() -> None:
    space = {"parameters": {"loss": {"choices": ["huber", "absolute"]}}}
    found = judged(
        [{**row(0, 285.0), "val_mae": 285.0}],
        dataset=DATA,
        space=space,
        base=dataclasses.replace(BASE, objective="mae"),
        validation=dataclasses.replace(measured("val", 285.0), objective="mae", base_line=BASE),
        objective=OBJECTIVES["mae"],
    )
    assert found.verdict is not None
    assert found.remedies == ()
    assert "search again" not in said(found)


def test_outliers_are_told_of_what_is_missing_only() -> None:
    heavy = dataclasses.replace(measured("val", 285.0), base_figures={"rmse": 300.0, "mae": 100.0})
    (found,) = of_heavy_tails(RMSE, heavy, {"parameters": {"loss": {"choices": ["squared", "huber"]}}})
    assert "`--set objective=mae`" in found.fact
    (found,) = of_heavy_tails(OBJECTIVES["mae"], heavy, {})
    assert "`--set parameters.loss=huber`" in found.fact


def test_a_ratio_within_chance_is_no_overfitting() -> None:
    best = row(0, 100.0, train_rmse=75.0)
    for rows, found in ((20, 0), (400, 1)):
        data = Dataset("d", "f", 1000, rows, 0, 0, task="regression", training_sample=256)
        hints = [hint for hint in of_the_network(best, best, RMSE, {}, data) if hint.kind == "overfit"]
        assert len(hints) == found
