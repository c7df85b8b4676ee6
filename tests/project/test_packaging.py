"""What the wheel holds."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_file_that_the_package_reads_is_in_the_wheel() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    shipped: set[Path] = set()
    for package, patterns in declared.items():
        folder = ROOT / package.replace(".", "/") if package != "fcsearch.search_spaces" else ROOT / "search_spaces"
        shipped |= {path for pattern in patterns for path in folder.glob(pattern)}
    package = ROOT / "fcsearch"
    needed = {path for path in package.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc", ".so"}}
    assert needed
    assert needed - shipped == set()
