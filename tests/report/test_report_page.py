"""The report as a page: one file, well formed, escaped."""

import re
import shutil
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from synthetic_run import add_trials, manifest, trial_row

from fcsearch.report import write_report
from fcsearch.results import RunDirectory

VOID = {"meta", "br", "img", "input", "link", "hr"}


class Checker(HTMLParser):
    """Collects ids and references, and notes tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.references: list[str] = []
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.ids.update(value for name, value in attrs if name == "id" and value)
        self.references += [value for name, value in attrs if name in ("src", "href", "xlink:href") and value]
        self.references += [f"#{value}" for name, value in attrs if name == "aria-labelledby" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    assert [name for name, count in checker.ids.items() if count > 1] == []
    assert {reference for reference in checker.references if reference[1:] not in checker.ids} == set()
    return checker


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, made_run: RunDirectory) -> str:
    path = tmp_path_factory.mktemp("page") / "synthetic"
    shutil.copytree(made_run.path, path)
    write_report(RunDirectory.open(path))
    return (path / "report.html").read_text()


def test_is_well_formed_and_needs_no_other_file(page: str) -> None:
    checker = check(page)
    assert checker.tags["script"] == checker.tags["link"] == checker.tags["img"] == 0
    outside = set(re.findall(r"https?://[^\"' )]+", page))
    assert outside == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}, "names of XML, not addresses"
    assert "@import" not in page


def test_holds_the_best_network_the_tables_and_the_remarks(page: str) -> None:
    best = max((trial_row(i) for i in range(48)), key=lambda row: row.get("val_accuracy", 0))
    assert f"Best network: trial {best['trial_id']}" in page
    assert f"{100 * best['val_accuracy']:.2f}%" in page
    assert "is the figure to quote" in page
    assert f"--trial {best['trial_id']}" in page
    top = page[page.index('id="top"') : page.index('id="curves"')]
    assert top.count('<th scope="row">') == 10


def test_drawings_are_vectors_in_the_colours_of_the_page(page: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 2 + 7  # curves, history, and a panel for each parameter that varied
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"]
        assert "width" not in root.attrib
        assert "var(--" in drawing
        assert "#fc000" not in drawing
        assert "<text" in drawing, "text stays text"
    assert "prefers-color-scheme: dark" in page


def test_the_curves_are_those_of_the_top_trials(page: str) -> None:
    curves = re.findall(r"<svg.*?</svg>", page, re.DOTALL)[0]
    # Ten validation curves, the best one's training curve, and the three lines of the legend.
    lines = re.findall(r'id="curves-line2d_\d+">\s*<path d="M[^"]*L[^"]*"[^>]*style="fill: none', curves)
    assert len([line for line in lines if "clip-path" in line]) - _grid_lines(curves) == 11


def _grid_lines(drawing: str) -> int:
    # Grid lines are clipped as the curves are, and have two points.
    paths = re.findall(r'<path d="(M[^"]*)" clip-path', drawing)
    return sum(path.count("L") == 1 for path in paths)


def test_what_users_named_is_escaped(run: RunDirectory) -> None:
    run.update_manifest({"error": "<script>alert(1)</script>", "name": '"><img src=x>'})
    write_report(run)
    page = (run.path / "report.html").read_text()
    assert check(page).tags["script"] == 0
    assert "&lt;script&gt;alert(1)" in page
    assert "<img" not in page


@pytest.mark.parametrize("trials", [0, 1, 2, 9])
def test_small_runs(tmp_path: Path, trials: int) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r", state="interrupted"))
    add_trials(run, range(trials))
    write_report(run)
    check((run.path / "report.html").read_text())


def test_values_of_every_kind_can_be_drawn(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r"))
    rows = []
    for trial_id in range(24):
        row = trial_row(trial_id)
        row["hidden_dims"] = [[64, 32], [128], [], [10, 10, 10]][trial_id % 4]
        row["weight_scale"] = None if trial_id % 5 == 0 else 10.0 ** -(trial_id / 8)
        row["reg"] = trial_id % 3 * 0.1
        # All trials of one rule diverge: there is nothing to draw for it.
        if row["update_rule"] == "sgd_momentum":
            row["state"] = "diverged"
        rows.append(row)
    run.write_pack(0, rows, [])
    found = write_report(run)
    page = (run.path / "report.html").read_text()
    check(page)
    assert {"hidden_dims", "weight_scale", "reg", "momentum"} <= {effect.parameter for effect in found.effects}
    assert "Validation accuracy by momentum" not in page
    assert "Validation accuracy by hidden_dims" in page


def test_a_large_run_stays_a_small_page(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r", manifest("r"))
    base = [trial_row(trial_id) for trial_id in range(20)]
    run.write_pack(0, [{**base[i % 20], "trial_id": i} for i in range(6000)], [])
    write_report(run)
    assert (run.path / "report.html").stat().st_size < 3_000_000
