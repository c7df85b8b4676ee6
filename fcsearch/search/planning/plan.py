"""The plan of a search, made before anything starts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fcsearch.config.objective import Task
from fcsearch.data import Dataset
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.packs import choose_pack_size
from fcsearch.search.planning.placement import Placement
from fcsearch.search.planning.samplers import learns
from fcsearch.space import Constant, SearchSpace, describe_try, first_in_words


@dataclasses.dataclass(frozen=True)
class SearchPlan:
    """The plan of a search.

    Attributes:
        path: The run directory.
        space: What is searched.
        trials: Trials that the run is to have in all.
        placement: The workers; None if only the cluster can tell.
        pack_size: Most trials in a pack; None if only the cluster or the dataset can tell.
        options: What the user asked for.
        task: That of the dataset; None while it is not loaded.
        one_sided: That one class has most rows, and what to do about it; empty if none has, or it is not known.
    """

    path: Path
    space: SearchSpace
    trials: int
    placement: Placement | None
    pack_size: int | None
    options: SearchOptions
    task: Task | None = None
    one_sided: str = ""

    def of(self, dataset: Dataset) -> SearchPlan:
        """The plan for the loaded dataset: for its task, and with a remark if one class has most of its rows."""
        space = self.space.for_task(dataset.task)
        one_sided = dataset.one_sided() if space.objective == "accuracy" else ""
        return dataclasses.replace(self, space=space, task=dataset.task, one_sided=one_sided)

    def lines(self) -> dict[str, str]:
        """The plan in words, as label and text."""
        budget = self.options.time_budget
        first = self.first_words()
        cluster = f"as many as the cluster at {self.options.address} has room for"
        return {
            "run": str(self.path),
            "dataset": self.space.dataset.source,
            **self._task(),
            **({"classes": self.one_sided} if self.one_sided else {}),
            **self._weights(),
            "trials": f"{self.trials}, seed {self.options.seed}"
            + (f", at most {budget:g} s" if budget else "")
            + self._remark(),
            "sampler": " ".join(
                [self.space.sampler.name, *(f"{key}={value}" for key, value in self.space.sampler.options.items())]
            ),
            "early stopping": self.space.stopping_words(),
            "workers": self.placement.describe() if self.placement else cluster,
            "packs": self._packs(),
            **({"comes first": first} if first else {}),
            **({"known trials": f"those of {self.options.start_from}"} if self.options.start_from else {}),
        }

    def first_words(self, *, asked: int = 0) -> str:
        """The configurations that come first, in words, without those among so many trials that were asked for."""
        tries = [*self.options.tries, *map(describe_try, self.space.tries)]
        return first_in_words(tries, self.trials, asked=asked, left_out=self.space.left_out)

    def _remark(self) -> str:
        """A remark on the number of trials, if it needs one."""
        if self.trials < (asked := self.options.trials or self.space.trials):
            return f"; {asked} were asked for, but the grid has no more"
        if self.trials > 1 and all(isinstance(found, Constant) for found in self.space.parameters.values()):
            return "; the space has only one configuration, so all of them give the same network"
        return ""

    def _task(self) -> dict[str, str]:
        """What is learned and by which figure; nothing before the dataset, or the space, has told."""
        if self.space.objective is None:
            return {}
        objective, label = self.space.known_objective, self.space.dataset.label
        by = f"by validation {objective.title}"
        if self.task is None and self.space.dataset.task is None:
            # The objective must be one of the task, but does not make it.
            values = "classes" if objective.task == "classification" else "numbers"
            return {"task": f"predicts {label or 'the label'} {by}, which needs a label of {values}"}
        kind = f"a {objective.task}"
        return {"task": f"{f'predicts {label}, {kind}' if label else kind}, {by}"}

    def _weights(self) -> dict[str, str]:
        """By what the training rows are weighted, where they are."""
        column, by_class = self.space.dataset.weights, self.space.dataset.class_weight
        words = [] if column is None else [f"column {column}"]
        if by_class == "balanced":
            words.append("classes balanced")
        elif by_class is not None:
            words.append(", ".join(f"class {name} {weight:g}" for name, weight in by_class.items()))
        return {"weights": "; ".join(words)} if words else {}

    def _packs(self) -> str:
        if self.pack_size is None:
            return "sized to the networks, the trials and the workers"
        return "of one trial each" if self.pack_size == 1 else f"of up to {self.pack_size} trials"


def make_plan(
    space: SearchSpace,
    options: SearchOptions,
    *,
    path: Path,
    placement: Placement | None,
    dataset: Dataset | None = None,
) -> SearchPlan:
    """Decide what the options and the space leave open.

    Args:
        space: What is searched.
        options: What the user asks for.
        path: The run directory.
        placement: The workers, where they are known.
        dataset: What is learned, where it is loaded.
    """
    trials = options.trials if options.trials is not None else space.trials
    if space.sampler.name == "grid":
        trials = min(trials, len(space.grid()))
    pack_size = None
    if placement is not None:
        pack_size = choose_pack_size(
            options.pack_size,
            space=space,
            dataset=dataset,
            trials=trials,
            placement=placement,
            learns=learns(space.sampler),
        )
    plan = SearchPlan(path, space, trials, placement, pack_size, options)
    return plan if dataset is None else plan.of(dataset)
