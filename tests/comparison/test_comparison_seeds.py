"""Winners over seeds: those that all have, else each its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from compared_runs import confirm, made, sections
from synthetic_run import change_dataset

from fcsearch.comparison import compare_runs
from fcsearch.comparison.section_tables import section_rows, section_title, short_labels


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


def test_an_interval_over_seeds_stays_within_what_a_share_can_be(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.8])
    confirm(one, {1: 0.96, 2: 0.999, 3: 0.98})
    confirm(two, {1: 0.02, 2: 0.001, 3: 0.04})
    first, second = sections(two, one)["seeds"].standings
    assert first.high == 1
    assert second.low == 0


def test_runs_with_more_seeds_are_compared_over_those_that_all_have(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.9])
    confirm(one, {1: 0.80, 2: 0.90, 3: 0.99, 4: 0.99})
    confirm(two, {1: 0.81, 2: 0.93})
    found = compare_runs([one.path, two.path])
    [section] = [section for section in found.sections if section.basis == "seeds"]
    first, second = section.standings
    assert (first.run, first.value, first.trials) == (str(two.path), pytest.approx(0.87), 2)
    assert (second.value, second.trials) == (pytest.approx(0.85), 2)
    assert second.lead is not None
    assert second.lead.paired
    assert second.lead.difference == pytest.approx(0.02)
    labels = short_labels(found.runs)
    assert section_title(section, found, labels) == "Winners over 2 other seeds, the same for all"
    # What a reader sees adds up.
    assert [row[3] for row in section_rows(section, found, labels)] == ["87.00%", "85.00%"]
    assert section_rows(section, found, labels)[1][5] == "2.00 points"
    assert any("has are left out: 3 and 4 of one." in method.replace(f"{tmp_path}/", "") for method in found.methods)


def test_a_difference_is_always_that_of_the_means(tmp_path: Path) -> None:
    one, two, three = (made(tmp_path / name, [0.9]) for name in ("one", "two", "three"))
    confirm(one, {1: 0.80, 2: 0.90})
    confirm(two, {1: 0.79, 2: 0.88})
    confirm(three, {2: 0.7, 4: 0.6, 5: 0.5})
    section = sections(one, two, three)["seeds"]
    first, second, third = section.standings
    assert section.amount is None
    for entry, paired in ((second, True), (third, False)):
        assert entry.lead is not None
        assert entry.lead.paired is paired
        assert first.value is not None
        assert entry.value is not None
        assert entry.lead.difference == pytest.approx(first.value - entry.value)


def test_a_single_confirmed_winner_is_compared_with_nothing(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.8])
    confirm(one, {1: 0.9, 2: 0.91})
    assert "seeds" not in sections(one, two)
    assert compare_runs([one.path, two.path]).unconfirmed == (str(two.path),)


def test_trainings_that_diverged_are_said(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.8])
    confirm(one, {1: 0.9, 2: 0.91, 3: None})
    confirm(two, {1: 0.9, 2: 0.91, 3: 0.92})
    found = compare_runs([one.path, two.path])
    assert f"Trainings that diverged or failed are in no mean: 1 of {one.path}." in found.methods


@pytest.mark.parametrize("seeds", [(1, 2, 3, 4, 5), (1,)])
def test_the_same_seeds_are_said_to_be_the_same_where_runs_cannot_be_compared(
    tmp_path: Path, seeds: tuple[int, ...]
) -> None:
    one, two = made(tmp_path / "one", [0.9]), made(tmp_path / "two", [0.8])
    for run in (one, two):
        confirm(run, {seed: 0.8 + seed / 100 for seed in seeds})
    change_dataset(two, fingerprint="0" * 16)
    found = compare_runs([one.path, two.path])
    assert not found.comparable
    [section] = [section for section in found.sections if section.basis == "seeds"]
    counted = f"{len(seeds)} other seed{'s' if len(seeds) > 1 else ''}"
    assert section_title(section, found, short_labels(found.runs)) == f"Winners over {counted}, the same for all"
    assert "Intervals over seeds: 95% by Student's t." in found.methods
    confirm(two, {7: 0.8, 8: 0.9})
    assert "Intervals over seeds: 95% by Student's t. The winners do not have the same seeds." in (
        compare_runs([one.path, two.path]).methods
    )
