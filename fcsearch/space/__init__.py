"""Search spaces: a YAML file, validated, as Optuna distributions."""

from typing import TYPE_CHECKING

from fcsearch.first_use import on_first_use

if TYPE_CHECKING:
    from fcsearch.space.json_schema import space_schema
    from fcsearch.space.keys import SamplerSpec
    from fcsearch.space.parameters import Choices, Condition, Constant, Parameter, Range
    from fcsearch.space.search_space import SearchSpace
    from fcsearch.space.shipped import (
        DEFAULT_SPACE,
        FEW_COLUMNS,
        FEW_ROWS,
        SMALL_SPACE,
        find_space,
        shipped_space,
        shipped_spaces,
    )
    from fcsearch.space.space_file import load_space
    from fcsearch.space.tries import describe_try, first_in_words, read_try_options, tries_in_short

__all__ = [
    "DEFAULT_SPACE",
    "FEW_COLUMNS",
    "FEW_ROWS",
    "SMALL_SPACE",
    "Choices",
    "Condition",
    "Constant",
    "Parameter",
    "Range",
    "SamplerSpec",
    "SearchSpace",
    "describe_try",
    "find_space",
    "first_in_words",
    "load_space",
    "read_try_options",
    "shipped_space",
    "shipped_spaces",
    "space_schema",
    "tries_in_short",
]

__getattr__ = on_first_use(
    __name__,
    {
        "json_schema": ("space_schema",),
        "keys": ("SamplerSpec",),
        "parameters": ("Choices", "Condition", "Constant", "Parameter", "Range"),
        "search_space": ("SearchSpace",),
        "shipped": (
            "DEFAULT_SPACE",
            "FEW_COLUMNS",
            "FEW_ROWS",
            "SMALL_SPACE",
            "find_space",
            "shipped_space",
            "shipped_spaces",
        ),
        "space_file": ("load_space",),
        "tries": ("describe_try", "first_in_words", "read_try_options", "tries_in_short"),
    },
)
