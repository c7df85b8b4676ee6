"""A comparison in Chromium, where it is installed: all is drawn on a phone, and nothing is complained of."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import CHROMIUM, Chromium
from compared_runs import confirm, made
from synthetic_run import change_dataset

from fcsearch.comparison import compare_runs, comparison_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is not installed")
WIDTH = 360


@pytest.mark.parametrize("same_rows", [True, False])
def test_everything_is_drawn_without_a_complaint_or_a_request(
    tmp_path: Path, chromium: Chromium, *, same_rows: bool
) -> None:
    runs = [made(tmp_path / "one", [0.5, 0.6, 0.7]), made(tmp_path / "two", [0.4, None, 0.65], state="interrupted")]
    for run in runs:
        confirm(run, {1: 0.6, 2: 0.65})
    if not same_rows:
        change_dataset(runs[1], fingerprint="0" * 16)
    page = tmp_path / "compared.html"
    page.write_text(comparison_page(compare_runs([run.path for run in runs])), encoding="utf-8")
    chromium.forget()
    chromium.open(page.as_uri())
    chromium.until("document.documentElement.dataset.drawn === 'yes'")
    assert chromium.complaints == []
    assert chromium.requests == [page.as_uri()]
    charts, drawn = chromium.evaluate(
        "['[data-chart]', '[data-chart] svg.marks'].map((found) => document.querySelectorAll(found).length)"
    )
    assert charts == drawn == 5
    assert chromium.evaluate("document.documentElement.scrollWidth") == WIDTH
