"""What the options of a dataset may be, for the checks of `DatasetSpec` and its JSON Schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictInt, StrictStr

from fcsearch.config import EMBEDDED
from fcsearch.refusals import contradiction
from fcsearch.wording import wording

Preprocessing = Literal["auto", "standardize", "mean", "none", "quantile", "robust", "piecewise"]


def _not_embedded(value: object) -> object:
    if isinstance(value, str) and value in EMBEDDED:
        raise contradiction(
            "preprocessing",
            f"dataset option preprocessing cannot be {value}, which is an embedding that networks learn. Leave it out, "
            f"and make it a parameter of the space: {wording().space_key('parameters.preprocessing', value)}.",
        )
    return value


OwnPreprocessing = Annotated[Preprocessing, BeforeValidator(_not_embedded)]

# A title says what must hold, for errors and in the JSON Schema.
_SAID = r"\S"
Source = Annotated[StrictStr, Field(pattern=_SAID, title="a name, openml:<name or id>, or a path")]
Column = Annotated[StrictStr, Field(pattern=_SAID, title="the name of a column")]
File = Annotated[StrictStr, Field(pattern=_SAID, title="a path")]
Folder = Annotated[StrictStr, Field(pattern=_SAID, title="the path of a folder")]
Rows = Annotated[StrictInt, Field(ge=1)]
LEAST_BINS, MOST_BINS = 2, 256
Bins = Annotated[StrictInt, Field(ge=LEAST_BINS, le=MOST_BINS)]


def _as_tuple(names: object) -> object:
    return (names,) if isinstance(names, str) else names


Columns = Annotated[
    # A CSV file may have a column without a name.
    tuple[StrictStr, ...],
    BeforeValidator(_as_tuple, json_schema_input_type=str | list[str]),
    Field(title="a column name or a list of them"),
]


def _square(size: object) -> object:
    return (size, size) if isinstance(size, int) and not isinstance(size, bool) else size


_Side = Annotated[StrictInt, Field(ge=1, le=4096)]
Size = Annotated[
    tuple[_Side, _Side],
    BeforeValidator(_square, json_schema_input_type=_Side | list[_Side]),
    Field(title="a number of pixels, or [height, width]"),
]


def _several(folds: object) -> object:
    return None if isinstance(folds, int) and not isinstance(folds, bool) and folds == 1 else folds


_Folds = Annotated[StrictInt, Field(ge=1, le=20)] | Literal["auto"] | None
Folds = Annotated[
    Annotated[StrictInt, Field(ge=2, le=20)] | Literal["auto"] | None,
    BeforeValidator(_several, json_schema_input_type=_Folds),
    Field(title="an integer from 2 to 20, 1 for one split, or auto"),
]
