"""How the repository is laid out: what no linter checks."""

import re
from collections import defaultdict
from pathlib import Path

from fcsearch.cli import _COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fcsearch"
# Files of one name in two rooms: plain and fast, the same for each pool, or one subject on two floors.
OF_ONE_MEANING = {
    *("activations", "embedding", "losses", "update_rules"),
    *("failures", "wire", "worker"),
    *("closing", "compare", "manifest", "searching", "trials"),
}


def sources() -> list[Path]:
    """Everything that people write, except documents."""
    folders = ("fcsearch", "tests", "benchmarks", "website", "deploy")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if "vendor" not in path.parts]
    return [path for path in found if path.suffix in (".py", ".c", ".h", ".js", ".css", ".j2", ".sh")]


def test_no_file_has_more_than_300_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert len(lengths) > 500
    assert {name: lines for name, lines in lengths.items() if lines > 300} == {}


def test_no_two_rooms_have_files_of_one_name_that_mean_different_things() -> None:
    places = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        # Commands have the names that users type.
        if path.stem != "__init__" and (path.parent.name != "cli" or path.stem not in _COMMANDS):
            places[path.stem].append(str(path.relative_to(PACKAGE)))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in twice.items() if name not in OF_ONE_MEANING} == {}


def test_the_way_of_a_trial_has_at_most_twelve_files() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    steps = page[page.index("\n1. ") : page.index("Beside that way:")]
    files = re.findall(r"\]\((\.\./fcsearch/[^)]+)\)", steps)
    assert len(files) == len(set(files)) == len(re.findall(r"^\d+\. ", steps, re.MULTILINE)) == 12
