"""The page on performance says what the files of results say."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Of the machines that the page names, the newest results last; others may lie beside them.
RESULTS = [
    ROOT / "benchmarks" / "results" / f"2-core-{processor}.json"
    for processor in (
        "intel-r-xeon-r-processor-family-6-model-167",
        "intel-r-xeon-r-processor-family-6-model-207",
        "amd-epyc-family-25-model-17",
    )
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
