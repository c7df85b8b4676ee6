"""What a space file may hold, as a pydantic model: its keys, their types, limits, defaults and meanings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Required, Self, get_args, get_type_hints

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, StrictBool, StrictInt, StrictStr
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict  # pydantic reads that of typing from Python 3.12 on

from fcsearch.config.objective import OBJECTIVES, Task
from fcsearch.data.option_values import Folds, Source
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.weights import ClassWeight
from fcsearch.refusals import contradiction


def _one_of(words: Iterable[str]) -> pydantic.GetPydanticSchema:
    """Annotates a text: like `Literal`, of words that are known when the program runs."""
    return pydantic.GetPydanticSchema(lambda *_: core_schema.literal_schema(list(words)))


@dataclasses.dataclass(frozen=True)
class ShortForm:
    """Annotates a mapping: a word in its place stands for its entry `key`, of type `word`."""

    key: str
    word: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The mapping's, after a word has become one."""
        expand = BeforeValidator(self._expand, json_schema_input_type=self.word | source)
        return expand.__get_pydantic_core_schema__(source, handler)

    def _expand(self, value: object) -> object:
        return {self.key: value} if isinstance(value, str) else value


_Count = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
_CountFrom1 = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
_CountFrom2 = Annotated[StrictInt, Field(ge=2, le=1_000_000)]


# The options of a sampler are those of its constructor in Optuna, without what Optuna has deprecated and what takes a
# Python object. The seed is the run's (`--seed`).
class Tpe(TypedDict, total=False):
    """Tree-structured Parzen estimators."""

    name: Required[Literal["tpe"]]
    n_startup_trials: _Count
    """Random trials at the start, before the sampler learns."""
    n_ei_candidates: _CountFrom1
    """Candidates from which the one with the highest expected improvement is tried."""
    multivariate: StrictBool
    """Whether parameters are sampled jointly, not independently."""
    group: StrictBool
    """Whether parameters that apply in the same trials are sampled jointly; needs multivariate."""
    constant_liar: StrictBool
    """Whether running trials count as bad ones, so that the trials of a pack differ."""


class Random(TypedDict):
    """At random."""

    name: Literal["random"]


class Grid(TypedDict):
    """Every combination, once."""

    name: Literal["grid"]


class Qmc(TypedDict, total=False):
    """Quasi-Monte Carlo: evenly spread."""

    name: Required[Literal["qmc"]]
    qmc_type: Literal["sobol", "halton"]
    """The sequence of points."""
    scramble: StrictBool
    """Whether the points are scrambled at random."""


class Cmaes(TypedDict, total=False):
    """CMA-ES."""

    name: Required[Literal["cmaes"]]
    n_startup_trials: _Count
    """Random trials at the start, before the sampler learns."""
    popsize: _CountFrom2
    """Trials in a generation."""
    consider_pruned_trials: StrictBool
    """Whether the sampler learns from trials that were stopped early."""
    use_separable_cma: StrictBool
    """Whether the covariance matrix is diagonal."""
    with_margin: StrictBool
    """Whether a margin keeps integers from getting stuck."""
    lr_adapt: StrictBool
    """Whether the learning rate of the sampler adapts."""


class Gp(TypedDict, total=False):
    """Gaussian processes."""

    name: Required[Literal["gp"]]
    n_startup_trials: _Count
    """Random trials at the start, before the sampler learns."""
    deterministic_objective: StrictBool
    """Whether the same configuration always has the same result."""


_Sampler = Annotated[Tpe | Random | Grid | Qmc | Cmaes | Gp, Field(discriminator="name")]
_SAMPLER_KEYS = [get_type_hints(sampler) for sampler in get_args(get_args(_Sampler)[0])]
SAMPLERS = tuple(get_args(keys["name"])[0] for keys in _SAMPLER_KEYS)


