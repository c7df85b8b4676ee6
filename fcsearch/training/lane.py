"""A lane: members of a pack that share shape, batch size, seed and input, and so train as one stack."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.config.objective import OBJECTIVES
from fcsearch.errors import ConfigError
from fcsearch.nn.initial_weights import initial_weights
from fcsearch.nn.schedules import scheduled_rate
from fcsearch.training.data import Batch, TrainingData
from fcsearch.training.engine.buffers import Buffers, stack
from fcsearch.training.engine.compiled_lane import CompiledNet
from fcsearch.training.engine.compiled_steps import CompiledSteps
from fcsearch.training.engine.losses import STACKED_LOSSES, LaneLoss, is_smoothed
from fcsearch.training.engine.native import step_functions
from fcsearch.training.engine.passes import stacked_net
from fcsearch.training.engine.rules import RULES
from fcsearch.training.engine.spans import spans
from fcsearch.training.engine.torch_steps import TorchSteps
from fcsearch.training.engine.update_rule import UpdateRule
from fcsearch.training.evaluator import Evaluator
from fcsearch.training.metrics import EpochMetrics, epoch_metrics
from fcsearch.training.shape import Shape


class _Making(TypedDict):
    device: torch.device
    dtype: torch.dtype
    by_member: bool


class Lane:
    """The members of one lane and their training state after `epoch` epochs.

    Args:
        members: Each member's index in the pack.
        configs: Their configurations, of one `lane_key`.
        data: The rows.
        batch_size: Rows a step, as `Minibatches` has it: never more than there are.

    Attributes:
        members: The members' indices in the pack, in the lane's own order (see `_sort_key`).
        weights: Their parameters now.
        best: Their parameters at the epoch of the best objective.
    """

    def __init__(
        self, members: Sequence[int], configs: Sequence[TrialConfig], data: TrainingData, *, batch_size: int
    ) -> None:
        order = sorted(range(len(configs)), key=lambda i: (_sort_key(configs[i]), members[i]))
        self.members = [members[i] for i in order]
        self.configs = [configs[i] for i in order]
        self.shape = Shape.of(self.configs[0], data)
        self.batch_size = batch_size
        self.epoch = 0
        self._data = data
        device, dtype = data.device, data.dtype
        initial = _initial_weights(self.configs, self.shape, dtype)
        # Asked once: what is compiled wants its own layout in memory.
        self._functions = step_functions(device, dtype)
        # Torch operations on members that embed have rows of their own, and so products of their own.
        by_member = self._functions is not None or self.shape.embedding is not None
        make: _Making = {"device": device, "dtype": dtype, "by_member": by_member}
        self.weights = stack(self.shape, initial, **make)
        self.best = self.weights.select(torch.arange(len(configs), device=device))
        self._objective = OBJECTIVES[data.objective]
        self._best_gain = [-math.inf] * len(configs)
        state = [
            [Buffers.zeros(self.shape, span.stop - span.start, **make) for _ in range(rule.state_buffers)]
            for rule, span in self._rules()
        ]
        self._build(state)

    def _rules(self) -> list[tuple[type[UpdateRule], slice]]:
        """The update rules of the lane and which members each has: one span a rule, since members are sorted by it."""
        return [(RULES[name], members) for name, members in spans([config.update_rule for config in self.configs])]

    def _build(self, state: Sequence[Sequence[Buffers]]) -> None:
        """Make everything that depends on the members, around `weights`, `best` and the rules' state."""
        like, first = self.weights.wide, self.configs[0]
        self._stretch = range(0)
        self.rules = [
            rule(self.configs[span], span.start, like, buffers)
            for (rule, span), buffers in zip(self._rules(), state, strict=True)
        ]
        loss = LaneLoss.plain(self.configs, like)
        self._steps: TorchSteps | CompiledSteps
        if self._functions is None:
            self._steps = TorchSteps(self.configs, self.rules, self.weights, rows=self.batch_size)
            net = functools.partial(stacked_net, self.weights, activation=first.activation)
            self._evaluator = Evaluator(net, self._data, loss)
        else:
            functions = self._functions
            self._steps = CompiledSteps(
                self.configs, self.rules, self.weights, rows=self.batch_size, functions=functions
            )
            self._evaluator = Evaluator(
                lambda rows: CompiledNet(self.weights, rows, functions, activation=first.activation), self._data, loss
            )

    @property
    def operations(self) -> int:
        """About how many a step takes: a product forward and two backward, and an update, which waits for memory."""
        return (6 * self.batch_size + 30) * len(self.members) * self.shape.num_parameters

    def start_epoch(self, stretch: range, steps: int) -> None:
        """Begin the next epoch, of so many steps; the epochs of the stretch that it is in are prepared together."""
        self.epoch += 1
        self._rows = steps * self.batch_size
        if stretch != self._stretch:
            self._prepare(stretch, steps)
        self._rates = self._rates_ahead[self.epoch - stretch.start]
        self._steps.start_epoch(self.epoch, self._rates)

    def _prepare(self, stretch: range, steps: int) -> None:
        self._stretch = stretch
        self._rates_ahead = [[_rate(config, epoch) for config in self.configs] for epoch in stretch]
        for rule in self.rules:
            rates = [epoch[rule.members] for epoch in self._rates_ahead]
            rule.prepare(rates, (stretch.start - 1) * steps, steps)

    def train(self, chunk: Batch, number: int) -> None:
        """Make an update on each minibatch of a chunk; the first is the stretch's step of this number (from 0)."""
        self._steps.train(chunk.x, chunk.targets, chunk.row_weights, number)

    @property
    def in_place(self) -> TorchSteps:
        """The steps as a CUDA graph can take them."""
        assert isinstance(self._steps, TorchSteps)
        return self._steps

    def measure(self) -> Tensor:
        """What `end_epoch` takes, (M, 4 or 5), on the device: nothing is read back here either."""
        return torch.cat([(self._steps.losses() / self._rows).unsqueeze(1), self._evaluator.measure()], 1)

    @property
    def measures_in_place(self) -> bool:
        """Whether `measure` launches the same operations each time, whatever the values are."""
        return self._evaluator.in_place

    def end_epoch(self, measured: Sequence[Sequence[float]], share: float) -> dict[int, EpochMetrics]:
        """The metrics by pack index.

        Args:
            measured: The rows of `measure`.
            share: Each member's share of the epoch's wall time, in seconds.
        """
        metrics = [
            epoch_metrics(self.epoch, rate, share, row, self._data)
            for rate, row in zip(self._rates, measured, strict=True)
        ]
        return dict(zip(self.members, metrics, strict=True))

    def keep_best(self, metrics: Mapping[int, EpochMetrics]) -> None:
        """Keep the weights of the members that improved.

        Args:
            metrics: By pack index; with folds the means over them, so that all of a member's lanes keep one epoch.
        """
        improved = []
        for position, member in enumerate(self.members):
            values = metrics[member]
            if self._objective.name not in values.val:
                continue
            gain = self._objective.gain(values.val[self._objective.name])
            if gain > self._best_gain[position]:
                self._best_gain[position] = gain
                improved.append(position)
        if len(improved) == len(self.members):
            self.best.copy_(self.weights)
        elif improved:
            self.best.put(torch.tensor(improved, device=self._data.device), self.weights)

    def remove(self, members: Collection[int]) -> None:
        """Remove members (pack indices), and compact the rest."""
        keep = [position for position, member in enumerate(self.members) if member not in members]
        state = []
        for rule in self.rules:
            stay = [position - rule.members.start for position in keep if position in _span(rule.members)]
            if stay:
                state.append([buffers.select(self._positions(stay)) for buffers in rule.state])
        self.members = [self.members[position] for position in keep]
        self.configs = [self.configs[position] for position in keep]
        self._best_gain = [self._best_gain[position] for position in keep]
        if keep:
            self.weights = self.weights.select(self._positions(keep))
            self.best = self.best.select(self._positions(keep))
            self._build(state)

    def _positions(self, positions: Sequence[int]) -> Tensor:
        return torch.tensor(positions, device=self._data.device)

    def state_tensors(self) -> dict[str, Tensor]:
        """Every tensor that training continues from, by name: a row per member, or per member of an update rule."""
        named = {"weights": self.weights, "best": self.best}
        for rule in self.rules:
            named.update({f"{rule.name}.{number}": buffers for number, buffers in enumerate(rule.state)})
        return {f"{name}.{part}": rows for name, buffers in named.items() for part, rows in buffers.rows().items()}

    def load_state(
        self,
        tensors: Mapping[str, Tensor],
        configs: Sequence[TrialConfig],
        places: Sequence[int],
        gains: Sequence[float],
        epoch: int,
    ) -> None:
        """Continue from the state of a lane that has these members and maybe others.

        Args:
            tensors: Its `state_tensors`.
            configs: Its members' configurations.
            places: The position in it of each member of this lane.
            gains: Each member's best gain so far (the objective, negated if less is better).
            epoch: The epoch after which the state was taken.

        Raises:
            ConfigError: tensors of a different shape or type.
        """
        named = [("weights", self.weights, places), ("best", self.best, places)]
        first = {name: members.start for name, members in spans([config.update_rule for config in configs])}
        for rule in self.rules:
            own = [place - first[rule.name] for place in places[rule.members]]
            named.extend((f"{rule.name}.{number}", buffers, own) for number, buffers in enumerate(rule.state))
        for name, buffers, rows in named:
            for part, target in buffers.rows().items():
                found = tensors[f"{name}.{part}"].index_select(0, torch.tensor(rows))
                if found.shape != target.shape or found.dtype != target.dtype:
                    raise ConfigError(f"{name} of {tuple(found.shape)} and {found.dtype}")
                target.copy_(found)
        self._best_gain = list(gains)
        self.epoch = epoch


def _rate(config: TrialConfig, epoch: int) -> float:
    return scheduled_rate(
        config.lr_schedule, config.learning_rate, epoch=epoch, epochs=config.epochs, lr_decay=config.lr_decay
    )


def _sort_key(config: TrialConfig) -> tuple[int, int, bool]:
    """Equal update rules side by side, among them equal losses, and among those the smoothed ones."""
    return list(RULES).index(config.update_rule), list(STACKED_LOSSES).index(config.loss), is_smoothed(config)


def _span(members: slice) -> range:
    return range(members.start, members.stop)


def _initial_weights(configs: Sequence[TrialConfig], shape: Shape, dtype: torch.dtype) -> list[dict[str, Tensor]]:
    """One draw for each scale: the members share their seed and shape."""
    scales = [(config.initial_scale, config.frequency_scale) for config in configs]
    drawn = {
        (scale, frequency_scale): initial_weights(
            shape.hidden_dims,
            shape.input_dim,
            shape.num_classes,
            weight_scale=scale,
            seed=configs[0].seed,
            dtype=dtype,
            embedding=shape.embedding,
            frequency_scale=frequency_scale,
        )
        for scale, frequency_scale in set(scales)
    }
    return [drawn[scale] for scale in scales]
