from __future__ import annotations

import pytest
from search_helpers import trials

from fcsearch.search.messages import PlannedTrial
from fcsearch.search.pack_size import choose_pack_size, next_pack_size
from fcsearch.search.placement import Placement
from fcsearch.search.planner import Planner
from fcsearch.training import TrialConfig

CPU = Placement(workers=2, cpus=1, gpus=0)
GPU = Placement(workers=1, cpus=1, gpus=1)


def planner(*, remaining: int = 100, pack_size: int = 4, workers: int = 2, learns: bool = True) -> Planner:
    return Planner(remaining=remaining, pack_size=pack_size, workers=workers, learns=learns)


def test_a_size_that_is_asked_for_is_taken() -> None:
    assert choose_pack_size(7, trials=3, placement=CPU, learns=True) == 7


@pytest.mark.parametrize("count", [1, 5, 60, 1000, 100_000])
@pytest.mark.parametrize("placement", [CPU, GPU])
def test_a_sampler_that_learns_sees_ten_rounds_of_results(count: int, placement: Placement) -> None:
    size = choose_pack_size("auto", trials=count, placement=placement, learns=True)
    assert size <= 4 or count / size >= 10
    assert size == 1 or count / (size * placement.workers) >= 3
    assert size <= choose_pack_size("auto", trials=count, placement=placement, learns=False) <= 64


def test_towards_the_end_the_rest_is_spread_over_all_workers() -> None:
    assert [next_pack_size(8, remaining=rest, workers=4) for rest in (100, 32, 31, 9, 4, 1)] == [8, 8, 8, 3, 1, 1]


def test_every_trial_is_asked_for_once() -> None:
    for learns in (True, False):
        found = planner(remaining=37, learns=learns)
        counts = []
        while count := found.next_count():
            counts.append(count)
        assert sum(counts) == 37
        assert found.remaining == 0


def test_a_learning_sampler_is_asked_for_one_pack_a_blind_one_for_several() -> None:
    assert planner(learns=True).next_count() == 4
    assert planner(learns=False).next_count() == 32


def test_packs_hold_every_trial_once_and_differ_by_one_at_most() -> None:
    packs = planner(learns=False).packs(trials(30))
    assert sorted(trial.trial_id for pack in packs for trial in pack) == list(range(30))
    assert {len(pack) for pack in packs} <= {3, 4}
    assert planner().packs([]) == []


def test_waiting_trials_of_a_learning_sampler_are_spread_over_the_workers_too() -> None:
    assert [len(pack) for pack in planner(pack_size=16, workers=2).packs(trials(6), spread=True)] == [3, 3]


def test_alike_trials_share_a_pack() -> None:
    shapes = [(64,), (128, 128), (64,), (32,)]
    mixed = [
        PlannedTrial(number, TrialConfig(hidden_dims=shapes[number % 4], batch_size=50 if number % 8 < 4 else 100))
        for number in range(32)
    ]
    packs = planner(learns=False, pack_size=4).packs(mixed)
    assert len(packs) == 8
    # (64,) comes twice as often as the others; every pack holds one shape and one batch size.
    assert all(len({(trial.config.hidden_dims, trial.config.batch_size) for trial in pack}) == 1 for pack in packs)
