"""A pack: the trials that are trained together in one pass on one device, each as if it were alone."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from fcsearch.config import InputForm, TrialConfig
from fcsearch.config.objective import OBJECTIVES
from fcsearch.errors import ConfigError
from fcsearch.training import checkpoint
from fcsearch.training.checkpoint import SavedPack
from fcsearch.training.cohort import AskedToLeave, Cohort
from fcsearch.training.data import Minibatches, TrainingData
from fcsearch.training.denormals import flushed_denormals
from fcsearch.training.graphs import GraphCohort
from fcsearch.training.lane import Lane
from fcsearch.training.metrics import EpochMetrics, MemberResult, State, best_epoch, mean_over_folds
from fcsearch.training.shape import Shape

OnEpoch = Callable[[int, Mapping[int, EpochMetrics]], Collection[int]]
# What lanes share that see the same minibatches: the fold, the form of its rows, the seed, and the rows of a step.
_Minibatches = tuple[int, InputForm, int, int]


class Pack:
    """Trains a list of trials, epoch by epoch.

    A member's result depends on its configuration, the data and the device type, but not on the other members or its
    position among them. On one CPU thread with compiled steps this holds to the last bit. With torch operations there
    (with MKL, on Intel processors) it also does, except for hidden layers of one unit, linear classifiers of fewer than
    eight classes, batches of one row, GELU and SELU. These agree up to rounding, as does everything on several threads
    or a GPU. Members that share shape, batch size, input dropout, form of the rows and seed train together, as a lane.
    With folds, each fold has its own lanes, and a member's figures are the mean over its folds.

    Args:
        configs: The members. They may differ in everything.
        data: The rows; the pack trains on their device and in their dtype.
        keep_last: Whether a result's weights are those of the last epoch instead of the best: for training without rows
            to choose the best epoch by.
        cohort: How lanes are trained; None: on a GPU by graphs, on a CPU in turns.
    """

    def __init__(
        self,
        configs: Sequence[TrialConfig],
        data: TrainingData,
        *,
        keep_last: bool = False,
        cohort: type[Cohort] | None = None,
    ) -> None:
        if not configs:
            raise ConfigError("a pack must have at least one member; found none")
        self.configs = tuple(configs)
        self.epoch = 0
        self._data = data
        self._keep_last = keep_last
        self._histories: dict[int, list[EpochMetrics]] = {member: [] for member in range(len(configs))}
        self._results: dict[int, MemberResult] = {}
        by_key: dict[object, list[int]] = defaultdict(list)
        for member, config in enumerate(self.configs):
            by_key[config.lane_key].append(member)
        lanes: dict[_Minibatches, list[Lane]] = defaultdict(list)
        batches: dict[_Minibatches, Minibatches] = {}
        # A member's lanes are in the order of the folds.
        for number, members in itertools.product(range(len(data.folds)), by_key.values()):
            first = self.configs[members[0]]
            fold = data.in_form(first.input_form).folds[number]
            seen = Minibatches(fold, seed=first.seed, batch_size=first.batch_size)
            key = number, first.input_form, first.seed, seen.batch_size
            batches[key] = seen
            lane_configs = [self.configs[member] for member in members]
            lanes[key].append(Lane(members, lane_configs, fold, batch_size=seen.batch_size))
        kind = cohort or (GraphCohort if data.device.type == "cuda" else Cohort)
        self._cohorts = [kind(batches[key], lanes[key]) for key in lanes]

    @property
    def alive(self) -> tuple[int, ...]:
        """The members that are still training: indices into `configs`, ascending."""
        return tuple(member for member in range(len(self.configs)) if member not in self._results)

    def train_epoch(self, leave: AskedToLeave | None = None) -> dict[int, EpochMetrics]:
        """Train every living member for one epoch.

        Members whose epochs are over, or whose loss is no longer finite, leave the pack at the end of the epoch. During
        the epoch this thread treats denormal numbers as 0 (see `fcsearch.training.denormals`).

        Args:
            leave: Whether to leave the epoch, and with it the pack, in the middle; only a CPU asks.

        Returns:
            The metrics of each member that ran the epoch.

        Raises:
            EpochLeft: it was left. The pack can train no more; with `stop`, its results are as before the epoch.
        """
        self.epoch += 1
        by_fold: dict[int, list[EpochMetrics]] = defaultdict(list)
        with flushed_denormals():
            # Where they run at once, those of the most steps take longest, so they begin.
            for cohort in sorted(self._cohorts, key=lambda cohort: -cohort.batches.steps):
                cohort.train(self.epoch, leave)
            measured = [cohort.measure() for cohort in self._cohorts]
        for cohort, rows in zip(self._cohorts, _read(measured), strict=True):
            for member, values in cohort.end_epoch(rows).items():
                by_fold[member].append(values)
        metrics = {member: mean_over_folds(folds, self._data.objective) for member, folds in sorted(by_fold.items())}
        for lane in self._lanes():
            lane.keep_best(metrics)
        for member, values in metrics.items():
            self._histories[member].append(values)
        leaving: dict[int, State] = {m: "complete" for m in metrics if self.configs[m].epochs <= self.epoch}
        leaving.update({m: "diverged" for m, values in metrics.items() if values.diverged})
        self._leave(leaving)
        return metrics

    def stop(self, members: Iterable[int]) -> None:
        """End members early; those that have already left are skipped."""
        self._leave({member: "stopped" for member in members if member not in self._results})

    def state(self, member: int) -> State:
        """How a member ended; `unfinished` while it trains."""
        return self._results[member].state if member in self._results else "unfinished"

    def history(self, member: int) -> Sequence[EpochMetrics]:
        """The epochs that a member has run."""
        return self._histories[member]

    def best_gain(self, member: int) -> float:
        """The gain of a member's best epoch (the objective, negated if less is better); minus infinity without one."""
        objective = OBJECTIVES[self._data.objective]
        best = best_epoch(self._histories[member], objective)
        return -math.inf if best is None else objective.gain(self._histories[member][best - 1].val[objective.name])

    def results(self) -> list[MemberResult]:
        """The result of every member, in the order of `configs`, once none is alive."""
        if self.alive:
            raise RuntimeError(f"a pack has results once every member has ended; {list(self.alive)} still train")
        return [self._results[member] for member in range(len(self.configs))]

    def _leave(self, leaving: Mapping[int, State]) -> None:
        by_fold: dict[int, list[dict[str, Tensor]]] = defaultdict(list)
        for lane in self._lanes():
            places = {
                member: place
                for place, member in enumerate(lane.members)
                if member in leaving and member not in self._results
            }
            if places:
                kept = lane.weights if self._keep_last else lane.best
                for member, weights in zip(places, kept.to_dicts(list(places.values())), strict=True):
                    by_fold[member].append(weights)
        for member, found in by_fold.items():
            self._results[member] = self._result(member, leaving[member], found)
        self._compact(leaving)

    def _compact(self, gone: Collection[int]) -> None:
        """Remove members from their lanes, and drop empty lanes and cohorts."""
        for cohort in self._cohorts:
            cohort.remove(gone)
        self._cohorts = [cohort for cohort in self._cohorts if cohort.lanes]

    def _result(self, member: int, state: State, by_fold: Sequence[dict[str, Tensor]]) -> MemberResult:
        history = self._histories[member]
        best = best_epoch(history, OBJECTIVES[self._data.objective])
        return MemberResult(
            config=self.configs[member],
            state=state,
            epochs=tuple(history),
            objective=self._data.objective,
            best_epoch=best,
            num_parameters=self._shapes(member)[0].num_parameters,
            seconds=sum(values.seconds for values in history),
            weights=by_fold[0] if best is not None else {},
            others=tuple(by_fold[1:]) if best is not None else (),
        )

    def _shapes(self, member: int) -> list[Shape]:
        """The member's network in each fold."""
        config = self.configs[member]
        return [Shape.of(config, fold) for fold in self._data.in_form(config.input_form).folds]

    @property
    def state_bytes(self) -> int:
        """About how many bytes it has as it is `saved`."""
        return sum(tensor.nbytes for tensor in self._tensors().values())

    def saved(self, facts: Mapping[str, Any], *, results: bool = True) -> SavedPack:
        """The pack as it is after this epoch; it shares the pack's memory, which the next epoch writes to.

        Args:
            facts: Other facts to save with it (JSON types).
            results: Whether the weights of members that ended are in it, without which these are not restored.
        """
        histories = [self._histories[member] for member in range(len(self.configs))]
        return SavedPack(
            configs=self.configs,
            epoch=self.epoch,
            states={member: result.state for member, result in self._results.items()},
            lanes=tuple(tuple(lane.members) for lane in self._lanes()),
            lengths=tuple(map(len, histories)),
            tensors={**self._tensors(results=results), **checkpoint.history_table(histories, self._data)},
            facts=facts,
        )

    @classmethod
    def restore(cls, saved: SavedPack, members: Sequence[int], data: TrainingData, *, keep_last: bool = False) -> Pack:
        """Continue with all or some members of a saved pack, to the results that they would have had.

        Args:
            saved: The pack.
            members: Indices into its `configs`; the new pack has these members, in this order.
            data: The rows that it was trained on.
            keep_last: As for the saved pack.

        Raises:
            ConfigError: its content does not match these members, or these rows.
        """
        with checkpoint.reading():
            pack = cls([saved.configs[member] for member in members], data, keep_last=keep_last)
            pack.epoch = saved.epoch
            pack._histories = {at: saved.history(member, data) for at, member in enumerate(members)}
            for at, member in enumerate(members):
                if member in saved.states:
                    weights = saved.weights(member, pack._shapes(at), data.dtype)
                    result = pack._results[at] = pack._result(at, saved.states[member], weights)
                    if result.best is not None and not all(weights):
                        raise ConfigError("a result without weights")
            pack._compact(pack._results)
            pack._load(saved, members)
            return pack

    def _load(self, saved: SavedPack, members: Sequence[int]) -> None:
        """Set the lanes to the state that they had in a saved pack, whose members these are."""
        # If a member has several lanes, they are in the same order.
        found: Counter[int] = Counter()
        for lane in self._lanes():
            known = [members[at] for at in lane.members]
            number = [n for n, there in enumerate(saved.lanes) if known[0] in there][found[known[0]]]
            found.update(known)
            lane.load_state(
                saved.tensors_of(f"lane{number}."),
                [saved.configs[member] for member in saved.lanes[number]],
                [saved.lanes[number].index(member) for member in known],
                [self.best_gain(member) for member in lane.members],
                saved.epoch,
            )

    def _tensors(self, *, results: bool = True) -> dict[str, Tensor]:
        lanes = enumerate(lane.state_tensors() for lane in self._lanes())
        living = {f"lane{n}.{name}": tensor for n, state in lanes for name, tensor in state.items()}
        ended = self._results.items() if results else ()
        by_fold = ((member, n, found) for member, result in ended for n, found in enumerate(result.by_fold))
        return living | {
            f"{checkpoint.result_key(member, fold)}{name}": tensor
            for member, fold, found in by_fold
            for name, tensor in found.items()
        }

    def _lanes(self) -> list[Lane]:
        return [lane for cohort in self._cohorts for lane in cohort.lanes]


def _read(measured: Sequence[Sequence[Tensor]]) -> list[list[list[list[float]]]]:
    """The rows of every lane of every cohort, taken off the device in one transfer."""
    rows = iter(torch.cat([lane for cohort in measured for lane in cohort]).tolist())
    return [[list(itertools.islice(rows, len(lane))) for lane in cohort] for cohort in measured]


def train_pack(
    configs: Sequence[TrialConfig],
    data: TrainingData,
    *,
    on_epoch: OnEpoch | None = None,
    cohort: type[Cohort] | None = None,
) -> list[MemberResult]:
    """Train a pack to its end.

    Args:
        configs: The members.
        data: The rows.
        on_epoch: Called after every epoch with its number and each member's metrics; returns the members to stop.
        cohort: See `Pack`.

    Returns:
        One result per member, in the order of `configs`.
    """
    pack = Pack(configs, data, cohort=cohort)
    while pack.alive:
        metrics = pack.train_epoch()
        if on_epoch is not None:
            pack.stop(on_epoch(pack.epoch, metrics))
    return pack.results()