@dataclasses.dataclass(frozen=True)
class SamplerSpec:
    """Which of Optuna's samplers suggests the trials.

    Attributes:
        name: `tpe`, `random`, `grid`, `qmc`, `cmaes` or `gp`.
        options: Arguments of the sampler's constructor, those that the file names.
    """

    name: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """In a file the options stand beside the name."""
        return handler(Annotated[_Sampler, AfterValidator(cls._of_file)])

    @classmethod
    def _of_file(cls, given: Mapping[str, Any]) -> Self:
        # What Optuna does not take together.
        chosen = [key for key in ("use_separable_cma", "with_margin", "lr_adapt") if given.get(key)]
        if len(chosen) > 1:
            raise contradiction(chosen[1], f"{chosen[0]} and {chosen[1]} do not go together; keep one of them")
        if given.get("group") and given.get("multivariate") is False:
            raise contradiction("group", "group needs multivariate: true; found multivariate: false")
        return cls(given["name"], {key: value for key, value in given.items() if key != "name"})


@pydantic.dataclasses.dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid", use_attribute_docstrings=True))
class EarlyStopping:
    """Asynchronous successive halving: of all trials that reach a rung, the best 1 in `reduction_factor` continue."""

    method: Literal["asha"] = "asha"
    """Asynchronous successive halving."""
    min_epochs: _CountFrom1 = 3
    """Epoch of the first rung, at which trials are judged; each next rung is reduction_factor times as late."""
    reduction_factor: Annotated[StrictInt, Field(ge=2, le=1_000)] = 3
    """Of all trials that reach a rung, the best 1 in this number continue."""

    def describe(self) -> str:
        """The rule in a few words."""
        return f"ASHA from epoch {self.min_epochs}, the best 1 in {self.reduction_factor} continue"


class SpaceFile(pydantic.BaseModel):
    """What `fcsearch run FILE` searches."""

    model_config = pydantic.ConfigDict(
        title="fcsearch search space", extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    name: Annotated[
        StrictStr,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            title="a name of up to 64 letters, digits, '.', '_' or '-'",
        ),
    ] = Field(default_factory=str)
    """Name of the run; by default the file's name."""
    dataset: Annotated[DatasetSpec, ShortForm("source", Source)] = Field(default_factory=DatasetSpec)
    """The dataset; by default digits. A path is relative to the current folder."""
    task: Task | None = None
    """Classification or regression; by default found from the label: quantities make a regression."""
    objective: Annotated[str, _one_of(OBJECTIVES)] | None = None
    """The figure on validation rows that the search improves; by default accuracy, or rmse."""
    class_weight: ClassWeight | None = None
    """How much the rows of each class count in training: balanced, or numbers by class."""
    folds: Folds = None
    """As dataset.folds, which has precedence; it also holds for a dataset that is named instead of the space's."""
    sampler: Annotated[SamplerSpec, ShortForm("name", Annotated[str, _one_of(SAMPLERS)])] = Field(
        default_factory=lambda: SamplerSpec("tpe")
    )
    """The sampler that suggests trials, by default tpe; a mapping adds options of Optuna's constructor."""
    trials: Annotated[StrictInt, Field(ge=1, le=10_000_000)] = 50
    """How many configurations are tried; by default, with the sampler grid, all of them."""
    early_stopping: Annotated[EarlyStopping | None, ShortForm("method", Literal["asha"])] = None
    """Whether and when trials that fall behind are stopped; by default never."""
    tries: Any = Field(default_factory=tuple)
    """Configurations that are tried first, each with values of some parameters; the sampler chooses the others."""
    parameters: Any
    """Constants, choices and ranges by parameter; those not named have their defaults."""


SHORT_FORMS = {
    name: form.key
    for name, field in SpaceFile.model_fields.items()
    for form in field.metadata
    if isinstance(form, ShortForm)
}

# All keys, of the file and of its sections, beside those of the parameters.
KEYS = frozenset(
    [
        *SpaceFile.model_fields,
        *(field.name for section in (DatasetSpec, EarlyStopping) for field in dataclasses.fields(section)),
        *(key for keys in _SAMPLER_KEYS for key in keys),
    ]
)
