"""Runs side by side: what is compared, by which intervals, and what cannot be compared."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_run import START, change_dataset, make_run, manifest, trial_row

from fcsearch.comparison import Section, compare_runs
from fcsearch.comparison.contestant import Done, read_contestant
from fcsearch.comparison.standing import Margin, by_trials, methods_of
from fcsearch.config.objective import OBJECTIVES
from fcsearch.errors import RunError, UsageError
from fcsearch.results import RunDirectory, TrialRecord
from fcsearch.results.records import row_config
from fcsearch.selection.confirmation import error_by_rows

ACCURACY, RMSE = OBJECTIVES["accuracy"], OBJECTIVES["rmse"]


def done(*gains: float) -> list[Done]:
    return [Done(number, gain, None) for number, gain in enumerate(gains)]


def made(path: Path, values: Sequence[float | None], *, seconds: float = 10, **changes: Any) -> RunDirectory:
    """A run whose trials have these accuracies, one after another, each so long; None: it diverged."""
    run = RunDirectory.create(path, manifest(path.name, **changes))
    for number, value in enumerate(values):
        ends = START + timedelta(seconds=seconds * (number + 1))
        row = {
            **trial_row(0),
            "trial_id": number,
            "state": "diverged" if value is None else "complete",
            "val_accuracy": value,
            "started_at": ends - timedelta(seconds=seconds),
            "finished_at": ends,
        }
        run.write_pack(number, [row], [])
    return run


def confirm(run: RunDirectory, values: dict[int, float]) -> None:
    """Confirm trial 0: the accuracy of each seed."""
    run.update_manifest({"confirmation": {"trials": [0], "seeds": list(values)}})
    config = row_config(trial_row(0))
    rows = [
        TrialRecord(
            trial_id=0,
            state="complete",
            config=row_config({**trial_row(0), **config.parameters(), "seed": seed}),
            val_accuracy=value,
            best_epoch=1,
        )
        for seed, value in values.items()
    ]
    run.write_confirmations(run.next_pack_id(), rows)


def sections(*runs: RunDirectory) -> dict[str, Section]:
    return {section.basis: section for section in compare_runs([run.path for run in runs]).sections}


def test_equal_trials_are_the_first_of_each(tmp_path: Path) -> None:
    few = made(tmp_path / "few", [0.5, 0.6, 0.7])
    many = made(tmp_path / "many", [0.4, 0.65, 0.5, 0.9])
    found = sections(many, few)["trials"]
    assert found.amount == 3
    assert [(entry.run, entry.trials, entry.value) for entry in found.standings] == [
        (str(few.path), 3, 0.7),
        (str(many.path), 3, 0.65),
    ]
    lead = found.standings[1].lead
    assert lead is not None
    assert lead.difference == pytest.approx(0.05)
    assert lead.explained_by_chance


def test_equal_time_is_that_of_the_quicker_run(tmp_path: Path) -> None:
    quick = made(tmp_path / "quick", [0.5, 0.6], seconds=5)
    slow = made(tmp_path / "slow", [0.55, 0.8], seconds=10)
    found = sections(quick, slow)["time"]
    assert found.amount == 10
    assert [(entry.run, entry.trials, entry.value) for entry in found.standings] == [
        (str(quick.path), 2, 0.6),
        (str(slow.path), 1, 0.55),
    ]


def test_the_best_of_resamples_is_that_of_drawing_them() -> None:
    values = np.random.default_rng(1).random(40)
    [standing] = by_trials("trials", 40, {"a": done(*values)}, ACCURACY, comparable=True).standings
    drawn = np.random.default_rng(2).choice(values, (20_000, 40)).max(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    assert (standing.low, standing.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


def test_a_lead_that_every_resample_shows_is_more_than_chance() -> None:
    rng = np.random.default_rng(0)
    trials = {"good": done(*rng.uniform(0.9, 0.95, 30)), "bad": done(*rng.uniform(0.5, 0.6, 30))}
    first, second = by_trials("trials", 30, trials, ACCURACY, comparable=True).standings
    assert first.run == "good"
    assert second.lead is not None
    assert not second.lead.explained_by_chance
    assert by_trials("trials", 30, trials, ACCURACY, comparable=False).standings[1].lead is None


def test_of_an_error_less_is_better() -> None:
    trials = {"bad": done(-3.0, -2.0), "good": done(-1.0, -4.0)}
    first, second = by_trials("trials", 2, trials, RMSE, comparable=True).standings
    assert (first.run, first.value, second.value) == ("good", 1.0, 2.0)
    assert first.low is not None
    assert first.high is not None
    assert first.low == 1.0 <= first.high
    assert second.lead is not None
    assert second.lead.difference == 1.0


def test_trials_without_a_result_count_and_win_nothing() -> None:
    trials = {"none": done(-math.inf, -math.inf), "one": done(-math.inf, 0.5)}
    first, second = by_trials("trials", 2, trials, ACCURACY, comparable=True).standings
    assert (first.run, first.trials, first.value) == ("one", 2, 0.5)
    assert (second.value, second.lead) == (None, None)


def test_confirmed_winners_are_paired_by_seed(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.9])
    confirm(one, {1: 0.80, 2: 0.90, 3: 0.85})
    confirm(two, {1: 0.79, 2: 0.8895, 3: 0.8395})
    first, second = sections(two, one)["seeds"].standings
    assert (first.run, first.trials) == (str(one.path), 3)
    assert first.value == pytest.approx(0.85)
    assert second.lead is not None
    assert second.lead.paired
    # Three of the 270 rows, with every seed: that is chance.
    assert second.lead.explained_by_chance
    for run in (one, two):
        change_dataset(run, rows={"train": 1257, "val": 27_000, "test": 270})
    lead = sections(two, one)["seeds"].standings[1].lead
    assert lead is not None
    assert not lead.explained_by_chance


def test_an_interval_has_the_chance_in_its_rows(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9] * 30), made(tmp_path / "two", [0.85] * 30)
    for run in (one, two):
        confirm(run, {1: 0.9, 2: 0.9, 3: 0.9})
    # Neither resamplings nor seeds differ: what is left is a binomial share of 270 rows.
    half = 1.96 * math.sqrt(0.9 * 0.1 / 270)
    found = sections(one, two)
    for basis in ("trials", "seeds"):
        first = found[basis].standings[0]
        assert (first.low, first.high) == (pytest.approx(0.9 - half), pytest.approx(0.9 + half))
    lead = found["trials"].standings[1].lead
    assert lead is not None
    # A lead of 5 points needs at least that many rows that only one of them has right.
    assert (lead.low, lead.high) == (
        pytest.approx(0.05 - 1.96 * math.sqrt(0.05 / 270)),
        pytest.approx(0.05 + 1.96 * math.sqrt(0.05 / 270)),
    )


def test_a_lead_whose_error_by_rows_is_not_known_says_so(tmp_path: Path) -> None:
    for objective in (OBJECTIVES["balanced_accuracy"], OBJECTIVES["roc_auc"]):
        trials = {
            "one": done(*[0.9] * 9),
            "two": [dataclasses.replace(trial, error=0.02) for trial in done(*[0.8] * 9)],
        }
        section = by_trials("trials", 9, trials, objective, comparable=True, rows=100)
        first, second = section.standings
        # No formula of shares: with a rare class it is wrong by several times.
        assert (first.low, first.high) == (0.9, 0.9)
        assert (second.low, second.high) == (pytest.approx(0.8 - 1.96 * 0.02), pytest.approx(0.8 + 1.96 * 0.02))
        assert second.lead == Margin(pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.1))
        assert error_by_rows(0.1, objective, 100) == 0
        text = " ".join(methods_of([section], objective))
        assert ", and the chance in which rows there are" not in text
        assert f"of leads in {objective.title} it is not known, and not included" in text
    section = by_trials("trials", 9, {"one": done(0.9)}, ACCURACY, comparable=True, rows=100)
    assert len(methods_of([section], ACCURACY)) == 1
    run = made(tmp_path / "folds", [0.9])
    row = {**trial_row(0), "trial_id": 1, "val_standard_error": 0.03}
    run.write_pack(1, [row], [])
    assert read_contestant(run.path).error_of(1) == 0.03


def test_over_other_seeds_the_spread_of_both_counts(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.9])
    confirm(one, {1: 0.80, 2: 0.90, 3: 0.85})
    confirm(two, {4: 0.79, 5: 0.8895, 6: 0.8395})
    lead = sections(two, one)["seeds"].standings[1].lead
    assert lead is not None
    assert not lead.paired
    assert lead.explained_by_chance
    # scipy.stats.ttest_ind(..., equal_var=False).confidence_interval()
    assert (lead.low, lead.high) == (pytest.approx(-0.1027, abs=1e-3), pytest.approx(0.1234, abs=1e-3))


def test_other_rows_cannot_be_compared(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.8])
    change_dataset(two, fingerprint="0" * 16)
    found = compare_runs([one.path, two.path])
    assert not found.comparable
    [data] = [check for check in found.checks if check.subject == "data"]
    assert data.same is False
    assert "other rows, or other splits" in data.sentence
    assert all(entry.lead is None for section in found.sections for entry in section.standings)
    change_dataset(two, fingerprint=None)
    assert compare_runs([one.path, two.path]).checks[0].same is None


def test_it_says_where_the_spaces_differ(tmp_path: Path) -> None:
    one = made(tmp_path / "one", [0.9])
    space = dict(one.manifest().space or {})
    changed = {**space["parameters"], "dropout": {"low": 0.0, "high": 0.2}}
    two = made(tmp_path / "two", [0.8], space={**space, "parameters": changed}, seed=4)
    checks = {check.subject: check for check in compare_runs([one.path, two.path]).checks}
    assert checks["space"].same is False
    assert "dropout" in checks["space"].sentence
    assert "depth" not in checks["space"].sentence
    assert checks["seed"].same is False
    assert checks["data"].same
    assert compare_runs([one.path, two.path]).comparable


def test_what_one_did_not_search_has_the_value_that_it_had(tmp_path: Path) -> None:
    one = made(tmp_path / "one", [0.9])
    space = dict(one.manifest().space or {})
    changed = {**space["parameters"], "lr_schedule": "cosine"}
    two = made(tmp_path / "two", [0.8], space={**space, "parameters": changed})
    checks = {check.subject: check for check in compare_runs([one.path, two.path]).checks}
    assert "exponential, not searched" in checks["space"].sentence
    assert "cosine" in checks["space"].sentence


def test_an_interval_over_seeds_stays_within_what_a_share_can_be(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.8])
    confirm(one, {1: 0.96, 2: 0.999, 3: 0.98})
    confirm(two, {1: 0.02, 2: 0.001, 3: 0.04})
    first, second = sections(two, one)["seeds"].standings
    assert first.high == 1
    assert second.low == 0


def test_runs_without_trials(tmp_path: Path) -> None:
    found = compare_runs([made(tmp_path / "one", []).path, made(tmp_path / "two", [0.8]).path])
    assert found.sections == ()


def test_what_cannot_be_compared_is_refused(run: RunDirectory) -> None:
    for paths in ([run.path], [run.path, run.path]):
        with pytest.raises(UsageError, match="at least two runs, each named once"):
            compare_runs(paths)
    with pytest.raises(RunError, match="must be a run directory"):
        compare_runs([run.path, run.path / "none"])


def test_made_runs_compare(run: RunDirectory, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", trials=16)
    assert [section.basis for section in compare_runs([run.path, other.path]).sections] == ["trials", "time"]
