"""What other seeds say of the best configurations: means, ties, and by how much a search flatters."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from fcsearch.config.objective import OBJECTIVES
from fcsearch.selection import Confirmation
from fcsearch.selection.confirmation import weigh

SEEDS = (1, 2, 3)


def weighed(
    searched: Mapping[int, float], again: Mapping[int, Sequence[float | None]], *, seeds: Sequence[int] = SEEDS
) -> Confirmation:
    """Trials with a value from the search, and values with each seed; None: it diverged. Missing ones are not done."""
    trials = [{"trial_id": trial, "val_accuracy": value} for trial, value in searched.items()]
    rows: list[dict[str, Any]] = [
        {
            "trial_id": trial,
            "seed": seed,
            "state": "complete" if value is not None else "diverged",
            "val_accuracy": value,
            "best_epoch": 4 + seed,
        }
        for trial, values in again.items()
        for seed, value in zip(seeds, values, strict=False)
    ]
    return weigh(trials, rows, seeds=seeds, objective=OBJECTIVES["accuracy"])


def test_the_winner_is_that_of_the_best_mean_and_not_of_the_best_search_value() -> None:
    found = weighed({7: 0.99, 3: 0.97}, {7: [0.90, 0.91, 0.92], 3: [0.95, 0.96, 0.97]})
    assert [entry.trial_id for entry in found.configurations] == [3, 7]
    winner = found.winner
    assert (winner.trial_id, winner.values) == (3, {1: 0.95, 2: 0.96, 3: 0.97})
    assert winner.mean == pytest.approx(0.96)
    assert winner.deviation == pytest.approx(0.01)
    assert winner.best_epoch == pytest.approx(6.0)
    # 0.01 and 0.08 too high.
    assert found.bias == pytest.approx(0.045)


def test_differences_are_paired_by_seed() -> None:
    """Both swing with the seed by far more than they differ: one is better with every seed, and that is no tie."""
    found = weighed({0: 0.9, 1: 0.9}, {0: [0.80, 0.90, 0.85], 1: [0.79, 0.8895, 0.8395]})
    second = found.configurations[1]
    assert second.difference == pytest.approx((0.01 + 0.0105 + 0.0105) / 3)
    assert second.difference_error == pytest.approx(0.0005 / math.sqrt(3) / math.sqrt(3), rel=1e-6)
    assert not second.tied
    assert found.beaten == (1,)


@pytest.mark.parametrize(
    ("others", "tied"),
    [
        ([0.95, 0.92, 0.93], True),  # better once, worse twice
        ([0.94, 0.95, 0.94], True),  # the same
        ([0.93, 0.94, 0.93], False),  # a hundredth worse each time
        ([0.91, 0.935, 0.93], True),  # worse each time, but 1.8 +- 0.6 of three: Student's t asks for 4.3 errors
    ],
)
def test_a_tie_is_said_as_a_tie(others: list[float], tied: bool) -> None:
    found = weighed({0: 0.95, 1: 0.95}, {0: [0.94, 0.95, 0.94], 1: others})
    assert (found.ties, found.beaten) == (((1,), ()) if tied else ((), (1,)))


def weighed_on(rows: int | None, objective: str = "accuracy") -> Confirmation:
    """Trial 0 leads trial 1 by exactly 1 of 120 rows, with every seed."""
    column = OBJECTIVES[objective].column
    values = {0: 106 / 120, 1: 105 / 120}
    trials = [{"trial_id": trial, column: value} for trial, value in values.items()]
    again = [
        {"trial_id": trial, "seed": seed, "state": "complete", column: value, "best_epoch": 1}
        for trial, value in values.items()
        for seed in SEEDS
    ]
    return weigh(trials, again, seeds=SEEDS, objective=OBJECTIVES[objective], measured_on=rows)


def test_a_lead_of_one_row_is_a_tie_however_alike_the_seeds_are() -> None:
    found = weighed_on(120)
    second = found.configurations[1]
    assert second.difference_error == pytest.approx(1 / 120)  # one row disagrees at least
    assert (found.ties, found.beaten) == ((1,), ())
    # The same share of many rows is no chance, and other figures are no shares of rows.
    assert weighed_on(12_000).beaten == (1,)
    assert weighed_on(120, "roc_auc").configurations[1].difference_error == pytest.approx(0, abs=1e-12)


def test_one_seed_tells_nothing_of_chance() -> None:
    found = weighed({0: 0.95, 1: 0.95}, {0: [0.94], 1: [0.90]}, seeds=(1,))
    assert found.complete
    assert (found.ties, found.configurations[1].difference_error) == ((1,), None)
    assert found.configurations[0].deviation is None


def test_what_diverged_with_a_seed_comes_last() -> None:
    found = weighed({0: 0.95, 1: 0.95}, {0: [0.99, None, 0.99], 1: [0.9, 0.9, 0.9]})
    assert [(entry.trial_id, entry.lost, entry.tied) for entry in found.configurations] == [
        (1, 0, False),
        (0, 1, False),
    ]


def test_one_of_an_earlier_confirmation_with_fewer_seeds_does_not_win() -> None:
    def row(trial: int, seed: int, value: float) -> dict[str, Any]:
        return {"trial_id": trial, "seed": seed, "state": "complete", "val_accuracy": value, "best_epoch": 1}

    rows = [*(row(0, seed, 0.9) for seed in SEEDS), row(1, 1, 0.99), *(row(2, seed, 0.95) for seed in SEEDS)]
    earlier = [{"trial_id": trial, "val_accuracy": 0.9} for trial in (1, 2)]
    found = weigh(
        [{"trial_id": 0, "val_accuracy": 0.9}], rows, seeds=SEEDS, objective=OBJECTIVES["accuracy"], earlier=earlier
    )
    assert [(entry.trial_id, entry.fewer_seeds) for entry in found.configurations] == [
        (2, False),
        (0, False),
        (1, True),
    ]
    assert (found.asked, found.done, found.winner.trial_id, found.beaten, found.ties) == (3, 3, 2, (0,), ())
    # 0.9 for 0.9, and 0.95 for 0.9: what is not ranked does not count.
    assert found.bias == pytest.approx(-0.025)


def test_nothing_wins_before_all_is_done() -> None:
    found = weighed({0: 0.95, 1: 0.95}, {0: [0.94, 0.95, 0.94], 1: [0.9]})
    assert (found.done, found.asked, found.complete, found.winner) == (4, 6, False, None)
    assert (found.ties, found.beaten) == ((), ())


def test_nothing_wins_where_all_diverged() -> None:
    found = weighed({0: 0.95}, {0: [None, None, None]})
    assert (found.complete, found.winner, found.bias) == (True, None, None)


def test_where_less_is_better_the_lowest_mean_wins() -> None:
    rows = [
        {"trial_id": trial, "seed": seed, "state": "complete", "val_rmse": value, "best_epoch": 1}
        for trial, values in {0: [3.0, 3.1], 1: [2.0, 2.2]}.items()
        for seed, value in enumerate(values)
    ]
    searched = [{"trial_id": 0, "val_rmse": 1.9}, {"trial_id": 1, "val_rmse": 2.0}]
    found = weigh(searched, rows, seeds=(0, 1), objective=OBJECTIVES["rmse"])
    assert found.winner.trial_id == 1
    # The search's values are too good, which is too low here.
    assert found.bias == pytest.approx((1.15 + 0.1) / 2)
    assert found.configurations[1].difference == pytest.approx(0.95)
