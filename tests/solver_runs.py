"""A small network and a short training run for tests of the Solver."""

from typing import Any

from torch import Tensor

from fcsearch.nn import FullyConnectedNet, Solver

Data = dict[str, Tensor]


def net(hidden_dims: tuple[int, ...] = (30,), **options: Any) -> FullyConnectedNet:
    return FullyConnectedNet(hidden_dims, **{"input_dim": 64, "weight_scale": "kaiming", "seed": 0, **options})


def trained(data: Data, **options: Any) -> Solver:
    model = options.pop("model", None) or net()
    solver = Solver(model, data, **{"num_epochs": 3, "seed": 0, "optim_config": {"learning_rate": 0.1}, **options})
    solver.train()
    return solver
