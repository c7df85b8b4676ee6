import itertools
from collections.abc import Mapping

import pytest

from fcsearch.search.pool.asha import Asha, Rungs, Standing

ASHA = Asha(min_epochs=3, reduction_factor=3)


def judge(rungs: Rungs, epoch: int, values: Mapping[int, float]) -> list[int]:
    """The members that are to stop, of a pack of trials of 30 epochs."""
    return rungs.judge(epoch, {member: Standing(value, epochs=30) for member, value in values.items()})


@pytest.mark.parametrize(
    ("min_epochs", "eta", "epochs", "rungs"),
    [(3, 3, 30, [3, 9, 27]), (3, 3, 27, [3, 9]), (1, 2, 9, [1, 2, 4, 8]), (5, 4, 5, []), (2, 3, 6, [2])],
)
def test_rungs_lie_at_powers_of_eta(min_epochs: int, eta: int, epochs: int, rungs: list[int]) -> None:
    asha = Asha(min_epochs, eta)
    assert [epoch for epoch in range(1, epochs) if asha.rung(epoch, epochs) == epoch] == rungs
    assert {asha.rung(epoch, epochs) for epoch in range(1, epochs)} <= {None, *rungs}


def test_the_top_third_of_a_pack_goes_on() -> None:
    values = {member: member / 10 for member in range(9)}
    assert judge(Rungs(ASHA), 3, values) == [0, 1, 2, 3, 4, 5]


def test_between_rungs_nobody_is_judged_and_nothing_recorded() -> None:
    rungs = Rungs(ASHA)
    assert judge(rungs, 2, {0: 0.1, 1: 0.9}) == []
    assert judge(rungs, 4, {0: 0.1, 1: 0.9}) == []
    assert rungs.values() == {}


def test_the_history_decides_with() -> None:
    rungs = Rungs(ASHA, {3: (0.9, 0.8, 0.7, 0.6, 0.5)})
    # Six values with this one: two may go on.
    assert judge(rungs, 3, {0: 0.85}) == []
    # Seven: still two, and two are better.
    assert judge(rungs, 3, {1: 0.84}) == [1]
    assert rungs.values() == {3: (0.9, 0.8, 0.7, 0.6, 0.5, 0.85, 0.84)}


def test_the_first_and_the_best_always_go_on_and_ties_do() -> None:
    assert judge(Rungs(ASHA), 3, {0: 0.1}) == []
    assert judge(Rungs(ASHA), 3, {0: 0.1, 1: 0.2}) == [0]
    assert judge(Rungs(ASHA), 3, {0: 0.2, 1: 0.2, 2: 0.1}) == [2]


def test_the_verdict_does_not_depend_on_the_order_of_members() -> None:
    values = {0: 0.3, 1: 0.9, 2: 0.5, 3: 0.7}
    verdicts = {
        tuple(sorted(judge(Rungs(ASHA), 3, {member: values[member] for member in order})))
        for order in itertools.permutations(values)
    }
    assert verdicts == {(0, 2, 3)}


def test_what_a_trial_had_at_its_rungs_is_its_best_so_far() -> None:
    rungs = Rungs(ASHA, {3: (0.5,)})
    for history in ({1: 0.2, 2: 0.6, 3: 0.4, 4: 0.5}, {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.9, 9: 0.8}, {1: 0.9}):
        rungs.learn(history, epochs=30)
    assert rungs.values() == {3: (0.5, 0.6, 0.3), 9: (0.9,)}
