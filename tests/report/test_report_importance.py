"""How much each parameter decided: credit where it is due, intervals that hold what is true."""

from typing import Any

import numpy as np
import pytest

from fcsearch.config import TrialConfig
from fcsearch.report.importance import MIN_TRIALS, importances_of

Rows = list[dict[str, Any]]
BASE = {
    name: list(value) if isinstance(value, tuple) else value
    for name, value in TrialConfig.from_parameters({}, seed=0).parameters().items()
}


def row(accuracy: float, **parameters: Any) -> dict[str, Any]:
    return {**BASE, "state": "complete", "val_accuracy": float(accuracy), **parameters}


def rules(trials: int, seed: int) -> Rows:
    """Trials whose result is decided by the update rule; beta1 says nothing, and is sampled under adam alone."""
    rng = np.random.default_rng(seed)
    middle = {"sgd": 0.10, "sgd_momentum": 0.60, "rmsprop": 0.90, "adam": 0.96}
    found = []
    for index in range(trials):
        rule = list(middle)[index % 4]
        extra = {"beta1": float(rng.uniform(0.8, 0.99))} if rule == "adam" else {}
        result = middle[rule] + rng.normal(0, 0.02)
        dropout = float(rng.uniform(0, 0.5))
        found.append(row(result, update_rule=rule, learning_rate=10 ** rng.uniform(-4, -1), dropout=dropout, **extra))
    return found


def noise(trials: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    return [row(rng.normal(), depth=int(rng.integers(2, 6)), dropout=rng.uniform(0, 0.5)) for _ in range(trials)]


def test_a_rule_that_decides_all_leads_and_a_parameter_of_six_trials_is_not_shown() -> None:
    found, note = importances_of(rules(24, seed=0))
    assert note is None
    assert max(found, key=lambda name: found[name].share) == "update_rule"
    assert found["update_rule"].share > 0.8
    assert found["update_rule"].trials == 24
    assert "beta1" not in found


@pytest.mark.parametrize("seed", range(5))
def test_a_conditional_parameter_gets_no_credit_for_what_its_parent_decides(seed: int) -> None:
    found, _ = importances_of(rules(200, seed))
    assert found["update_rule"].share > 0.8
    assert found["beta1"].trials == 50
    # Within a quarter of the trials it can decide no more than they vary.
    assert found["beta1"].share < 0.02


def test_a_parameter_weighs_as_much_as_its_trials() -> None:
    rows = []
    rng = np.random.default_rng(0)
    for index in range(400):
        momentum = float(rng.uniform(0.8, 0.99))
        if index % 4:
            rows.append(row(rng.normal(), update_rule="sgd"))
        else:
            rows.append(row(20 * (momentum - 0.9), update_rule="sgd_momentum", momentum=momentum))
    found, _ = importances_of(rows)
    assert 0.15 < found["momentum"].share < 0.35


def test_intervals_hold_what_is_true() -> None:
    # The share in a large sample is taken to be the true one.
    def sample(trials: int, seed: int) -> Rows:
        rng = np.random.default_rng(seed)
        depths = rng.integers(2, 5, trials)
        return [row(float(rng.normal(depth, 1.5)), depth=int(depth)) for depth in depths]

    truth = importances_of(sample(5_000, 0))[0]["depth"].share
    found = [importances_of(sample(60, seed))[0]["depth"] for seed in range(1, 41)]
    held = [importance.low <= truth <= importance.high for importance in found]
    assert sum(held) >= 34


def test_of_noise_the_interval_begins_at_nothing() -> None:
    found = [importance for seed in range(20) for importance in importances_of(noise(60, seed))[0].values()]
    assert len(found) == 40
    assert sum(importance.low == 0 for importance in found) >= 36
    assert np.mean([importance.share for importance in found]) < 0.05


def test_repeats_exactly_and_the_order_of_the_interval_is_right() -> None:
    rows = rules(80, seed=3)
    assert importances_of(rows) == importances_of(rows)
    for importance in importances_of(rows)[0].values():
        assert 0 <= importance.low <= importance.share <= importance.high <= 1


def test_ranks_decide_so_that_one_wild_result_does_not() -> None:
    rows = rules(40, seed=1)
    before = importances_of(rows)[0]["update_rule"]
    rows[3]["val_accuracy"] = 1e9
    assert importances_of(rows)[0]["update_rule"].share == pytest.approx(before.share, abs=0.05)


def test_trials_without_a_result_are_passed_over() -> None:
    rows = rules(40, seed=1)
    lost = [{**entry, "state": "diverged", "val_accuracy": None} for entry in rules(10, seed=2)]
    assert importances_of([*rows, *lost]) == importances_of(rows)


def test_too_few_trials() -> None:
    expected = f"they need {MIN_TRIALS} trials with a result; this run has 19"
    assert importances_of(rules(19, seed=0)) == ({}, expected)


def test_equal_results_have_no_order() -> None:
    rows = [{**entry, "val_accuracy": 0.9} for entry in noise(30, 0)]
    assert importances_of(rows) == ({}, "all trials have the same result")


def test_values_of_one_trial_each_are_no_groups() -> None:
    shapes = [tuple(range(8, 10 + index)) for index in range(30)]
    rows = [row(index / 30, hidden_dims=list(shape)) for index, shape in enumerate(shapes)]
    assert "hidden_dims" not in importances_of(rows)[0]
