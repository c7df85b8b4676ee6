"""A validated search space: what to sample, with which sampler, on which data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution

from fcsearch.config import HYPERPARAMETERS, InputForm, TrialConfig
from fcsearch.config.objective import DEFAULT_OBJECTIVES, LOSSES_OF, OBJECTIVES, Objective, Task
from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import SpaceError
from fcsearch.space.conditions import read_parameters
from fcsearch.space.document import from_plain
from fcsearch.space.forms import check_forms, input_forms, learns_own_form
from fcsearch.space.grid import enumerate_grid
from fcsearch.space.keys import EarlyStopping, SamplerSpec, SpaceFile
from fcsearch.space.mistakes import Collector
from fcsearch.space.nodes import Node
from fcsearch.space.overrides import Override, apply_overrides
from fcsearch.space.parameters import Constant, Parameter
from fcsearch.space.sections import check_sampler_fits, dataset_of, read_sections, trials_of
from fcsearch.space.tries import Try, read_tries
from fcsearch.wording import wording

# Keys that spaces of earlier versions do not have.
_LATER_KEYS = ("task", "objective", "class_weight", "folds", "tries")


@dataclasses.dataclass(frozen=True)
class SearchSpace:
    """A search as its file describes it, with every default filled in; made by `load_space` or `from_json`.

    Attributes:
        name: What the run is called unless told otherwise.
        dataset: What is learned.
        sampler: Who suggests.
        trials: How many configurations are tried.
        early_stopping: When trials are stopped early; None: never.
        parameters: By name, parents before the parameters that depend on them.
        objective: The figure that the search goes by; None: that of the task, which the label decides.
        tries: Configurations that come first: values of some parameters by name.
        left_out: How many others the file lists under `tries`, by the reason why they do not come first; not recorded.
    """

    name: str
    dataset: DatasetSpec
    sampler: SamplerSpec
    trials: int
    early_stopping: EarlyStopping | None
    parameters: Mapping[str, Parameter]
    objective: str | None = None
    tries: tuple[Try, ...] = ()
    left_out: Mapping[str, int] = dataclasses.field(default_factory=dict, compare=False)

    @property
    def known_objective(self) -> Objective:
        """The objective; where neither the file nor a dataset has said, that of a classification."""
        return OBJECTIVES[self.objective or DEFAULT_OBJECTIVES["classification"]]

    @property
    def input_forms(self) -> tuple[InputForm, ...]:
        """The forms of the rows that its trials learn, beside the dataset's own; none where it does not name any."""
        return input_forms(self.parameters)

    @property
    def learns_own_form(self) -> bool:
        """Whether its trials may learn the dataset's own form of the rows."""
        return learns_own_form(self.parameters)

    def stopping_words(self) -> str:
        """When trials are stopped early, in words; where it cannot happen, why not."""
        rule, epochs = self.early_stopping, self.parameters.get("epochs")
        if rule is None:
            return "none"
        most = max(epochs.finite_values() or ()) if epochs else 0
        # Where a parameter does not apply, its default does.
        usual = 0 if epochs and not epochs.when else HYPERPARAMETERS["epochs"].default
        if max(most, usual) > rule.min_epochs:
            return rule.describe()
        return f"cannot act: it begins at epoch {rule.min_epochs}, and no trial trains longer; lower min_epochs"

    def for_task(self, task: Task) -> SearchSpace:
        """The same space for a dataset of this task: with its objective and its loss, where the file names none.

        Raises:
            SpaceError: an objective, or a parameter, of another task.
        """
        objective = self.objective or DEFAULT_OBJECTIVES[task]
        if OBJECTIVES[objective].task != task:
            known = ", ".join(name for name, other in OBJECTIVES.items() if other.task == task)
            raise SpaceError(f"the objective of a {task} must be one of {known}; found {objective}")
        parameters = dict(self.parameters)
        known_losses = LOSSES_OF[task]
        if "loss" not in parameters:
            if HYPERPARAMETERS["loss"].default not in known_losses:
                parameters = {"loss": Constant("loss", known_losses[0]), **parameters}
        elif strange := [loss for loss in parameters["loss"].finite_values() or () if loss not in known_losses]:
            other = next(name for name in LOSSES_OF if name != task)
            raise SpaceError(
                f"parameters.loss of a {task} must be {' or '.join(known_losses)}; found {strange[0]}. Change it with "
                f"{wording().space_key('parameters.loss', known_losses[0])}, or the task with {wording().task(other)}"
            )
        if task == "regression" and "label_smoothing" in parameters:
            raise SpaceError("parameters.label_smoothing does nothing in a regression; take it out")
        return dataclasses.replace(self, objective=objective, parameters=parameters)

    def without_tries(self, tries: Sequence[Try], *, why: str) -> SearchSpace:
        """The same space without some of its `tries`, which it counts as left out for this reason."""
        kept = tuple(values for values in self.tries if values not in tries)
        left_out = {**self.left_out, why: len(self.tries) - len(kept)}
        return dataclasses.replace(self, tries=kept, left_out=left_out)

    def suggest(self, trial: optuna.trial.Trial) -> dict[str, Any]:
        """Sample a configuration for `trial`: values by parameter name, constants included, only those that apply."""
        return self._fill(lambda parameter: parameter.suggest(trial))

    def decode(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What `suggest` gave for the trial whose Optuna `params` are these.

        Raises:
            SpaceError: a parameter that applies is missing, or a choice is not in the space.
        """

        def value(parameter: Parameter) -> Any:
            if parameter.name not in params:
                raise SpaceError(
                    f"a trial of this space needs {parameter.name}; found {', '.join(params) or 'nothing'}"
                )
            return parameter.decode(params[parameter.name])

        return self._fill(value)

    def encode(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The inverse of `decode`: what `study.enqueue_trial` takes for these values (constants are left out)."""
        return {
            name: parameter.encode(parameters[name])
            for name, parameter in self.parameters.items()
            if name in parameters and not isinstance(parameter, Constant)
        }

    def locate(self, config: TrialConfig) -> dict[str, Any] | None:
        """What `suggest` would have given for a configuration, whatever its seed; None if it lies outside the space."""
        given, values = config.parameters(), dict[str, Any]()
        for name, parameter in self.parameters.items():
            if parameter.applies(values):
                if given[name] is None or not parameter.contains(given[name]):
                    return None
                values[name] = given[name]
        # What the space does not name must be as the space has it.
        return values if self.trial_config(values, seed=config.seed) == config else None

    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's distribution of every parameter that is not a constant."""
        found = {name: parameter.distribution() for name, parameter in self.parameters.items()}
        return {name: distribution for name, distribution in found.items() if distribution is not None}

    def grid(self) -> list[dict[str, Any]]:
        """Every combination, as `suggest` would give it, each once; the first parameter varies slowest.

        Raises:
            SpaceError: a continuous range, or more combinations than a search can try.
        """
        return enumerate_grid(self.parameters)

    def trial_config(self, parameters: Mapping[str, Any], *, seed: int) -> TrialConfig:
        """The configuration that trains a trial of these values under `seed`."""
        return TrialConfig.from_parameters(parameters, seed=seed)

    def changed(self, overrides: Sequence[str | Override], *, dataset: str | None = None) -> SearchSpace:
        """The space with `KEY=VALUE` and another dataset put in, as `load_space` does it.

        Raises:
            SpaceError: what comes of it is not a space.
        """
        said = self.to_json()
        # They stand beside the dataset too, where an override changes them.
        said["dataset"] = {key: value for key, value in said["dataset"].items() if key not in said}
        root = from_plain(said, "the space")
        return SearchSpace.from_node(root, default_name=self.name, overrides=overrides, dataset=dataset)

    def to_json(self) -> dict[str, Any]:
        """The space in JSON types, as a space file would say it with every default written out."""
        return {
            "name": self.name,
            "dataset": self.dataset.to_json(),
            "task": self.dataset.task,
            "objective": self.objective,
            "class_weight": self.dataset.to_json()["class_weight"],
            "folds": self.dataset.folds,
            "sampler": {"name": self.sampler.name, **self.sampler.options},
            "trials": self.trials,
            "early_stopping": None if self.early_stopping is None else dataclasses.asdict(self.early_stopping),
            "tries": [
                {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
                for values in self.tries
            ],
            "parameters": {name: parameter.to_json() for name, parameter in self.parameters.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SearchSpace:
        """Read what `to_json` wrote, with the checks of a file.

        Raises:
            SpaceError: values that no space has.
        """
        root = from_plain(values, "the recorded space")
        missing = [key for key in SpaceFile.model_fields if key not in values and key not in _LATER_KEYS]
        if missing:
            raise SpaceError(f"the recorded space: {missing[0]} is missing; was it edited?")
        return cls.from_node(root, default_name="")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> SearchSpace:
        """Read what a space file would hold, given as a dict; defaults are filled in.

        Raises:
            SpaceError: values that no space has.
        """
        return cls.from_node(from_plain(values, "the space"), default_name="search")

    @classmethod
    def from_node(
        cls, root: Node, *, default_name: str, overrides: Sequence[str | Override] = (), dataset: str | None = None
    ) -> SearchSpace:
        """Check a document and fill in the defaults.

        Args:
            root: The document.
            default_name: The name of one that has none.
            overrides: As for `load_space`.
            dataset: As for `load_space`.

        Raises:
            SpaceError: as `load_space`; it names the mistakes of the document and those of the overrides at once.
        """
        found = Collector(root.mark.source)
        root = apply_overrides(root, overrides, found, dataset=dataset)
        fields = root.value if isinstance(root.value, dict) else {}
        with found.collecting():
            file = read_sections(root)
        with found.collecting():
            parameters = read_parameters(fields["parameters"]) if "parameters" in fields else {}
            tries, ruled_out = read_tries(fields, parameters) if parameters else ((), 0)
        found.check()
        sampler_node = fields.get("sampler", root)
        with found.collecting():
            check_forms(parameters, fields["parameters"])
        with found.collecting():
            check_sampler_fits(file.sampler, parameters, sampler_node)
            trials = trials_of(file, parameters, sampler_node)
        found.check()
        return cls(
            name=file.name or default_name,
            dataset=dataset_of(file, root),
            sampler=file.sampler,
            trials=trials,
            early_stopping=file.early_stopping,
            parameters=parameters,
            objective=file.objective,
            tries=tries,
            left_out={"ruled out by --set": ruled_out} if ruled_out else {},
        )

    def _fill(self, value: Callable[[Parameter], Any]) -> dict[str, Any]:
        """Constants, and `value` of each other parameter, for those that apply."""
        values: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            if parameter.applies(values):
                values[name] = parameter.value if isinstance(parameter, Constant) else value(parameter)
        return values
