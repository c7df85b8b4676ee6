from __future__ import annotations

import itertools

import pytest

from fcsearch.search.pool.asha import Asha, Rungs, rung_values

ASHA = Asha(min_epochs=3, reduction_factor=3)


@pytest.mark.parametrize(
    ("min_epochs", "eta", "epochs", "rungs"),
    [(3, 3, 30, [3, 9, 27]), (3, 3, 27, [3, 9]), (1, 2, 9, [1, 2, 4, 8]), (5, 4, 5, []), (2, 3, 6, [2])],
)
def test_rungs_lie_at_powers_of_eta(min_epochs: int, eta: int, epochs: int, rungs: list[int]) -> None:
    assert Asha(min_epochs, eta).rungs(epochs) == rungs


def test_the_top_third_of_a_pack_goes_on() -> None:
    values = {member: member / 10 for member in range(9)}
    assert Rungs(ASHA).judge(3, values) == [0, 1, 2, 3, 4, 5]


def test_between_rungs_nobody_is_judged_and_nothing_recorded() -> None:
    rungs = Rungs(ASHA)
    assert rungs.judge(2, {0: 0.1, 1: 0.9}) == []
    assert rungs.judge(4, {0: 0.1, 1: 0.9}) == []
    assert rungs.values() == {}


def test_the_history_decides_with() -> None:
    rungs = Rungs(ASHA, {3: (0.9, 0.8, 0.7, 0.6, 0.5)})
    # Six values with this one: two may go on.
    assert rungs.judge(3, {0: 0.85}) == []
    # Seven: still two, and two are better.
    assert rungs.judge(3, {1: 0.84}) == [1]
    assert rungs.values() == {3: (0.9, 0.8, 0.7, 0.6, 0.5, 0.85, 0.84)}


def test_the_first_and_the_best_always_go_on_and_ties_do() -> None:
    assert Rungs(ASHA).judge(3, {0: 0.1}) == []
    assert Rungs(ASHA).judge(3, {0: 0.1, 1: 0.2}) == [0]
    assert Rungs(ASHA).judge(3, {0: 0.2, 1: 0.2, 2: 0.1}) == [2]


def test_the_verdict_does_not_depend_on_the_order_of_members() -> None:
    values = {0: 0.3, 1: 0.9, 2: 0.5, 3: 0.7}
    verdicts = {
        tuple(sorted(Rungs(ASHA).judge(3, {member: values[member] for member in order})))
        for order in itertools.permutations(values)
    }
    assert verdicts == {(0, 2, 3)}


def test_rung_values_are_the_best_so_far_at_each_rung() -> None:
    histories = {7: {1: 0.2, 2: 0.6, 3: 0.4, 4: 0.5}, 8: {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.9, 9: 0.8}, 9: {1: 0.9}}
    assert rung_values(ASHA, histories) == {3: (0.6, 0.3), 9: (0.9,)}


def test_what_others_recorded_is_added() -> None:
    rungs = Rungs(ASHA, {3: (0.5,)})
    rungs.extend({3: (0.6,), 9: (0.7,)})
    assert rungs.values() == {3: (0.5, 0.6), 9: (0.7,)}
