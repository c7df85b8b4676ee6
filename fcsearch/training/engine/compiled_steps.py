"""Steps of a lane in C on one CPU thread, one member after the other: many steps a call. See native/steps.c."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.training.engine.buffers import Buffers
from fcsearch.training.engine.compiled_lane import CompiledLane
from fcsearch.training.engine.losses import STACKED_LOSSES, is_smoothed
from fcsearch.training.engine.masks import RandomBits, thresholds_and_scales
from fcsearch.training.engine.native import StepFunctions
from fcsearch.training.engine.rules import RULES
from fcsearch.training.engine.update_rule import UpdateRule

# Random bits are drawn for so many steps at once as fit this size.
_DRAWN_BYTES = 2**21


class CompiledSteps:
    """Trains the members of a lane in place. Arguments as in `TorchSteps`."""

    def __init__(
        self,
        configs: Sequence[TrialConfig],
        rules: Sequence[UpdateRule],
        weights: Buffers,
        *,
        rows: int,
        functions: StepFunctions,
    ) -> None:
        self._functions = functions
        self._configs = list(configs)
        self._rules = list(rules)
        self._like = weights.wide
        self._decay = self._like.new_ones(len(configs))
        shape, first = weights.shape, configs[0]
        units = rows * sum(shape.hidden_dims)
        drops = units > 0 and any(config.dropout for config in configs)
        self._bits = _bits(units if drops else 0, first.seed, "dropout")
        self._input_bits = _bits(rows * shape.dims[0] if first.input_dropout else 0, first.seed, "input dropout")
        drops_input = self._input_bits is not None
        self._lane = CompiledLane(
            weights, rows, functions, activation=first.activation, trains=True, drops_input=drops_input
        )
        threshold, scale = thresholds_and_scales([first.input_dropout], self._like)
        self._lane.struct.input_threshold, self._lane.struct.input_scale = threshold.item(), scale.item()
        for rule in rules:
            for place in range(rule.members.start, rule.members.stop):
                self._fill(self._lane.members[place], shape.num_classes, rule, place)

    def _fill(self, member: Any, classes: int, rule: UpdateRule, place: int) -> None:
        """Set the struct of the member at a place of the lane, but for what changes from epoch to epoch."""
        config, at = self._configs[place], place - rule.members.start
        threshold, scale = thresholds_and_scales([config.dropout], self._like)
        smoothing = config.label_smoothing if is_smoothed(config) else 0.0
        padding = [None] * (2 - len(rule.state))
        member.state_first = (ctypes.c_void_p * 2)(*(s.wide[0, at].data_ptr() for s in rule.state), *padding)
        member.state_rest = (ctypes.c_void_p * 2)(*(s.rest[at].data_ptr() for s in rule.state), *padding)
        member.rule = list(RULES).index(config.update_rule)
        member.loss = list(STACKED_LOSSES).index(config.loss)
        member.drops = self._bits is not None and config.dropout > 0
        member.threshold, member.scale = threshold.item(), scale.item()
        member.double_reg = 2 * config.reg
        member.decay = self._decay[place].data_ptr()
        member.kept, member.spread = 1 - smoothing, smoothing / max(1, classes)
        member.delta = config.huber_delta

    def start_epoch(self, epoch: int, rates: Sequence[float]) -> None:
        """See `TorchSteps`."""
        for bits in (self._bits, self._input_bits):
            if bits is not None:
                bits.start_epoch(epoch)
        decays = torch.tensor([config.weight_decay for config in self._configs], dtype=torch.float64)
        self._decay.copy_(1 - torch.tensor(rates, dtype=torch.float64) * decays)
        for rule in self._rules:
            table = rule.settings.table
            for at, member in enumerate(self._lane.members[rule.members]):
                member.settings = table.data_ptr() + at * table.element_size()
                member.settings_step, member.settings_next = table.stride()[:2]

    def train(self, x: Tensor, targets: Tensor, row_weights: Tensor | None, number: int) -> None:
        """See `TorchSteps`."""
        at_once = self._steps_at_once()
        for first in range(0, len(x), at_once):
            steps = min(at_once, len(x) - first)
            drawn, input_drawn = (_drawn(bits, steps) for bits in (self._bits, self._input_bits))
            self._functions.train_steps(
                ctypes.byref(self._lane.struct),
                self._lane.members,
                steps,
                number + first,
                x[first].data_ptr(),
                targets[first].data_ptr(),
                None if row_weights is None else row_weights[first].data_ptr(),
                drawn.data_ptr(),
                drawn.shape[1],
                input_drawn.data_ptr(),
                input_drawn.shape[1],
            )

    def losses(self) -> Tensor:
        """See `TorchSteps`."""
        totals = torch.tensor([member.total for member in self._lane.members], dtype=torch.float64)
        for member in self._lane.members:
            member.total = 0.0
        return totals.to(self._like.dtype)

    def _steps_at_once(self) -> int:
        bits = sum(len(bits.values) for bits in (self._bits, self._input_bits) if bits is not None)
        return max(1, _DRAWN_BYTES // max(1, 2 * bits))


def _bits(count: int, seed: int, purpose: str) -> RandomBits | None:
    return RandomBits(count, seed=seed, purpose=purpose, device=torch.device("cpu")) if count else None


def _drawn(bits: RandomBits | None, steps: int) -> Tensor:
    """The bits of some steps, a row each; empty rows where nothing is dropped."""
    return torch.empty(steps, 0, dtype=torch.int16) if bits is None else bits.draw_ahead(steps)
