"""Confirmations and alternatives in words: in the objective's own unit, and in its own direction."""

from typing import Any

import numpy as np
import pytest
import torch

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation.uncertainty import paired_bootstrap_error, paired_share_error
from fcsearch.report.alternatives import ensemble_of
from fcsearch.report.confirmed import (
    alternative_lines,
    confirmation_cells,
    confirmation_remark,
    confirmation_unit,
    confirmed_line,
    of_the_alternatives,
    of_the_confirmation,
    of_the_folds,
)
from fcsearch.report.measured import Alternative, FinalTest, Versus
from fcsearch.report.model import Dataset
from fcsearch.results import RunDirectory
from fcsearch.selection import Confirmation
from fcsearch.selection.confirmation import weigh
from fcsearch.training.objectives import Truth


def confirmed(objective: str, searched: dict[int, float], again: dict[int, list[float]]) -> Confirmation:
    column = OBJECTIVES[objective].column
    rows: list[dict[str, Any]] = [
        {"trial_id": trial, "seed": seed, "state": "complete", column: value, "best_epoch": 1}
        for trial, values in again.items()
        for seed, value in enumerate(values)
    ]
    trials = [{"trial_id": trial, column: value} for trial, value in searched.items()]
    return weigh(trials, rows, seeds=(0, 1, 2), objective=OBJECTIVES[objective])


def said(found: Confirmation) -> str:
    return " | ".join(piece.fact for piece in of_the_confirmation(found, searched=20))


# Trial 1 is better by 10 (0.1) with every seed, and both were flattered.
CASES = {
    "rmse": confirmed("rmse", {0: 95.0, 1: 90.0}, {0: [110, 112, 111], 1: [100, 101.5, 101]}),
    "accuracy": confirmed("accuracy", {0: 0.95, 1: 0.96}, {0: [0.80, 0.81, 0.82], 1: [0.90, 0.912, 0.92]}),
    "log_loss": confirmed("log_loss", {0: 0.25, 1: 0.2}, {0: [0.41, 0.42, 0.43], 1: [0.31, 0.33, 0.33]}),
}


def test_no_difference_has_no_direction() -> None:
    text = said(confirmed("accuracy", {0: 0.9}, {0: [0.89, 0.90, 0.91]}))
    assert "The search's own value of it is on average the same as with other seeds" in text
    assert "0.00 points" not in text.split("deviation")[0]


@pytest.mark.parametrize("objective", CASES)
def test_the_better_one_wins_and_the_other_is_no_tie(objective: str) -> None:
    found = CASES[objective]
    assert found.winner.trial_id == 1
    assert found.beaten == (0,)
    _, (first, second) = confirmation_cells(found)
    assert (first[0], first[-1]) == ("1", "winner")
    assert (second[0], second[-1]) == ("0", "")
    # A lead is how much better the winner is, whatever better means.
    assert not second[5].startswith("-")
    chances = "seeds and rows" if objective == "accuracy" else "seeds"
    assert f"Chance, by {chances}, does not explain its lead" in said(found)


def test_a_regression_has_its_own_unit_and_direction() -> None:
    text = said(CASES["rmse"])
    assert "trial 1 has validation RMSE 100.8 on average, standard deviation 0.7638: the best of the 2" in text
    assert "own values of these are 13.42 lower on average than with other seeds: the effect of choosing" in text
    assert confirmation_cells(CASES["rmse"])[1][1] == ("0", "111", "1", "3", "95", "10.17 ± 0.1667", "")
    assert confirmation_unit(CASES["rmse"]) == "RMSE"
    assert confirmed_line(CASES["rmse"]) == [
        ("confirmed", "100.8", "validation, mean of 3 seeds, standard deviation 0.7638")
    ]
    assert "%" not in text
    assert "points" not in text


def test_of_one_trial_nothing_was_chosen() -> None:
    found = confirmed("accuracy", {0: 0.95}, {0: [0.80, 0.81, 0.82]})
    text = " | ".join(piece.fact for piece in of_the_confirmation(found, searched=1))
    assert "81.00% on average, standard deviation 1.00 points | " in text
    assert text.endswith("The search's own value of it is 14.00 points higher on average than with other seeds")


def test_accuracies_are_percentages() -> None:
    text = said(CASES["accuracy"])
    assert "trial 1 has validation accuracy 91.07% on average, standard deviation 1.01 points" in text
    assert "are 9.47 points higher on average than with other seeds" in text
    assert confirmation_unit(CASES["accuracy"]) == "points"


def test_nobody_wins_while_trainings_are_missing() -> None:
    """Trial 0 is the first of those that are done: that does not make it the winner."""
    found = confirmed("accuracy", {0: 0.95, 1: 0.96}, {0: [0.80, 0.81, 0.82], 1: [0.79]})
    _, (first, second) = confirmation_cells(found)
    assert first == ("0", "81.00%", "1.00", "3", "95.00%", "", "")
    assert second == ("1", "79.00%", "-", "1", "96.00%", "", "2 to do")
    assert confirmation_remark(found) == "4 of 6 trainings are done, so nobody has won yet; deviations in points"
    assert confirmation_remark(CASES["accuracy"]) == (
        "the best again with other seeds; points, and the standard error of a lead"
    )


def with_an_earlier_one(planned: list[float | None], earlier: list[float]) -> Confirmation:
    """Trials 0 and 1 have three seeds, and trial 7 of an earlier confirmation has fewer."""
    values = {0: planned, 1: planned, 7: earlier}
    rows: list[dict[str, Any]] = [
        {
            "trial_id": trial,
            "seed": seed,
            "state": "diverged" if value is None else "complete",
            "val_accuracy": value if trial != 1 or value is None else value - 0.2,
            "best_epoch": 1,
        }
        for trial, found in values.items()
        for seed, value in enumerate(found)
    ]
    trials = [{"trial_id": trial, "val_accuracy": 0.9} for trial in values]
    return weigh(trials[:2], rows, seeds=(0, 1, 2), objective=OBJECTIVES["accuracy"], earlier=trials[2:])


