from search_helpers import trials

from fcsearch.search.planning.packs import Planner
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.training import TrialConfig


def planner(*, remaining: int = 100, pack_size: int = 4, learns: bool = True) -> Planner:
    return Planner(remaining=remaining, pack_size=pack_size, learns=learns)


def test_every_trial_is_asked_for_once() -> None:
    for learns in (True, False):
        found = planner(remaining=37, learns=learns)
        counts = []
        while count := found.next_count(workers=2):
            counts.append(count)
        assert sum(counts) == 37
        assert found.remaining == 0


def test_a_learning_sampler_is_asked_for_one_pack_a_blind_one_for_several() -> None:
    assert planner(learns=True).next_count(workers=2) == 4
    assert planner(learns=False).next_count(workers=2) == 32


def test_packs_hold_every_trial_once_and_differ_by_one_at_most() -> None:
    packs = planner(learns=False).packs(trials(30), workers=2)
    assert sorted(trial.trial_id for pack in packs for trial in pack) == list(range(30))
    assert {len(pack) for pack in packs} <= {3, 4}
    assert planner().packs([], workers=2) == []


def test_waiting_trials_of_a_learning_sampler_are_spread_over_the_workers_too() -> None:
    assert [len(pack) for pack in planner(pack_size=16).packs(trials(6), workers=2, spread=True)] == [3, 3]


def test_alike_trials_share_a_pack() -> None:
    shapes = [(64,), (128, 128), (64,), (32,)]
    mixed = [
        PlannedTrial(number, TrialConfig(hidden_dims=shapes[number % 4], batch_size=50 if number % 8 < 4 else 100))
        for number in range(32)
    ]
    packs = planner(learns=False, pack_size=4).packs(mixed, workers=2)
    assert len(packs) == 8
    # (64,) comes twice as often as the others; every pack holds one shape and one batch size.
    assert all(len({(trial.config.hidden_dims, trial.config.batch_size) for trial in pack}) == 1 for pack in packs)


def test_trials_of_one_checkpoint_stay_together_apart_from_others() -> None:
    waiting, kept = trials(9), {1: "a", 5: "a", 7: "a", 2: "b", 3: "b"}
    for learns in (True, False):
        packs = planner(learns=learns, pack_size=9).packs_again(waiting, (), workers=1, kept=kept)
        ids = [{trial.trial_id for trial in pack} for pack in packs]
        assert sorted(map(sorted, ids)) == [[0, 4, 6, 8], [1, 5, 7], [2, 3]]
    # More than a pack would have, and in packs that a sampler without memory had before.
    assert [len(pack) for pack in planner(pack_size=2).packs_again(waiting, (), workers=1, kept=kept)] == [3, 2, 2, 2]
    packs = planner(learns=False, pack_size=3).packs_again(waiting, (), workers=1, kept=kept)
    assert all(len({kept.get(trial.trial_id) for trial in pack}) == 1 for pack in packs)
