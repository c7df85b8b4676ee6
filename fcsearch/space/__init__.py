"""Search spaces: a YAML file, validated, as Optuna distributions."""

from fcsearch.space.loading import load_space
from fcsearch.space.parameters import Choices, Condition, Constant, Parameter, Range
from fcsearch.space.schema import space_schema
from fcsearch.space.search_space import SearchSpace
from fcsearch.space.sections import EarlyStopping, SamplerSpec

__all__ = [
    "Choices",
    "Condition",
    "Constant",
    "EarlyStopping",
    "Parameter",
    "Range",
    "SamplerSpec",
    "SearchSpace",
    "load_space",
    "space_schema",
]
