"""The page in Chromium, where it is installed: all is drawn, nothing is complained of, and it keeps its place."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fold_searches
import numpy as np
import pyarrow as pa
import pytest
import table_searches
from chromium import CHROMIUM, Chromium
from synthetic_run import add_trials, manifest, trial_row

from fcsearch.report import running_page, write_report
from fcsearch.results import RunDirectory

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is not installed")

DRAWN = "document.documentElement.dataset.drawn === 'yes'"
WIDTHS = (360, 1000, 1800)
# A folder for pictures of every page, to be looked at.
PICTURES = os.environ.get("FCSEARCH_PICTURES")


def synthetic(folder: Path) -> RunDirectory:
    return RunDirectory.create(folder / "run", manifest("run"))


def many_trials(folder: Path) -> RunDirectory:
    run = synthetic(folder)
    add_trials(run, range(48))
    return run


def one_trial(folder: Path) -> RunDirectory:
    run = synthetic(folder)
    run.write_pack(0, [{**trial_row(0), "state": "complete"}], [])
    return run


def all_diverged(folder: Path) -> RunDirectory:
    run = synthetic(folder)
    nothing = dict.fromkeys(("val_accuracy", "best_epoch", "train_accuracy", "val_loss"))
    run.write_pack(0, [{**trial_row(i), **nothing, "state": "diverged"} for i in range(24)], [])
    return run


def no_trial(folder: Path) -> RunDirectory:
    return synthetic(folder)


def two_classes_in_folds(folder: Path) -> RunDirectory:
    return fold_searches.search(folder, confirm=2, confirm_seeds=2).run


def few_positives(folder: Path) -> RunDirectory:
    random = np.random.default_rng(0)
    rows = {name: random.normal(size=600) for name in "abc"}
    ill = np.where(rows["a"] + random.normal(size=600) > 2.9, "ill", "well")
    return searched(folder, pa.table({**rows, "state": ill}), "state")


def regression(folder: Path) -> RunDirectory:
    random = np.random.default_rng(0)
    rows = {name: random.normal(size=200) for name in "abc"}
    return searched(folder, pa.table({**rows, "price": 50_000 + 3_000 * rows["a"]}), "price")


def searched(folder: Path, table: pa.Table, label: str) -> RunDirectory:
    return RunDirectory.open(table_searches.search(table, label=label, trials=4, out=folder / "run").path)


# Charts as wide as their places, and the words in them that do not lie whole within them.
FITS = "[...document.querySelectorAll('.plot')].every((plot) => plot.scrollWidth <= plot.clientWidth + 1)"
CUT = """[...document.querySelectorAll(".plot svg")].flatMap((chart) => {
  const all = chart.getBoundingClientRect();
  const beyond = (own) => own.width &&
    Math.max(all.left - own.left, own.right - all.right, all.top - own.top, own.bottom - all.bottom) > 1;
  // What is clipped to the axes is not there at all beyond them.
  const words = [...chart.querySelectorAll("text")].filter((word) => !word.closest("[clip-path]"));
  return words.filter((word) => beyond(word.getBoundingClientRect()))
    .map((word) => `${chart.closest("[data-chart]").dataset.chart}: ${word.textContent}`);
})"""


@pytest.mark.parametrize(
    "made",
    [many_trials, one_trial, all_diverged, no_trial, two_classes_in_folds, few_positives, regression],
    ids=lambda made: made.__name__,
)
def test_everything_is_drawn_whole_without_a_complaint_or_a_request(
    tmp_path: Path, chromium: Chromium, made: Callable[[Path], RunDirectory]
) -> None:
    run = made(tmp_path)
    write_report(run)
    address = (run.path / "report.html").as_uri()
    chromium.forget()
    chromium.look(width=WIDTHS[0])
    chromium.open(address)
    chromium.until(DRAWN)
    charts, drawn, rows = chromium.evaluate(
        "['[data-chart]', '[data-chart] svg.marks', '[aria-label^=\"Open trial \"]']"
        ".map((found) => document.querySelectorAll(found).length)"
    )
    assert charts == drawn
    assert rows == len(run.trials())
    for width in WIDTHS:
        for dark in (False, True):
            chromium.look(width=width, dark=dark)
            chromium.until(FITS)
            # Nothing is cut: what is wider than the page has bars of its own to scroll by.
            assert chromium.evaluate("document.documentElement.scrollWidth") == width
            assert chromium.evaluate(CUT) == []
            if PICTURES:
                theme = "dark" if dark else "light"
                chromium.picture(Path(PICTURES) / f"{made.__name__}-{width}-{theme}.png")
    assert chromium.complaints == []
    assert chromium.requests == [address]


# What a reader does: all at once, so that no reload comes in between.
READS = """(() => {
  const by = (id) => document.getElementById(id);
  by("values").open = true;
  by("search").value = "depth=3";
  by("search").dispatchEvent(new Event("input"));
  by("size").querySelector("input[type=checkbox]").click();
  scrollTo({ left: 0, top: by("size").offsetTop, behavior: "instant" });
  return scrollY;
})()"""
SEES = """({
  open: document.getElementById("values").open,
  search: document.getElementById("search").value,
  whole: document.getElementById("size").querySelector("input[type=checkbox]").checked,
  top: Math.round(document.getElementById("size").getBoundingClientRect().top),
})"""


def test_a_page_of_a_running_search_reloads_itself_keeps_its_place_and_becomes_the_last_one(
    tmp_path: Path, chromium: Chromium
) -> None:
    going = {"state": "running", "finished_at": None, "options": {"trials": 96}}
    run = RunDirectory.create(tmp_path / "run", manifest("run", **going))

    def write(trials: range) -> None:
        add_trials(run, trials)
        running_page.write_running_page(run.path, every=1)

    def shows(trials: int) -> str:
        return f"{DRAWN} && page.rows.length === {trials} && document.querySelector('progress').value === {trials}"

    with run.writing():
        write(range(40))
        chromium.forget()
        chromium.look(width=WIDTHS[0])
        chromium.open((run.path / "report.html").as_uri())
        chromium.until(shows(40))
        assert chromium.evaluate(READS) > 1000
        before: dict[str, Any] = chromium.evaluate(SEES)
        assert (before["open"], before["search"], before["whole"], before["top"]) == (True, "depth=3", True, 0)
        write(range(40, 64))
        # The texts above the place may have become a line longer or shorter.
        # In one look: the page goes on reloading itself.
        after: dict[str, Any] = chromium.until(f"{shows(64)} && document.documentElement.dataset.reloads > 0 && {SEES}")
        assert {**after, "top": 0} == before
        assert abs(after["top"]) < 200
        add_trials(run, range(64, 96))
    run.update_manifest({"state": "complete"})
    write_report(run)
    chromium.until(f"{DRAWN} && page.rows.length === 96 && page.data.reload === null")
    assert chromium.evaluate("document.querySelector('progress')") is None
    # The browser itself goes back to the place.
    assert chromium.until("scrollY") > 1000
    assert chromium.complaints == []
