"""The update rules over a range of members at once: the same mathematics as `fcsearch.nn.update_rules`.

`fcsearch check` and tests hold them to it. Another rule is a class here and an entry in RULES; a kernel of its name in
native/ makes it faster.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fcsearch.config import TrialConfig
from fcsearch.nn.update_rules import NADAM_DECAY
from fcsearch.training.engine.update_rule import UpdateRule


class SGD(UpdateRule):
    """w -= learning_rate * dw."""

    name = "sgd"

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        self._settings = [self._values([-rate for rate in learning_rates])]

    def settings(self, step: int) -> Sequence[Tensor]:  # noqa: ARG002
        """Minus the learning rate."""
        return self._settings

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:  # noqa: ARG004
        """See `UpdateRule`."""
        w.addcmul_(dw, settings[0])


class Momentum(UpdateRule):
    """v = momentum * v - learning_rate * dw; w += v. State: v."""

    name = "sgd_momentum"
    state_buffers = 1

    def constants(self) -> list[list[float]]:
        """The momentum."""
        return [[config.momentum for config in self.configs]]

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        self._settings = [self._values([-rate for rate in learning_rates]), *self._constants]

    def settings(self, step: int) -> Sequence[Tensor]:  # noqa: ARG002
        """Minus the learning rate, and the momentum."""
        return self._settings

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:  # noqa: ARG004
        """See `UpdateRule`."""
        minus_rate, momentum = settings
        state[0].mul_(momentum).addcmul_(dw, minus_rate)
        w.add_(state[0])


class RMSProp(UpdateRule):
    """cache = decay * cache + (1 - decay) * dw**2; w -= learning_rate * dw / (sqrt(cache) + epsilon). State: cache."""

    name = "rmsprop"
    state_buffers = 1

    def constants(self) -> list[list[float]]:
        """The weight of the new square, and epsilon."""
        return [[1 - config.decay_rate for config in self.configs], [config.epsilon for config in self.configs]]

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        # A rate that decayed to 0 moves nothing.
        factors = [-1 / rate if rate else -math.inf for rate in learning_rates]
        self._settings = [*self._constants, self._values(factors)]

    def settings(self, step: int) -> Sequence[Tensor]:  # noqa: ARG002
        """The weight of the new square, epsilon, and the factor -1 / learning_rate of the divisor."""
        return self._settings

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """See `UpdateRule`."""
        gain, epsilon, factor = settings
        torch.mul(dw, dw, out=scratch)
        state[0].lerp_(scratch, gain)
        torch.sqrt(state[0], out=scratch)
        w.addcdiv_(dw, scratch.add_(epsilon).mul_(factor))


class Adam(UpdateRule):
    """w -= learning_rate * m' / (sqrt(v') + epsilon), m' and v' the moments of dw corrected for their zero start.

    With m' = m / c1 and v' = v / c2 this adds m / ((sqrt(v) + epsilon * sqrt(c2)) * c1 / (-learning_rate * sqrt(c2)))
    to w, whose factors are the same for all of a member's weights. State: m, v.
    """

    name = "adam"
    state_buffers = 2

    def constants(self) -> list[list[float]]:
        """The weights of the new moments."""
        return [[1 - config.beta1 for config in self.configs], [1 - config.beta2 for config in self.configs]]

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:
        """See `UpdateRule`."""
        t = torch.arange(first_step + 1, first_step + steps + 1, dtype=torch.float64).unsqueeze(1)
        beta1, beta2, epsilon = (_double(self.configs, name) for name in ("beta1", "beta2", "epsilon"))
        root2 = torch.sqrt(1 - beta2**t)
        factor = (beta1**t - 1) / (torch.tensor(learning_rates, dtype=torch.float64) * root2)
        self._per_step = list(zip((epsilon * root2).to(self._like), factor.to(self._like), strict=True))

    def settings(self, step: int) -> Sequence[Tensor]:
        """The weights of the new moments, epsilon * sqrt(c2), and the factor of the divisor."""
        return [*self._constants, *self._per_step[step]]

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """See `UpdateRule`."""
        gain1, gain2, epsilon, factor = settings
        first, second = state
        first.lerp_(dw, gain1)
        torch.mul(dw, dw, out=scratch)
        second.lerp_(scratch, gain2)
        torch.sqrt(second, out=scratch)
        w.addcdiv_(first, scratch.add_(epsilon).mul_(factor))


class NAdam(UpdateRule):
    """Adam with Nesterov's look ahead; see `fcsearch.nn.nadam`. State: m, v.

    With root2 = sqrt(1 - beta2**t) it adds (a * dw + b * m) / (sqrt(v) + epsilon * root2) to w, where a and b hold the
    rate, root2, the step's momentum and the product of all momentums so far.
    """

    name = "nadam"
    state_buffers = 2

    def constants(self) -> list[list[float]]:
        """The weights of the new moments."""
        return [[1 - config.beta1 for config in self.configs], [1 - config.beta2 for config in self.configs]]

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:
        """See `UpdateRule`."""
        t = torch.arange(1, first_step + steps + 2, dtype=torch.float64).unsqueeze(1)
        beta1, beta2, epsilon = (_double(self.configs, name) for name in ("beta1", "beta2", "epsilon"))
        momentum = beta1 * (1 - 0.96 ** (t * NADAM_DECAY) / 2)
        product = momentum.cumprod(0)
        now, ahead = slice(first_step, first_step + steps), slice(first_step + 1, first_step + steps + 1)
        root2 = torch.sqrt(1 - beta2 ** t[now])
        scale = -torch.tensor(learning_rates, dtype=torch.float64) * root2
        by_gradient = scale * (1 - momentum[now]) / (1 - product[now])
        by_moment = scale * momentum[ahead] / (1 - product[ahead])
        values = (value.to(self._like) for value in (epsilon * root2, by_gradient, by_moment))
        self._per_step = list(zip(*values, strict=True))

    def settings(self, step: int) -> Sequence[Tensor]:
        """The weights of the new moments, epsilon * root2, and the factors of the gradient and of m."""
        return [*self._constants, *self._per_step[step]]

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """See `UpdateRule`; dw is overwritten."""
        gain1, gain2, epsilon, by_gradient, by_moment = settings
        first, second = state
        first.lerp_(dw, gain1)
        torch.mul(dw, dw, out=scratch)
        second.lerp_(scratch, gain2)
        torch.sqrt(second, out=scratch)
        w.addcdiv_(dw.mul_(by_gradient).addcmul_(first, by_moment), scratch.add_(epsilon))


class Lion(UpdateRule):
    """w -= learning_rate * sign(m + (1 - beta1) * (dw - m)); m += (1 - beta2) * (dw - m). State: m."""

    name = "lion"
    state_buffers = 1

    def constants(self) -> list[list[float]]:
        """The weights of the gradient in the mean that gives the sign, and in the one that is kept."""
        return [[1 - config.beta1 for config in self.configs], [1 - config.beta2 for config in self.configs]]

    def start_epoch(self, learning_rates: Sequence[float], first_step: int, steps: int) -> None:  # noqa: ARG002
        """See `UpdateRule`."""
        self._settings = [*self._constants, self._values([-rate for rate in learning_rates])]

    def settings(self, step: int) -> Sequence[Tensor]:  # noqa: ARG002
        """The constants, and minus the learning rate."""
        return self._settings

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """See `UpdateRule`."""
        gain1, gain2, minus_rate = settings
        torch.sub(dw, state[0], out=scratch).mul_(gain1).add_(state[0])
        w.addcmul_(scratch.sign_(), minus_rate)
        state[0].lerp_(dw, gain2)


RULES: dict[str, type[UpdateRule]] = {rule.name: rule for rule in (SGD, Momentum, RMSProp, Adam, NAdam, Lion)}


def _double(configs: Sequence[TrialConfig], name: str) -> Tensor:
    """A setting of the members, (M,) float64."""
    return torch.tensor([getattr(config, name) for config in configs], dtype=torch.float64)
