"""The hand-written network: layers, losses, update rules, networks and the solver, on torch tensors alone."""

from fcsearch.nn.activations import ReLU
from fcsearch.nn.init import initial_weights
from fcsearch.nn.layers import Dropout, Linear, Linear_ReLU
from fcsearch.nn.losses import softmax_loss, svm_loss
from fcsearch.nn.networks import FullyConnectedNet
from fcsearch.nn.solver import Solver
from fcsearch.nn.two_layer_net import TwoLayerNet
from fcsearch.nn.update_rules import adam, rmsprop, sgd, sgd_momentum

__all__ = [
    "Dropout",
    "FullyConnectedNet",
    "Linear",
    "Linear_ReLU",
    "ReLU",
    "Solver",
    "TwoLayerNet",
    "adam",
    "initial_weights",
    "rmsprop",
    "sgd",
    "sgd_momentum",
    "softmax_loss",
    "svm_loss",
]
