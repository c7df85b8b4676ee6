"""How far to trust the best: the standard errors, the close rivals, and what a person should be told."""

import dataclasses
import math
from typing import Any

import pytest
from judged_trials import DATASET, NO_TEST, judged, row, said

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import Measurement, standard_error
from fcsearch.report.advice import of_the_space
from fcsearch.report.judgement import Trust
from fcsearch.report.measured import FinalTest


def measured(accuracy: float, rows: int = 400, trials: tuple[int, ...] = (0,)) -> FinalTest:
    error = standard_error(accuracy, rows)
    return FinalTest(Measurement(trials[-1], "test", "f", rows, accuracy, error, 0.1, None), None, trials)


def trust(*ranked: dict[str, Any], test: FinalTest = NO_TEST, **changes: Any) -> Trust:
    return judged(ranked, test, **{"space": {}, **changes})


def test_standard_error_is_that_of_a_proportion() -> None:
    assert standard_error(0.9, 400) == pytest.approx(math.sqrt(0.9 * 0.1 / 400)) == pytest.approx(0.015)
    # At the ends the plain formula would claim certainty.
    assert standard_error(0.0, 400) == pytest.approx(math.sqrt(0.5) / 400, rel=1e-2)
    assert standard_error(1.0, 400) == pytest.approx(standard_error(0.0, 400))


def test_trials_within_one_standard_error_are_counted_and_the_smallest_named() -> None:
    found = trust(row(0, 0.900), row(1, 0.886, num_parameters=200), row(2, 0.884, num_parameters=100))
    assert found.standard_error == pytest.approx(0.015)
    assert found.within == 2
    assert found.smallest["trial_id"] == 1
    assert "1 other trial of 2 lies within one standard error" in said(found)
    assert "It is the highest of 3 measurements on the same rows, so it is too high on average" in said(found)
    assert "Trial 1 is within one standard error with 200 parameters instead of 1,000" in said(found)


def test_a_clear_winner() -> None:
    found = trust(row(0, 0.9), row(1, 0.5, num_parameters=10))
    assert found.within == 1
    assert "No other trial lies within one standard error" in said(found)
    assert "in place of" not in said(found)


def test_the_test_accuracy_is_the_figure_to_quote_with_its_error_and_the_gap() -> None:
    text = said(trust(row(0, 0.91), test=measured(0.90)))
    assert "Test accuracy 90.00%, standard error 1.50 points (400 rows), is the figure to quote" in text
    assert "Validation minus test is 1.00 points, within what chance explains" in text
    assert "Validation minus test is 9.00 points, more than chance explains" in said(
        trust(row(0, 0.91), test=measured(0.82))
    )


def test_why_there_is_no_test_accuracy() -> None:
    assert "Test accuracy was not measured: its model is gone." in said(trust(row(0, 0.9)))


def test_test_rows_used_more_than_once_are_confessed() -> None:
    text = said(trust(row(0, 0.9), test=measured(0.9, trials=(4, 0))))
    assert "An earlier report measured trial 4 on these rows, before the search or its confirmation went on" in text
    assert "to trial 0" in text
    assert "played no part in any choice" not in text
    assert "Do not choose" not in said(trust(row(0, 0.9), test=measured(0.9)))


