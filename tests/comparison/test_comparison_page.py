"""A comparison as a page: well formed, complete, and silent about the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import vl_convert
from page_checks import check, data_of, without_scripts
from synthetic_run import change_dataset, make_run

from fcsearch.comparison import Comparison, compare_runs, comparison_page
from fcsearch.comparison.section_tables import short_labels
from fcsearch.results import RunDirectory


@pytest.fixture
def found(run: RunDirectory, tmp_path: Path) -> Comparison:
    return compare_runs([run.path, make_run(tmp_path / "other", trials=16).path])


def test_it_says_who_leads_and_how_each_came_to_it(found: Comparison) -> None:
    page = comparison_page(found)
    check(page)
    assert "2 runs, by validation accuracy" in page
    assert "After 16 trials each" in page
    assert "leads" in page
    assert "cannot be compared" not in page
    assert "Not confirmed over other seeds: <code>fcsearch confirm other</code>" in page
    data = data_of(page)
    assert set(data["charts"]) == {"standing-trials", "standing-time", "course-trials", "course-time"}
    course = data["charts"]["course-trials"]["spec"]["data"]["values"]
    assert {row["run"]: row["trials"] for row in course} == {"synthetic": 48, "other": 16}
    for name, chart in data["charts"].items():
        assert vl_convert.vegalite_to_vega({**chart["spec"], "config": data["config"]}, vl_version="6.4")["marks"], name


def test_it_names_no_folder_of_the_machine(found: Comparison, tmp_path: Path) -> None:
    assert str(tmp_path) not in without_scripts(comparison_page(found))


def test_what_cannot_be_compared_is_said_first(run: RunDirectory, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", trials=16)
    change_dataset(other, fingerprint="0" * 16)
    page = comparison_page(compare_runs([run.path, other.path]))
    assert "These runs cannot be compared: each is shown by itself. Data: other rows" in page


def test_runs_without_trials_have_a_page(tmp_path: Path) -> None:
    empty = make_run(tmp_path / "empty", trials=0)
    page = comparison_page(compare_runs([empty.path, make_run(tmp_path / "other", trials=8).path]))
    check(page)


def test_labels_are_as_short_as_they_can_be() -> None:
    assert short_labels(["/x/runs/a", "/x/runs/b"]) == {"/x/runs/a": "a", "/x/runs/b": "b"}
    assert short_labels(["/x/a", "/y/a"]) == {"/x/a": "x/a", "/y/a": "y/a"}
