"""What the update rules have in common: a step over a range of members at once, in place.

Members of a range share the rule but no setting: every setting is a tensor with one value a member. On a GPU a kernel
makes the update in one pass over memory; elsewhere torch operations do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.training.engine.buffers import Buffers
from fcsearch.training.engine.native import Call, kernels
from fcsearch.training.engine.rule_settings import Settings


class UpdateRule(ABC):
    """One update rule for the members [start, stop) of a lane.

    Args:
        configs: The members' configurations.
        start: The first one's position in the lane.
        like: A tensor of the weights' device and dtype.
        state: The rule's own buffers of these members, `state_buffers` many.

    Attributes:
        settings: What the updates of a stretch of epochs take.
    """

    name = ""
    state_buffers = 0

    def __init__(self, configs: Sequence[TrialConfig], start: int, like: Tensor, state: Sequence[Buffers]) -> None:
        self.configs = list(configs)
        self.members = slice(start, start + len(configs))
        self.state = list(state)
        self.settings = Settings(like)

    @abstractmethod
    def schedule(self, rates: Tensor, first_step: int, steps: int) -> list[Tensor]:
        """What `update` takes in some epochs, setting by setting, float64: (members,), or (steps, members).

        Args:
            rates: The learning rate of each step, (steps, members).
            first_step: Updates made before.
            steps: Those of these epochs.
        """

    @staticmethod
    @abstractmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """Update weights and state, (..., M, parameters), by torch operations, as the kernel of the same name does.

        Args:
            w: The weights.
            dw: Their gradients.
            state: The rule's own values.
            scratch: Memory of the same shape.
            settings: What `schedule` gave for this step, (M, 1) each.
        """

    def prepare(self, learning_rates: Sequence[Sequence[float]], first_step: int, steps: int) -> None:
        """Prepare a stretch of epochs.

        Args:
            learning_rates: Of each epoch, a value a member.
            first_step: Updates made before.
            steps: Those of each epoch.
        """
        rates = torch.tensor(learning_rates, dtype=torch.float64).repeat_interleave(steps, 0)
        self.settings.fill(self.schedule(rates, first_step, len(rates)), len(rates))

    def _each(self, name: str) -> Tensor:
        """A setting of the members, (members,) float64."""
        return torch.tensor([getattr(config, name) for config in self.configs], dtype=torch.float64)


class BoundRule:
    """A rule over the memory of a lane.

    Args:
        rule: The rule.
        weights: The lane's parameters, which are updated in place.
        gradients: Their gradients.
    """

    def __init__(self, rule: UpdateRule, weights: Buffers, gradients: Buffers) -> None:
        self._rule = rule
        members = rule.members
        # Both have the member axis before the last.
        wide = [weights.wide[:, members], gradients.wide[:, members], *(buffers.wide for buffers in rule.state)]
        rest = [weights.rest[members], gradients.rest[members], *(buffers.rest for buffers in rule.state)]
        library = kernels(weights.wide.device, weights.wide.dtype)
        self._kernel = library.get(rule.name) if library is not None else None
        if self._kernel is not None:
            rest = [array.unsqueeze(0) for array in rest]
            self._calls = [self._kernel.bind(*arrays) for arrays in (wide, rest)]
        else:
            self._calls = [_by_torch(rule, arrays) for arrays in (wide, rest)]

    def update(self, step: int | Tensor) -> None:
        """Update all of the members' parameters in a step of the stretch, which counts from 0: see `Settings`."""
        values, members = self._rule.settings.at(step), len(self._rule.configs)
        arguments = values.unbind(0) if self._kernel is None else self._kernel.rows(values, members)
        for call in self._calls:
            call(*arguments)


def _by_torch(rule: UpdateRule, arrays: Sequence[Tensor]) -> Call:
    w, dw, *state = arrays
    scratch = torch.empty_like(w)

    def update(*values: Tensor) -> None:
        rule.update(w, dw, state, scratch, [value.unsqueeze(1) for value in values])

    return update
