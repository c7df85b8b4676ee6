"""How much memory a pack takes on its device: known before it is made, so that a pack too large can be split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from fcsearch.config import TrialConfig
from fcsearch.training.data import TrainingData
from fcsearch.training.engine.buffers import Shape
from fcsearch.training.engine.rules import RULES

# Beside the update rule's own buffers: the weights, their gradients (on a CPU less: see `first_layer_blocks`), and the
# weights of the best epoch.
_BUFFERS = 3
# And, on a GPU, where the update rules are torch operations on whole buffers, space for what they compute.
_GPU_BUFFERS = 4
_MEMINFO = Path("/proc/meminfo")


def pack_bytes(configs: Sequence[TrialConfig], data: TrainingData) -> int:
    """Bytes that the members of a pack take, the rows of the dataset not counted."""
    lanes = {config.lane_key for config in configs}
    values = sum(_member_values(config, data) for config in configs)
    # A lane that drops features has a minibatch of its own, and two bytes of random bits for each of its values.
    dropped = sum(_batch_rows(lane.batch_size, data) * data.input_dim for lane in lanes if lane.input_dropout)
    return (values + dropped) * data.X_train.element_size() + 2 * dropped


def free_bytes(device: torch.device) -> int | None:
    """Bytes that are free on a device, now; None where nobody knows."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    if not _MEMINFO.exists():
        return None
    fields = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in fields else None


def _member_values(config: TrialConfig, data: TrainingData) -> int:
    shape = Shape(data.input_dim, config.hidden_dims, data.outputs)
    buffers = _BUFFERS if data.device.type == "cpu" else _GPU_BUFFERS
    parameters = shape.num_parameters * (buffers + RULES[config.update_rule].state_buffers)
    units = sum(config.hidden_dims)
    # In training a unit has its value and its gradient (and a margin for dropout, without the C kernels); a score has
    # itself, its share of the loss and, for a moment, a copy or two.
    rows = _batch_rows(config.batch_size, data)
    training = rows * (3 * units + 4 * data.outputs)
    evaluated = sum({len(batch.x) for batch in (*data.train_sample, *data.validation)})
    return parameters + training + evaluated * (units + 2 * data.outputs)


def _batch_rows(batch_size: int, data: TrainingData) -> int:
    return min(batch_size, len(data.X_train))
