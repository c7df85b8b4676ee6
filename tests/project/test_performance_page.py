"""The page on performance says what the files of results say."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Of the two machines that the page names, the newer last; others may lie beside them.
RESULTS = [
    ROOT / "benchmarks" / "results" / f"2-core-intel-r-xeon-r-processor-family-6-model-{model}.json"
    for model in (167, 207)
]

sys.path[:0] = [str(ROOT / "benchmarks")]

import tables  # noqa: E402
from marks import insert  # noqa: E402


def test_every_table_is_that_of_the_results() -> None:
    made = {name: text for results in RESULTS for name, text in tables.tables(results).items()}
    text = tables.DOCUMENT.read_text()
    found, missing = insert(text, made)
    assert found == text
    assert missing == []
