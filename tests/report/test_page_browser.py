"""The page in Chromium, where it is installed: all is drawn, nothing is complained of, and it keeps its place."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, Chromium, ChromiumEndedError
from synthetic_run import add_trials, manifest, trial_row

from fcsearch.report import running_page, write_report
from fcsearch.results import RunDirectory

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is not installed")

DRAWN = "document.documentElement.dataset.drawn === 'yes'"


def all_trials(run: RunDirectory) -> None:
    add_trials(run, range(48))


def one_trial(run: RunDirectory) -> None:
    run.write_pack(0, [{**trial_row(0), "state": "complete"}], [])


def all_diverged(run: RunDirectory) -> None:
    nothing = dict.fromkeys(("val_accuracy", "best_epoch", "train_accuracy", "val_loss"))
    run.write_pack(0, [{**trial_row(i), **nothing, "state": "diverged"} for i in range(24)], [])


def no_trial(run: RunDirectory) -> None:
    assert len(run.trials()) == 0


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser on a phone's width, where the least fits."""
    # Its sockets need a short path, and it leaves much behind.
    with tempfile.TemporaryDirectory(prefix="fc", dir="/tmp", ignore_cleanup_errors=True) as folder:
        try:
            browser = Chromium(Path(folder), width=360)
        except ChromiumEndedError:
            pytest.skip("Chromium does not start here")
        yield browser
        browser.close()


@pytest.mark.parametrize("fill", [all_trials, one_trial, all_diverged, no_trial])
def test_everything_is_drawn_without_a_complaint_or_a_request(
    tmp_path: Path, chromium: Chromium, fill: Callable[[RunDirectory], None]
) -> None:
    run = RunDirectory.create(tmp_path / "run", manifest("run"))
    fill(run)
    write_report(run)
    address = (run.path / "report.html").as_uri()
    chromium.forget()
    chromium.open(address)
    chromium.until(DRAWN)
    assert chromium.complaints == []
    assert chromium.requests == [address]
    charts, drawn, rows = chromium.evaluate(
        "['[data-chart]', '[data-chart] svg.marks', '[aria-label^=\"Open trial \"]']"
        ".map((found) => document.querySelectorAll(found).length)"
    )
    assert charts == drawn
    assert rows == len(run.trials())
    # Nothing is cut: what is wider than a phone has bars of its own to scroll by.
    assert chromium.evaluate("document.documentElement.scrollWidth") == 360


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
        chromium.open((run.path / "report.html").as_uri())
        chromium.until(shows(40))
        assert chromium.evaluate(READS) > 1000
        before: dict[str, Any] = chromium.evaluate(SEES)
        assert (before["open"], before["search"], before["whole"], before["top"]) == (True, "depth=3", True, 0)
        write(range(40, 64))
        # The texts above the place may have become a line longer or shorter.
        chromium.until(f"{shows(64)} && document.documentElement.dataset.reloads > 0")
        after = chromium.evaluate(SEES)
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