def test_the_last_look_is_that_of_the_current_trial_also_of_a_refit() -> None:
    looks = measured(0.9, trials=(0, 2, 0))
    assert looks.measurement is not None
    refit = dataclasses.replace(looks, measurement=dataclasses.replace(looks.measurement, trial_id=None), refit=True)
    assert refit.earlier == looks.earlier == (2,)
    text = said(trust(row(0, 0.9), test=refit))
    assert "measured trial 2 on these rows, before the search or its confirmation went on to trial 0:" in text
    assert "with the reservation below." in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"train_accuracy": 0.99}, "9.00 points better on its training rows: more dropout or reg may help"),
        ({"best_epoch": 10}, "Its best epoch was its last (10): more epochs may help"),
    ],
)
def test_what_the_best_network_itself_suggests(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in said(trust(row(0, 0.9, **changes)))
    assert sentence not in said(trust(row(0, 0.9)))


@pytest.mark.parametrize(
    ("name", "value", "definition", "end"),
    [
        ("learning_rate", 0.099, {"low": 1e-4, "high": 0.1, "log": True}, "upper"),
        ("learning_rate", 1.02e-4, {"low": 1e-4, "high": 0.1, "log": True}, "lower"),
        ("learning_rate", 0.005, {"low": 1e-4, "high": 0.1, "log": True}, None),
        ("depth", 5, {"low": 2, "high": 5}, "upper"),
        ("depth", 1, {"low": 1, "high": 5}, None),
        ("depth", 5, {"choices": [3, 4, 5]}, "upper"),
        ("depth", 5, {"choices": [3, 5]}, None),
        ("dropout", 0.0, {"low": 0.0, "high": 0.5}, None),
        ("dropout", 0.5, {"low": 0.0, "high": 0.5}, "upper"),
        ("dropout", None, {"low": 0.0, "high": 0.5}, None),
        ("update_rule", "adam", {"choices": ["sgd", "rmsprop", "adam"]}, None),
        ("learning_rate", 0.1, {"value": 0.1}, None),
    ],
)
def test_a_best_value_at_the_edge_of_its_range(
    name: str, value: Any, definition: dict[str, Any], end: str | None
) -> None:
    inside = {"learning_rate": 0.01, "depth": 4, "dropout": 0.25, "update_rule": "sgd"}
    ranked = [row(0, 0.9, **{name: value}), *(row(number, 0.5, **inside) for number in (1, 2, 3))]
    text = said(trust(*ranked, space={"parameters": {name: definition}}))
    assert (f"lies at the {end} end of the searched range" in text) == (end is not None)
    assert ("the searched range" in text) == (end is not None)


def test_an_end_of_a_range_is_where_enough_others_are_worse() -> None:
    space = {"parameters": {"depth": {"low": 2, "high": 5}}}
    best = row(0, 0.99, depth=5)
    others = [row(number, value, depth=3) for number, value in ((1, 0.98), (2, 0.97), (3, 0.99))]
    # The third is as good.
    assert not list(of_the_space(best, space, [best, *others], OBJECTIVES["accuracy"]))
    worse = row(4, 0.9, depth=3)
    assert "depth = 5" in next(of_the_space(best, space, [best, *others, worse], OBJECTIVES["accuracy"])).fact


def test_an_end_of_a_range_that_the_space_tries_first_was_not_found_there() -> None:
    parameters = {"depth": {"low": 1, "high": 5}, "dropout": {"low": 0.0, "high": 0.5}}
    best = row(0, 0.99, depth=5, dropout=0.5)
    ranked = [best, *(row(number, 0.9, depth=3, dropout=0.2) for number in (1, 2, 3))]

    def found(*tries: dict[str, float]) -> list[str]:
        space = {"parameters": parameters, "tries": list(tries)}
        return [evidence.pulls[0].parameter for evidence in of_the_space(best, space, ranked, OBJECTIVES["accuracy"])]

    assert found() == found({"depth": 5, "dropout": 0.1}) == ["depth", "dropout"]
    assert found({"depth": 1}, {"depth": 5}) == ["dropout"]


def test_a_run_that_has_not_ended_says_so_first() -> None:
    found = trust(row(0, 0.9), state="interrupted", planned=40)
    assert found.remarks[0] == "The run was interrupted: 1 of 40 trials are done, and what follows may change."
    assert trust(state="running").remarks == (
        "The run is still running: 0 trials are done, and what follows may change.",
    )


def test_a_run_that_ended_early_says_so() -> None:
    assert "The run ended: 1 of 40 trials are done." in said(trust(row(0, 0.9), planned=40))
    assert "The run ended" not in said(trust(row(0, 0.9), planned=1))


def test_diverged_and_failed_trials() -> None:
    text = said(trust(row(0, 0.9), counts={"complete": 1, "diverged": 3, "failed": 1}))
    assert "3 trials of 5 diverged: a lower upper bound on learning_rate" in text
    assert "1 trial failed, the first with: out of memory" in text
    assert "diverged" not in said(trust(row(0, 0.9), counts={"complete": 19, "diverged": 1}))


def test_unknown_numbers_of_rows_are_no_error() -> None:
    found = trust(row(0, 0.9), dataset=dataclasses.replace(DATASET, val_rows=None))
    assert found.standard_error is None
    assert "without standard errors" in said(found)
