"""How much is trained again, and how much is kept for an ensemble."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from search_helpers import make_space
from synthetic_run import digits

from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.extent import Extent, are_best, best_trials, candidates, confirmation_extent
from fcsearch.training import TrialConfig


def rows(count: int, *, epochs: int = 20, ran: int | None = None) -> list[dict[str, Any]]:
    """Rows of trials, best first, of as many configurations."""
    configs = [
        TrialConfig(learning_rate=0.01 + trial / 1000, epochs=epochs, hidden_dims=(512,)) for trial in range(count)
    ]
    return [
        {"trial_id": trial, "pack_id": 0, "epochs_run": ran or epochs, **config.parameters(), "seed": 7}
        for trial, config in enumerate(configs)
    ]


def extent(found: list[dict[str, Any]], workers: int = 0, *, left: float = 0.0, **options: Any) -> Extent | None:
    # Without a start-up time, so that trials alone count.
    return confirmation_extent(SearchOptions(**options), found, found, digits(), workers=workers, left=left)


@pytest.mark.parametrize(("trials", "sizes"), [(600, (5, 5)), (110, (5, 3)), (18, (2, 2)), (300, (5, 5)), (8, None)])
def test_as_much_as_takes_little_of_the_time(trials: int, sizes: tuple[int, int] | None) -> None:
    # All of one lane: alone a member takes up to twice as long.
    found = [{**row, "pack_id": row["trial_id"]} for row in rows(trials)]
    got = extent(found)
    assert (got and (len(got.trials), len(got.seeds))) == sizes
    if got and sizes != (2, 2):
        assert len(got.trials) * len(got.seeds) <= 0.15 * trials


def test_within_a_time_budget_it_is_never_more_than_its_share() -> None:
    found = [{**row, "pack_id": row["trial_id"]} for row in rows(20)]
    assert extent(found) == Extent((0, 1), (8, 9))
    assert extent(found, time_budget=100.0) is None


@pytest.mark.parametrize(("workers", "needed"), [(1, 4 / 0.7), (2, 2 / 0.7), (8, 1 / 0.7)])
def test_within_a_time_budget_the_least_may_take_what_the_trials_have_left_of_it(workers: int, needed: float) -> None:
    # By the clock each trial, and so each of the four trainings, took a second of a worker.
    found = [{**row, "train_seconds": 1.0} for row in rows(8, epochs=2000)]
    for left, fits in ((0.0, False), (needed - 0.1, False), (needed + 0.1, True), (1000.0, True)):
        got = extent(found, workers, left=left, time_budget=1000.0)
        assert got == (Extent((0, 1), (8, 9)) if fits else None)
    # Not more than the trials took.
    assert extent(found[:3], workers, left=1000.0, time_budget=1000.0) is None
    # Nor where it is not known how long they took.
    assert extent(rows(8, epochs=2000), workers, left=1000.0, time_budget=1000.0) is None


def test_within_a_time_budget_the_refit_that_follows_has_its_time() -> None:
    found = [{**row, "pack_id": row["trial_id"]} for row in rows(300, epochs=200)]
    assert extent(found, time_budget=100.0) == extent(found, refit=True) == extent(found)
    sizes = []
    for workers in (1, 8, 16):
        got = extent(found, workers, time_budget=100.0, refit=True)
        sizes.append(len(got.trials) * len(got.seeds) if got else 0)
    # While it is made, all workers but one wait.
    assert sizes[0] > sizes[1] > sizes[2] == 0
    assert extent(found, 16, time_budget=100.0) == extent(found)


def test_within_a_time_budget_the_time_of_other_sessions_has_no_part_in_it() -> None:
    found = [{**row, "pack_id": row["trial_id"], "train_seconds": 2.0} for row in rows(300)]
    # All trials took 600 s of a worker.
    sizes = []
    for budget in (600.0, 300.0, 60.0, 3.0):
        got = extent(found, 2, time_budget=budget)
        sizes.append(len(got.trials) * len(got.seeds) if got else 0)
    assert sizes[0] == sizes[1] > sizes[2] > sizes[3]
    assert extent(found, 2) == extent(found, 2, time_budget=600.0)


def test_a_start_of_seconds_counts_as_time_of_the_search() -> None:
    found = [{**row, "pack_id": row["trial_id"]} for row in rows(8, epochs=1)]
    assert extent(found) is None
    assert extent(found, workers=2) == Extent((0, 1, 2, 3, 4), (8, 9, 10, 11, 12))


def test_what_is_asked_for_is_taken() -> None:
    assert extent(rows(3), confirm=2, confirm_seeds=1) == Extent((0, 1), (8,))
    assert extent(rows(3), confirm=9) == Extent((0, 1, 2), (8, 9, 10, 11, 12))
    assert extent(rows(3), confirm=0) is None
    assert extent([], confirm=3) is None


def test_one_configuration_is_confirmed_once() -> None:
    twice = [*rows(2), {**rows(1)[0], "trial_id": 5}, {**rows(3)[2]}]
    assert extent(twice, confirm=3, confirm_seeds=1) == Extent((0, 1, 2), (8,))


def test_what_early_stopping_ended_is_confirmed_only_where_there_is_nothing_else() -> None:
    """The network that is kept is that of the trial; one that was stopped would not be the one that is confirmed."""
    states = ["stopped", "complete", "stopped", "unfinished", "complete"]
    found = [{**row, "state": state} for row, state in zip(rows(5), states, strict=True)]
    assert extent(found, confirm=2, confirm_seeds=1) == Extent((1, 3), (8,))
    assert extent(found, confirm=5, confirm_seeds=1) == Extent((1, 3, 4), (8,))
    assert best_trials(found[2:3] * 2, 2) == (2,)
    # A confirmation of an earlier version, which confirmed them, is kept.
    assert are_best((1, 3), found)
    assert are_best((0, 1), found)
    assert not are_best((1, 2), found)


def test_seeds_stay_in_their_range() -> None:
    last = [{**row, "seed": 2**32 - 1} for row in rows(2)]
    assert extent(last, confirm=1, confirm_seeds=2) == Extent((0,), (0, 1))


def test_candidates_are_capped_by_what_they_take(tmp_path: Path) -> None:
    space = make_space(tmp_path)
    assert candidates(SearchOptions(), space, digits()) == 50
    assert candidates(SearchOptions(ensemble=0), space, digits()) == 3
    assert candidates(SearchOptions(ensemble=7), space, digits()) == 7
    wide = make_space(tmp_path, parameters={"hidden_dim": {"choices": [65_536]}, "learning_rate": 0.1})
    # 75 * 65,536 + 10 weights and biases of four bytes: 13 in 256 MB.
    assert candidates(SearchOptions(), wide, digits()) == 13
    many = dataclasses.replace(digits(), val=_Rows(1_000_000))  # type: ignore[arg-type]
    assert candidates(SearchOptions(keep_models=4), space, many) == 4


class _Rows:
    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count
