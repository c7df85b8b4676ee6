"""Search spaces: a YAML file, validated, as Optuna distributions."""

from fcsearch.space.json_schema import space_schema
from fcsearch.space.keys import SamplerSpec
from fcsearch.space.parameters import Choices, Condition, Constant, Parameter, Range
from fcsearch.space.search_space import SearchSpace
from fcsearch.space.shipped import DEFAULT_SPACE, FEW_ROWS, SMALL_SPACE, find_space, shipped_space, shipped_spaces
from fcsearch.space.space_file import load_space
from fcsearch.space.tries import read_try

__all__ = [
    "DEFAULT_SPACE",
    "FEW_ROWS",
    "SMALL_SPACE",
    "Choices",
    "Condition",
    "Constant",
    "Parameter",
    "Range",
    "SamplerSpec",
    "SearchSpace",
    "find_space",
    "load_space",
    "read_try",
    "shipped_space",
    "shipped_spaces",
    "space_schema",
]