def test_an_unranked_configuration_that_leads_is_named() -> None:
    found = with_an_earlier_one([0.80, 0.81, 0.82], [0.90, 0.92])
    assert (found.ahead, found.winner.trial_id) == ((7,), 0)
    text = said(found)
    assert "the best of the 2 configurations with all of these seeds" in text
    assert "does not explain its lead over the other configurations with all of these seeds" in text
    assert "With the seeds that both have, trial 7 is better than the winner by more than the standard error" in text
    # A lead within its error, and one of a single seed.
    for earlier in ([0.79, 0.84], [0.99]):
        assert with_an_earlier_one([0.80, 0.81, 0.82], earlier).ahead == ()
    assert with_an_earlier_one([None, None, None], [0.9, 0.9]).ahead == ()


def test_where_all_with_all_seeds_diverged_one_with_fewer_seeds_has_a_result() -> None:
    text = said(with_an_earlier_one([None, None, None], [0.9, 0.9]))
    assert text == "No configuration that has all seeds had a result with them: each diverged or failed"


def model(objective: str, single: float, difference: float, error: float) -> str:
    versus = Versus("test", single, difference, error, objective)
    (piece,) = of_the_alternatives([Alternative("ensemble", {0: 0.5, 1: 0.5}, versus=versus)])
    return piece.fact


def test_an_ensemble_is_worth_having_where_it_is_better() -> None:
    lower = model("rmse", 100.0, -10.0, 2.0)
    assert (
        "The ensemble of 2 networks has test RMSE 90, 10 better than the winner alone (two standard errors: 4)" in lower
    )
    assert "so it is worth using: `--model ensemble`" in lower
    assert lower.endswith("That is a choice by the test rows, after which its figure is a little too low")
    higher = model("rmse", 100.0, 10.0, 2.0)
    assert "has test RMSE 110, 10 worse than the winner alone" in higher
    assert "more than chance explains, so it is not worth using" in higher
    assert "has test accuracy 93.00%, 3.00 points better" in model("accuracy", 0.9, 0.03, 0.01)
    assert "not shown to be worth using" in model("accuracy", 0.9, 0.03, 0.02)
    assert "within what chance explains, so it is not shown to be" in model("accuracy", 0.9, -0.01, 0.01)


def test_an_ensemble_that_was_not_fitted_again_says_so_beside_a_winner_that_was() -> None:
    versus = Versus("test", 0.9, 0.03, 0.02, digest="a")
    for digest, told in ((None, True), ("b", False)):
        (piece,) = of_the_alternatives([Alternative("ensemble", {0: 0.5, 1: 0.5}, versus=versus, digest=digest)])
        assert ("it consists of those of the first fold" in piece.fact) == told
    assert "first fold" not in model("accuracy", 0.9, 0.03, 0.02)
    (piece,) = of_the_alternatives([Alternative("ensemble", {0: 0.5, 1: 0.5}, versus=versus)], [1])
    assert ". Trial 1 diverged when fitted again, so it consists of the networks of the first fold" in piece.fact
    assert "`fcsearch resume`" not in piece.fact


def test_a_winner_that_diverged_when_fitted_again_is_not_to_be_fitted_again() -> None:
    data = Dataset("d", "f", 80, 20, 0, 2, folds=5)
    for diverged, told in (((), "`fcsearch confirm --refit` trains it on all of them"), ((3,), "it diverged on all")):
        (piece,) = of_the_folds(data, FinalTest(), 3, diverged)
        assert f"trained on 80 of 100 rows: {told}" in piece.fact


def test_one_network_is_no_ensemble(run: RunDirectory) -> None:
    run.models.save_ensemble({4: 1.0}, {})
    assert ensemble_of(run, 29, None, None) is None
    run.models.save_ensemble({4: 0.5, 29: 0.5}, {})
    found = ensemble_of(run, 29, None, None)
    assert found.members == {4: 0.5, 29: 0.5}


def test_without_a_measurement_nothing_is_said() -> None:
    unmeasured = Alternative("ensemble", {0: 1.0}, note="not yet")
    assert list(of_the_alternatives([unmeasured])) == []
    assert alternative_lines([unmeasured, None]) == []


def test_differences_are_paired_by_row() -> None:
    """Two models that err alike: each figure is unsure, their difference is not."""
    random = np.random.default_rng(0)
    y = torch.from_numpy(random.normal(size=500))
    errors = torch.from_numpy(random.normal(size=500))
    truth = Truth(y, 0, scale=50.0)
    first, second = ((y + scale * errors).reshape(1, 1, -1) for scale in (1.0, 0.9))
    alone = paired_bootstrap_error("rmse", first, y.reshape(1, 1, -1), truth)
    assert alone == pytest.approx(50 / np.sqrt(2 * 500), rel=0.3)
    assert paired_bootstrap_error("rmse", first, second, truth) == pytest.approx(0.1 * alone, rel=1e-6)
    assert paired_bootstrap_error("rmse", first, first, truth) == 0
    right = torch.from_numpy(random.random(400) < 0.8)
    assert paired_share_error(right, right) == pytest.approx(np.sqrt(0.5) / 400)
    assert paired_share_error(right, ~right) == pytest.approx(float((2 * right.double() - 1).std(correction=0)) / 20)
