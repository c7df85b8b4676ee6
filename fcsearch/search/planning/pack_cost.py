"""How long packs of different sizes take: a model that was fitted to measurements.

Steps were fitted on one core to ten nets from 20-32-10 to 3072-500x4-10 in packs of 1 to 32 (docs/performance.md). The
model is off by a third at most there, and all that it is asked is which size is best: its choice costs 6 % at most.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from fcsearch.config import TrialConfig
from fcsearch.training.engine.buffers import Shape

# Seconds that Ray Tune and the driver take for a pack, whatever is in it.
_PACK = 0.03
# Microseconds on one core of 180 GFLOP/s.
_LANE, _LAYER = 15.0, 13.0  # of operations that a lane makes once, whatever its members
_MEMBER, _PRODUCTS, _POWER = 5.0, 12.0, 0.92  # of a member: so much, and so much a million operations to this power
_NARROW = 25.0  # a first product of n columns takes 1 + 25 / n times as long
_SPILL, _SPILL_BYTES = 0.05, 8 * 2**20  # weights beyond the caches cost so much a doubling
_FLOAT = 4


def pack_seconds(configs: Sequence[TrialConfig], *, rows: int, input_dim: int, num_classes: int) -> float:
    """Seconds from one pack to the next on a worker with one core, but for evaluation and early stopping.

    Args:
        configs: The members.
        rows: Training rows.
        input_dim: Features D.
        num_classes: Classes C; 0 for a regression, which has one output.
    """
    lanes: dict[object, list[TrialConfig]] = defaultdict(list)
    for config in configs:
        lanes[config.lane_key].append(config)
    seconds = _PACK
    for members in lanes.values():
        batch = min(members[0].batch_size, rows)
        steps = rows // batch * sum(config.epochs for config in members) / len(members)
        shape = Shape(input_dim, members[0].hidden_dims, max(1, num_classes))
        seconds += steps * step_seconds(shape, len(members), batch)
    return seconds


def step_seconds(shape: Shape, members: int, batch_size: int) -> float:
    """Seconds that one core takes for a step of a lane of so many members."""
    products = [batch_size * a * b / 1e6 for a, b in pairwise(shape.dims)]
    # Forward, by weights and by inputs, two operations each; the input's own gradient is not computed.
    operations: float = 6 * sum(products) - 2 * products[0]
    narrow = 4 * products[0] / operations * _NARROW / (members * shape.dims[1])
    spill = _SPILL * math.log2(1 + members * shape.num_parameters * _FLOAT / _SPILL_BYTES)
    own: float = _MEMBER + _PRODUCTS * operations**_POWER
    return (_LANE + _LAYER * len(products) + members * own * (1 + narrow + spill)) / 1e6
