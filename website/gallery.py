"""Makes the gallery: three searches, their reports in build/gallery, and their pictures in docs/gallery.

CIFAR-10 and adult are looked for in `data/` of the folder that FCSEARCH_SHARED names; what is not there is left out.
Pictures need Chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pictures import ROOT, of_page

REPORTS = ROOT / "build" / "gallery"
PICTURES = ROOT / "docs" / "gallery"
DATA = Path(os.environ.get("FCSEARCH_SHARED", ROOT.parent / "shared")) / "data"
# Of the browser's window, in pixels.
_WIDTH, _HEIGHT = 1280, 1500


@dataclass(frozen=True)
class Search:
    """One of the gallery.

    Attributes:
        name: Of its run, its report and its picture.
        arguments: Of `fcsearch run`.
        needs: Files that it needs.
    """

    name: str
    arguments: tuple[str, ...]
    needs: tuple[Path, ...] = ()


def _search(name: str, space: str, train: str, test: str, *options: str) -> Search:
    """A search on files of Parquet, as long as one has patience for on two cores."""
    files = DATA / train, DATA / test
    data = ("--dataset", str(files[0]), "--set", f"dataset.test={files[1]}")
    return Search(name, (space, *data, *options, "--trials", "24"), files)


SEARCHES = (
    Search("digits", ("full",)),
    _search("cifar10", "full", "cifar10-train.parquet", "cifar10-test.parquet",
        "--set", "dataset.num_train=10000", "--set", "parameters.epochs=10", "--pack-size", "6",
    ),
    _search(
        "adult", "default", "tables/adult-train.parquet", "tables/adult-test.parquet",
        "--label", "income", "--set", "dataset.preprocessing=piecewise",
    ),
)  # fmt: skip


def make(search: Search) -> None:
    """Search, and keep the report and its picture."""
    runs = REPORTS / "runs"
    shutil.rmtree(runs / search.name, ignore_errors=True)
    options = ("--pool", "local", "--seed", "0", "--quiet", "--out", str(runs), "--name", search.name)
    subprocess.run([sys.executable, "-m", "fcsearch", "run", *search.arguments, *options], check=True)
    report = REPORTS / f"{search.name}.html"
    shutil.copy(runs / search.name / "report.html", report)
    print(f"wrote {report.relative_to(ROOT)}")
    of_page(report, PICTURES / f"{search.name}.png", width=_WIDTH, height=_HEIGHT)


def main() -> None:
    """Make all that can be made here."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    for search in SEARCHES:
        missing = [path for path in search.needs if not path.is_file()]
        if missing:
            print(f"left out: {search.name} needs {missing[0]}; FCSEARCH_SHARED names the folder above data/")
        else:
            make(search)


if __name__ == "__main__":
    main()
