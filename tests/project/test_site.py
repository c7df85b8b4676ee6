"""The site of the documentation: its generated parts are current, its pages complete, its links whole."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))

sys.path[:0] = [str(ROOT / "website")]

import assemble  # noqa: E402
import gallery  # noqa: E402
import generated  # noqa: E402


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site") / "website"
    assemble.assemble(target)
    return target


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_generated_parts_are_current(page: Path) -> None:
    assert page.read_text() == generated.current(page), "run `make docs`"


def test_every_part_that_is_generated_has_its_place() -> None:
    assert sorted(part for page in DOCS for part in generated.parts_of(page)) == sorted(generated.PARTS)


def pages_of(nav: list[dict[str, Any]]) -> Iterator[str]:
    for entry in nav:
        for place in entry.values():
            yield from [place] if isinstance(place, str) else pages_of(place)


def test_the_navigation_has_every_page_once(site: Path) -> None:
    nav = tomllib.loads((site / "zensical.toml").read_text())["project"]["nav"]
    assert sorted(pages_of(nav)) == sorted(path.name for path in (site / "docs").glob("*.md"))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_link_leads_to_a_page_and_a_heading(site: Path) -> None:
    broken = []
    for page in (site / "docs").glob("*.md"):
        for target, anchor in re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)", page.read_text()):
            place = page.parent / target if target else page
            if ":" not in target and (not place.is_file() or (anchor and anchor not in anchors(place))):
                broken.append(f"{page.name}: {target}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda page: page.name)
def test_lists_stand_apart(page: Path) -> None:
    """A code host takes a line that begins with a dash for a list, the site where an empty line is before it alone."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert re.findall(r"^(?![-\s]|\d+\. ).+\n(?:- |\d+\. ).*", text, re.MULTILINE) == []


def test_it_is_built_without_a_complaint(site: Path) -> None:
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("needs zensical, which is in fcsearch[docs]; `make docs` installs and runs it")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    environment = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    done = subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr
    page = (site / "site" / "options.html").read_text()
    assert "--gpus-per-worker" in page


def test_the_gallery_says_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []
    monkeypatch.setenv("FCSEARCH_SHARED", str(tmp_path))
    found = importlib.reload(gallery)
    monkeypatch.setattr(found, "REPORTS", tmp_path / "gallery")
    monkeypatch.setattr(found, "make", lambda search: made.append(search.name))
    found.main()
    assert made == ["digits"]
    said = capsys.readouterr().out.splitlines()
    assert [line.split(" needs ")[0] for line in said] == ["left out: cifar10", "left out: adult"]


def test_the_gallery_is_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "docs" / "gallery").glob("*.png")) < 1_000_000
