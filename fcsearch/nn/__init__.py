"""The hand-written network: layers, losses, update rules, networks and the solver, on plain torch tensors."""

from fcsearch.nn.activations import GELU, SELU, LeakyReLU, ReLU
from fcsearch.nn.embedding import Embedding
from fcsearch.nn.initial_weights import initial_weights
from fcsearch.nn.layers import Dropout, Linear, Linear_ReLU
from fcsearch.nn.losses import absolute_loss, huber_loss, softmax_loss, squared_loss, svm_loss
from fcsearch.nn.networks import FullyConnectedNet
from fcsearch.nn.settings import NetworkSettings
from fcsearch.nn.solver import Solver
from fcsearch.nn.two_layer_net import TwoLayerNet
from fcsearch.nn.update_rules import adam, lion, nadam, rmsprop, sgd, sgd_momentum

__all__ = [
    "GELU",
    "SELU",
    "Dropout",
    "Embedding",
    "FullyConnectedNet",
    "LeakyReLU",
    "Linear",
    "Linear_ReLU",
    "NetworkSettings",
    "ReLU",
    "Solver",
    "TwoLayerNet",
    "absolute_loss",
    "adam",
    "huber_loss",
    "initial_weights",
    "lion",
    "nadam",
    "rmsprop",
    "sgd",
    "sgd_momentum",
    "softmax_loss",
    "squared_loss",
    "svm_loss",
]
