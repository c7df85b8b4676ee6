"""docs/space.md: its table is that of the hyperparameters."""

import re
from pathlib import Path

from fcsearch.space.reference import parameters_markdown

PAGE = Path(__file__).parents[2] / "docs" / "space.md"


def test_the_table_is_current() -> None:
    section = re.search(r"<!-- parameters: [^>]*-->\n(.*?)<!-- end -->", PAGE.read_text(), re.DOTALL)
    assert section is not None
    assert section[1] == parameters_markdown(), "put the output of parameters_markdown() there"
