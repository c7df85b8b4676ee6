"""Labels that are given apart from their rows, in memory."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fcsearch.data.sources.in_memory import label_values
from fcsearch.errors import DataError

TEXTS = pd.Series(["no", "yes"] * 3)


@pytest.mark.parametrize("row", [0, 3])
@pytest.mark.parametrize("kind", [object, "string", "category"])
def test_missing_labels_are_nulls(row: int, kind: Any) -> None:
    found = label_values(TEXTS.where(TEXTS.index != row).astype(kind), 6).to_pylist()
    assert found == [None if at == row else label for at, label in enumerate(TEXTS)]


def test_labels_of_several_kinds_are_refused() -> None:
    mixed = np.array(["a", 3, None], dtype=object)
    with pytest.raises(DataError, match=r"labels of one kind, numbers or texts; found int, str.*astype\(str\)"):
        label_values(mixed, 3)
