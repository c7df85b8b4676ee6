"""Gradient checks: a backward pass against central differences, and against autograd through the forward pass.

Gradients are checked in float64. The relative error of two tensors is max|a - b| / max(|a| + |b|), as in the course
of the document that the network follows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]

DIFFERENCES = "central differences"
AUTOGRAD = "autograd"
ARITHMETIC = "plain arithmetic"
# The engine of packs is compared with the plain net in both of its types.
PLAIN_NET = {torch.float64: "plain net, float64", torch.float32: "plain net, float32"}

# Half the distance of the two points of a central difference.
_HALF = 1e-5
# The largest relative error that passes. Central differences lose about half the digits of a double; autograd and plain
# arithmetic only round the last few. In a whole training, the rounding errors of several steps add up.
LIMITS = {
    DIFFERENCES: 1e-7,
    AUTOGRAD: 1e-12,
    ARITHMETIC: 1e-12,
    PLAIN_NET[torch.float64]: 1e-11,
    PLAIN_NET[torch.float32]: 2e-5,
}


@dataclasses.dataclass(frozen=True)
class Check:
    """One comparison of a tensor with its reference.

    Attributes:
        subject: What was checked, such as `Linear, x (N, d1, d2)`.
        quantity: Which of its results: the tensor whose gradient it is, or `w` for an update rule.
        reference: What it was compared with: a key of LIMITS.
        error: Relative error.
        arithmetic: What computed it: the `plain net`, or the engine's `kernels` or `torch` operations.
    """

    subject: str
    quantity: str
    reference: str
    error: float
    arithmetic: str = "plain net"

    @property
    def limit(self) -> float:
        """The largest error that passes."""
        return LIMITS[self.reference]

    @property
    def passed(self) -> bool:
        """Whether the error is below the limit; NaN does not pass."""
        return self.error < self.limit


@dataclasses.dataclass(frozen=True)
class Case:
    """A forward and a backward pass to check against each other.

    Attributes:
        name: What is checked.
        inputs: The tensors to differentiate with respect to, float64, by name.
        forward: From the inputs to the output.
        backward: From the inputs and the gradient of a loss with respect to the output, to that for each input.
    """

    name: str
    inputs: Tensors
    forward: Callable[[Tensors], Tensor]
    backward: Callable[[Tensors, Tensor], Tensors]


def relative_error(a: Tensor, b: Tensor) -> float:
    """Compare two tensors: max|a - b| / max(|a| + |b|); infinite if their shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    return float((a - b).abs().max() / (a.abs() + b.abs()).max().clamp(min=1e-10))


def numeric_gradient(f: Callable[[Tensor], Tensor], x: Tensor, dout: Tensor) -> Tensor:
    """Compute the gradient of sum(f(x) * dout) with respect to x by central differences.

    Args:
        f: A function of one tensor.
        x: The point; float64, any shape. It is not written to.
        dout: Of the shape of f(x).

    Returns:
        The gradient, of the shape of x.
    """
    gradient = torch.zeros_like(x).flatten()
    for i in range(x.numel()):
        step = torch.zeros_like(gradient)
        step[i] = _HALF
        step = step.reshape(x.shape)
        gradient[i] = ((f(x + step) - f(x - step)) * dout).sum() / (2 * _HALF)
    return gradient.reshape(x.shape)


def autograd_gradient(f: Callable[[Tensor], Tensor], x: Tensor, dout: Tensor) -> Tensor:
    """Compute the same gradient by autograd; arguments and result as in numeric_gradient."""
    leaf = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(leaf), leaf, dout)
    return gradient


def check_case(case: Case) -> list[Check]:
    """Compare the backward pass of a case with both references, for every input; by a gradient of unequal numbers."""
    out = case.forward(case.inputs)
    dout = torch.linspace(-0.7, 1.3, out.numel(), dtype=out.dtype, device=out.device).reshape(out.shape)
    gradients = case.backward(case.inputs, dout)
    checks = []
    for name, x in case.inputs.items():

        def f(value: Tensor, name: str = name) -> Tensor:
            return case.forward({**case.inputs, name: value})

        for reference, gradient in ((DIFFERENCES, numeric_gradient), (AUTOGRAD, autograd_gradient)):
            error = relative_error(gradients[name], gradient(f, x, dout))
            checks.append(Check(case.name, name, reference, error))
    return checks
