"""The memory that a pack takes on its device, estimated before it is made, so that a pack too large can be split."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from fcsearch.config import TrialConfig
from fcsearch.machine import free_memory
from fcsearch.nn.embedding import Embedding
from fcsearch.training.data import TrainingData
from fcsearch.training.engine.compiled_lane import block_rows
from fcsearch.training.engine.native import step_functions
from fcsearch.training.engine.rules import RULES
from fcsearch.training.shape import Shape

# Besides the update rule's own buffers: the weights, those of the best epoch, and, if steps are torch operations, the
# gradients, and scratch space for update rules.
_BUFFERS = 4
_COMPILED_BUFFERS = 2


def pack_bytes(configs: Sequence[TrialConfig], data: TrainingData) -> int:
    """Bytes that the members of a pack take, without the rows of the dataset."""
    total = 0
    for form in dict.fromkeys(config.input_form for config in configs):
        members = [config for config in configs if config.input_form == form]
        total += sum(_fold_bytes(members, fold) for fold in data.in_form(form).folds)
    return total


def _fold_bytes(configs: Sequence[TrialConfig], data: TrainingData) -> int:
    lanes = {config.lane_key: config for config in configs}
    compiled = step_functions(data.device, data.dtype) is not None
    values = sum(_member_values(config, data, compiled=compiled) for config in configs)
    if compiled:
        values += sum(_lane_values(config, data) for config in lanes.values())
    # A lane that drops features has a minibatch of its own, and two bytes of random bits for each of its values.
    dropped = sum(
        _batch_rows(key.batch_size, data) * Shape.of(config, data).dims[0]
        for key, config in lanes.items()
        if key.input_dropout
    )
    return (values + dropped) * data.X_train.element_size() + 2 * dropped


def free_bytes(device: torch.device) -> int | None:
    """Bytes that are currently free on a device; None if that is not known."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return free_memory()


def _member_values(config: TrialConfig, data: TrainingData, *, compiled: bool) -> int:
    shape = Shape.of(config, data)
    own = RULES[config.update_rule].state_buffers
    if compiled:
        return shape.num_parameters * (_COMPILED_BUFFERS + own) + 2 * _evaluated_rows(data) * data.outputs
    units = sum(config.hidden_dims)
    # In training a unit has its value and its gradient (and a margin for dropout, without the kernels); a score has
    # itself, its share of the loss and, for a moment, a copy or two; and one more where rows have weights.
    rows = _batch_rows(config.batch_size, data)
    training = rows * (3 * units + (4 if data.row_weights is None else 5) * data.outputs)
    evaluation = _evaluated_rows(data) * (units + 2 * data.outputs)
    if shape.embedding is not None:
        values = _embedded_values(shape.embedding, shape.dims[0])
        # In training also their gradients; and a copy of the weights, which lie apart.
        training += 2 * rows * values + 2 * math.prod(shape.embedding.shapes["W0"])
        evaluation += _evaluated_rows(data) * values
    return shape.num_parameters * (_BUFFERS + own) + training + evaluation


def _embedded_values(embedding: Embedding, features: int) -> int:
    """Values of a row: the phases and waves of its numbers, what the linear layers make of them, and the features."""
    return embedding.numbers * (3 * embedding.frequencies + embedding.dim) + features


def _lane_values(config: TrialConfig, data: TrainingData) -> int:
    """Values that a lane with compiled steps holds once, for one member after the other."""
    shape = Shape.of(config, data)
    rows, units = _batch_rows(config.batch_size, data), sum(config.hidden_dims)
    gradients = (block_rows(shape) + 1) * shape.dims[1] + shape.num_parameters - (shape.dims[0] + 1) * shape.dims[1]
    training = rows * (2 * units + 2 * max(config.hidden_dims, default=0) + data.outputs + 2)
    evaluation = _evaluated_rows(data) * units
    if shape.embedding is not None:
        values = _embedded_values(shape.embedding, shape.dims[0])
        # In training also the gradients of one number's waves, and of the features.
        training += rows * (values + 2 * shape.embedding.frequencies + shape.dims[0])
        evaluation += _evaluated_rows(data) * values
    return gradients + training + evaluation


def _evaluated_rows(data: TrainingData) -> int:
    return sum({len(batch.x) for batch in (*data.train_sample, *data.validation)})


def _batch_rows(batch_size: int, data: TrainingData) -> int:
    return min(batch_size, len(data.X_train))
