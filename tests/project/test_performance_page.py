"""The page on performance says what the files of results say."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Of the machine that the page names; others may lie beside it.
RESULTS = ROOT / "benchmarks" / "results" / "2-core-intel-r-xeon-r-processor-family-6-model-167.json"

sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "experiments")]

import tables  # noqa: E402
from marks import insert  # noqa: E402


def test_every_table_is_that_of_the_results() -> None:
    made = tables.tables(RESULTS)
    text = tables.DOCUMENT.read_text()
    found, missing = insert(text, made)
    assert found == text
    assert missing == []
