"""Makes the gallery: three searches, their reports in build/gallery, and their pictures in docs/gallery.

CIFAR-10 and adult are looked for in `data/` of the folder that FCSEARCH_SHARED names; what is not there is left out.
Pictures need Chromium.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "build" / "gallery"
PICTURES = ROOT / "docs" / "gallery"
DATA = Path(os.environ.get("FCSEARCH_SHARED", ROOT.parent / "shared")) / "data"
# Pixels of a picture, and its colours: a third of a megabyte at most.
_WIDTH, _HEIGHT, _COLOURS = 1280, 1500, 96


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
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print(f"left out: docs/gallery/{search.name}.png needs Chromium")
        return
    picture(browser, report, PICTURES / f"{search.name}.png")


def picture(browser: str, page: Path, where: Path) -> None:
    """Write what a browser shows of a page, from its top."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        shot = Path(folder) / "shot.png"
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=60000",
            f"--user-data-dir={folder}/profile", f"--window-size={_WIDTH},{_HEIGHT}", f"--screenshot={shot}",
            page.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        found = Image.open(io.BytesIO(shot.read_bytes())).convert("RGB").quantize(_COLOURS)
    where.parent.mkdir(exist_ok=True)
    found.save(where, optimize=True)
    print(f"wrote {where.relative_to(ROOT)}, {where.stat().st_size // 1000} kB")


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
