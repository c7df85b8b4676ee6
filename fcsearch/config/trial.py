"""The configuration of one trial: every hyperparameter is one entry here, and all else is derived from it.

Derived are the checks of `TrialConfig`, the checks and the JSON Schema of space files, the columns of the `trials`
table, the options of `fcsearch train`, the axes of figures, the order of trials in packs, and tables of the docs. The
arithmetic of hyperparameters is in `fcsearch.nn` and, for packs, in `fcsearch.training.engine`.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from fcsearch.config.hyperparameter import Hyperparameter, entry, hyperparameters_of, integer, share, word
from fcsearch.config.input_form import EMBEDDED, OWN_FORM, WITH_BINS, InputForm
from fcsearch.config.objective import LOSSES_OF
from fcsearch.config.update_rules import RULE_SETTINGS, readers
from fcsearch.config.widths import EQUAL_WIDTHS
from fcsearch.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """One network and how it is trained. The entry of each field explains it.

    `seed` determines every random draw: initial weights, dropout masks, minibatch order.

    Raises:
        ConfigError: a value outside its range.
    """

    hidden_dims: tuple[int, ...] = entry(
        (100,),
        "Units of each hidden layer, first to last; instead of depth and hidden_dim",
        kind="widths",
        unit="units",
        space_high=65_536,
        shares_lane=False,
    )
    learning_rate: float = entry(1e-2, "Step size of the first epoch", low=0.0, low_open=True, log=True)
    epochs: int = integer(10, "Passes over the training rows", unit="epochs", space_high=1_000_000)
    dropout: float = share(0.0, "Probability of dropping a hidden unit", unit="probability", needs_hidden_layer=True)
    input_dropout: float = share(
        0.0,
        "Probability of dropping a feature of the input; trials of one rate train fastest together, so prefer choices",
        unit="probability",
        shares_lane=False,
    )
    preprocessing: str = word(
        OWN_FORM.preprocessing,
        "How numbers become features, as `dataset.preprocessing` has it; dataset: as that option says; periodic: scaled"
        " by their ranks, then embedded by the network, with sines and cosines of frequencies that it learns",
        words=("dataset", "standardize", "mean", "none", "quantile", "robust", "piecewise", "periodic"),
        shares_lane=False,
    )
    bins: int = integer(
        OWN_FORM.bins,
        "Bins of a number; 0: as many as `dataset.bins` says, else as many as suit the rows",
        unit="bins",
        low=0,
        space_high=256,
        under=("preprocessing", WITH_BINS),
        implies_parent=True,
        shares_lane=False,
    )
    frequencies: int = integer(
        48,
        "Frequencies that the embedding learns of each number",
        unit="frequencies",
        space_high=1024,
        under=("preprocessing", tuple(EMBEDDED)),
        implies_parent=True,
        shares_lane=False,
    )
    frequency_scale: float = entry(
        0.5,
        "Standard deviation of the initial frequencies, in periods per standard deviation of a number",
        low=0.0,
        low_open=True,
        log=True,
        under=("preprocessing", tuple(EMBEDDED)),
        implies_parent=True,
    )
    embedding_dim: int = integer(
        24,
        "Features that the embedding makes of each number",
        unit="features",
        space_high=1024,
        under=("preprocessing", tuple(EMBEDDED)),
        implies_parent=True,
        shares_lane=False,
    )
    activation: str = word(
        "relu",
        "Activation of the hidden layers",
        words=("relu", "leaky_relu", "gelu", "selu"),
        needs_hidden_layer=True,
        shares_lane=False,
    )
    update_rule: str = word("sgd", "The rule by which gradients change the weights", words=tuple(RULE_SETTINGS))
    batch_size: int = integer(100, "Rows in a minibatch", unit="rows", space_high=10_000_000, shares_lane=False)
    reg: float = entry(0.0, "L2 strength: the loss gains reg * sum(W**2) over all weight matrices", low=0.0, log=True)
    weight_decay: float = entry(
        0.0,
        "Decoupled weight decay: every step first shrinks the weights by learning_rate * weight_decay, as AdamW does",
        low=0.0,
        log=True,
    )
    lr_schedule: str = word(
        "exponential",
        "How the learning rate falls: exponential, by lr_decay, or cosine, towards 0 after the last epoch",
        words=("exponential", "cosine"),
    )
    lr_decay: float = entry(
        1.0,
        "Factor on the learning rate after each epoch",
        low=0.0,
        low_open=True,
        high=1.0,
        under=("lr_schedule", ("exponential",)),
    )
    init: str = word(
        "kaiming",
        "Initial weights: Gaussian, with deviation sqrt(2 / fan_in) for kaiming, or weight_scale for normal",
        words=("kaiming", "normal"),
    )
    weight_scale: float = entry(
        1e-2,
        "Standard deviation of the initial weights",
        low=0.0,
        low_open=True,
        log=True,
        under=("init", ("normal",)),
        implies_parent=True,
        old_words=("kaiming",),
    )
    loss: str = word(
        "softmax",
        "What is minimised: softmax (cross-entropy) or svm (hinge); for a regression squared, absolute or huber",
        words=tuple(itertools.chain.from_iterable(LOSSES_OF.values())),
    )
    huber_delta: float = entry(
        1.0,
        "Error, in standard deviations of the target, from which the Huber loss is linear",
        low=0.0,
        low_open=True,
        log=True,
        under=("loss", ("huber",)),
    )
    label_smoothing: float = share(
        0.0,
        "The fraction of each target that the loss spreads evenly over the classes",
        unit="fraction",
        under=("loss", ("softmax",)),
    )
    momentum: float = share(0.9, "The fraction of the velocity that each step keeps", under=readers("momentum"))
    decay_rate: float = share(0.99, "Decay of the average of squared gradients", under=readers("decay_rate"))
    beta1: float = share(0.9, "Decay of the first moment", under=readers("beta1"))
    beta2: float = share(0.999, "Decay of the second moment", under=readers("beta2"))
    epsilon: float = entry(
        1e-8,
        "Added to the root by which the step is divided",
        low=0.0,
        low_open=True,
        log=True,
        under=readers("epsilon"),
    )
    seed: int = 0

    def __post_init__(self) -> None:
        for name, parameter in _ENTRIES.items():
            _check(parameter, getattr(self, name))
        if not (isinstance(self.seed, int) and not isinstance(self.seed, bool) and self.seed >= 0):
            raise ConfigError(f"seed must be an integer of at least 0; found {self.seed!r}")
        object.__setattr__(self, "hidden_dims", tuple(self.hidden_dims))

    @property
    def depth(self) -> int:
        """Number of Linear layers."""
        return len(self.hidden_dims) + 1

    @property
    def initial_scale(self) -> float | Literal["kaiming"]:
        """`init` and `weight_scale` as `fcsearch.nn` takes them."""
        return "kaiming" if self.init == "kaiming" else self.weight_scale

    @property
    def input_form(self) -> InputForm:
        """In which form it learns the rows."""
        return InputForm.of({"preprocessing": self.preprocessing, "bins": self.bins})

    @property
    def embedding_sizes(self) -> tuple[int, int] | None:
        """Frequencies and features of each number that its network embeds; None: it embeds none."""
        return (self.frequencies, self.embedding_dim) if self.preprocessing in EMBEDDED else None

    @property
    def lane_key(self) -> LaneKey:
        """What members of a pack must have in common to train as one stack."""
        return LaneKey(*(getattr(self, name) for name in LaneKey._fields))

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], *, seed: int) -> TrialConfig:
        """Build the configuration that a sampled set of parameters describes.

        Args:
            parameters: Values by parameter name, as a space names them: `hidden_dims`, or `depth` and `hidden_dim`;
                those not named take their defaults. `weight_scale` without `init` has the form of earlier versions: a
                number, or `kaiming`.
            seed: The trial's seed.
        """
        values = _with_init(parameters)
        depth = values.pop("depth", HYPERPARAMETERS["depth"].default)
        hidden_dim = values.pop("hidden_dim", HYPERPARAMETERS["hidden_dim"].default)
        check_parameter("depth", depth)
        check_parameter("hidden_dim", hidden_dim)
        values.setdefault("hidden_dims", (hidden_dim,) * (depth - 1))
        unknown = sorted(set(values) - set(_ENTRIES))
        if unknown:
            raise ConfigError(f"unknown parameter {unknown[0]!r}")
        return cls(**{**values, "seed": seed})

    def parameters(self) -> dict[str, Any]:
        """Every parameter under its own name, None if it does not apply: the columns of the `trials` table."""
        values = {name: getattr(self, name) if self.reads(name) else None for name in _ENTRIES}
        widths = set(self.hidden_dims)
        values["depth"] = self.depth
        values["hidden_dim"] = widths.pop() if len(widths) == 1 else None
        return values

    def settings(self) -> dict[str, Any]:
        """The parameters that apply, each fact once: as constants of a space they give this configuration again.

        Layers of one width are `depth` and `hidden_dim`, others `hidden_dims`.
        """
        twin = "depth" if self.parameters()["hidden_dim"] is None else "hidden_dims"
        return {
            name: value
            for name, value in self.parameters().items()
            if value is not None and name != twin
            if self.hidden_dims or name not in HYPERPARAMETERS or not HYPERPARAMETERS[name].needs_hidden_layer
        }

    def reads(self, name: str) -> bool:
        """Whether this trial reads the hyperparameter of that name: `momentum` only under `sgd_momentum`, say."""
        under = HYPERPARAMETERS[name].under
        return under is None or getattr(self, under[0]) in under[1]

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON types."""
        return {**dataclasses.asdict(self), "hidden_dims": list(self.hidden_dims)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrialConfig:
        """Read what `to_json` wrote, in this version or an earlier one; a field that is missing takes its default."""
        return cls(**{**_with_init(values), "hidden_dims": tuple(values["hidden_dims"])})


class LaneKey(NamedTuple):
    """The hyperparameters whose entries say `shares_lane=False`, and the seed."""

    hidden_dims: tuple[int, ...]
    preprocessing: str
    bins: int
    frequencies: int
    embedding_dim: int
    activation: str
    batch_size: int
    input_dropout: float
    seed: int


_ENTRIES = hyperparameters_of(TrialConfig)

# All hyperparameters, in the order of tables: those of TrialConfig, and the two in which a space may say `hidden_dims`.
HYPERPARAMETERS: dict[str, Hyperparameter] = {
    "hidden_dims": _ENTRIES["hidden_dims"],
    **{parameter.name: parameter for parameter in EQUAL_WIDTHS},
    **_ENTRIES,
}


def check_parameter(name: str, value: Any) -> None:
    """Raise ConfigError unless `value` is one that the hyperparameter called `name` accepts."""
    _check(HYPERPARAMETERS[name], value)


def _check(parameter: Hyperparameter, value: Any) -> None:
    if not parameter.accepts(value):
        raise ConfigError(f"{parameter.name} must be {parameter.requirement}; found {value!r}")


def _with_init(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the `weight_scale` of earlier versions, a number or `kaiming`, into `init` and a number."""
    if "init" in values or "weight_scale" not in values:
        return dict(values)
    if values["weight_scale"] in HYPERPARAMETERS["weight_scale"].old_words:
        return {**{name: value for name, value in values.items() if name != "weight_scale"}, "init": "kaiming"}
    return {**values, "init": "normal"}
