"""Inputs, and errors of gradients, for the tests of the document."""

import torch
from torch import Tensor

from fcsearch.nn import (
    FullyConnectedNet,
    Linear,
    Linear_ReLU,
)
from fcsearch.nn.gradcheck import Case, check_case, numeric_gradient, relative_error
from fcsearch.nn.random import generator

F64 = torch.float64
Data = dict[str, Tensor]


def normal(name: str, *shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed, name), dtype=F64)


def classes(n: int, of: int, seed: int = 0) -> Tensor:
    return torch.randint(of, (n,), generator=generator(seed, "classes"))


def worst_errors(case: Case) -> dict[str, float]:
    """The larger of the errors against central differences and autograd, by quantity."""
    checks = check_case(case)
    return {name: max(check.error for check in checks if check.quantity == name) for name in case.inputs}


def affine_case(layer: type[Linear] | type[Linear_ReLU]) -> Case:
    inputs = {"x": normal("x", 10, 2, 3), "w": normal("w", 6, 5), "b": normal("b", 5)}

    def backward(t, dout):
        return dict(zip("xwb", layer.backward(dout, layer.forward(**t)[1]), strict=True))

    return Case(layer.__name__, inputs, lambda t: layer.forward(**t)[0], backward)


def network_errors(net: FullyConnectedNet, *, n: int, of: int, names: str = "Wb", seed: int = 0) -> dict[str, float]:
    """Relative errors of a network's gradients against central differences."""
    X, y = normal("X", n, net.input_dim, seed=seed), classes(n, of, seed=seed)
    grads = net.loss(X, y)[1]
    errors = {}
    for name, value in list(net.params.items()):
        if name[0] not in names:
            continue

        def loss(w: Tensor, name: str = name) -> Tensor:
            net.params[name] = w
            return net.loss(X, y)[0]

        errors[name] = relative_error(grads[name], numeric_gradient(loss, value, torch.tensor(1.0, dtype=F64)))
        net.params[name] = value
    return errors
