"""The update rules over a range of members at once: the same mathematics as `fcsearch.nn.update_rules`.

`fcsearch check` and tests compare the two. To add a rule, write a class here and an entry in RULES; a kernel of its
name in native/ makes it faster.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fcsearch.nn.update_rules import NADAM_DECAY
from fcsearch.training.engine.update_rule import UpdateRule


class SGD(UpdateRule):
    """w -= learning_rate * dw."""

    name = "sgd"

    def schedule(self, rates: Tensor, first_step: int, steps: int) -> list[Tensor]:  # noqa: ARG002
        """Minus the learning rate."""
        return [-rates]

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:  # noqa: ARG004
        """See `UpdateRule`."""
        w.addcmul_(dw, settings[0])


class Momentum(UpdateRule):
    """v = momentum * v - learning_rate * dw; w += v. State: v."""

    name = "sgd_momentum"
    state_buffers = 1

    def schedule(self, rates: Tensor, first_step: int, steps: int) -> list[Tensor]:  # noqa: ARG002
        """Minus the learning rate, and the momentum."""
        return [-rates, self._each("momentum")]

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

    def schedule(self, rates: Tensor, first_step: int, steps: int) -> list[Tensor]:  # noqa: ARG002
        """The weight of the new square, epsilon, and the factor of the divisor."""
        # A rate that decayed to 0 has the factor -inf, and moves nothing.
        return [1 - self._each("decay_rate"), self._each("epsilon"), -1 / rates]

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

    def schedule(self, rates: Tensor, first_step: int, steps: int) -> list[Tensor]:
        """The weights of the new moments, epsilon * sqrt(c2), and the factor of the divisor."""
        t = torch.arange(first_step + 1, first_step + steps + 1, dtype=torch.float64).unsqueeze(1)
        beta1, beta2, epsilon = (self._each(name) for name in ("beta1", "beta2", "epsilon"))
        root2 = torch.sqrt(1 - beta2**t)
        return [1 - beta1, 1 - beta2, epsilon * root2, (beta1**t - 1) / (rates * root2)]

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

    def schedule(self, rates: Tensor, first_step: int, steps: int) -> list[Tensor]:
        """The weights of the new moments, epsilon * root2, and the factors of the gradient and of m."""
        t = torch.arange(1, first_step + steps + 2, dtype=torch.float64).unsqueeze(1)
        beta1, beta2, epsilon = (self._each(name) for name in ("beta1", "beta2", "epsilon"))
        momentum = beta1 * (1 - 0.96 ** (t * NADAM_DECAY) / 2)
        product = momentum.cumprod(0)
        now, ahead = slice(first_step, first_step + steps), slice(first_step + 1, first_step + steps + 1)
        root2 = torch.sqrt(1 - beta2 ** t[now])
        by_gradient = -rates * root2 * (1 - momentum[now]) / (1 - product[now])
        by_moment = -rates * root2 * momentum[ahead] / (1 - product[ahead])
        return [1 - beta1, 1 - beta2, epsilon * root2, by_gradient, by_moment]

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

    def schedule(self, rates: Tensor, first_step: int, steps: int) -> list[Tensor]:  # noqa: ARG002
        """The weights of the gradient in the mean that gives the sign and in the one kept; minus the learning rate."""
        return [1 - self._each("beta1"), 1 - self._each("beta2"), -rates]

    @staticmethod
    def update(w: Tensor, dw: Tensor, state: Sequence[Tensor], scratch: Tensor, settings: Sequence[Tensor]) -> None:
        """See `UpdateRule`."""
        gain1, gain2, minus_rate = settings
        torch.sub(dw, state[0], out=scratch).mul_(gain1).add_(state[0])
        w.addcmul_(scratch.sign_(), minus_rate)
        state[0].lerp_(dw, gain2)


RULES: dict[str, type[UpdateRule]] = {rule.name: rule for rule in (SGD, Momentum, RMSProp, Adam, NAdam, Lion)}
