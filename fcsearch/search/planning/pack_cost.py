"""How long packs of different sizes take on a CPU: a model that was fitted to measurements.

Compiled steps were fitted on one core to nets from 20-32-10 to 784-128-128-10 in packs of 1 to 32: a member's steps
take as long in any pack, so all that is asked of the model is what a lane and a pack cost beside them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

from fcsearch.config import TrialConfig
from fcsearch.training.shape import Shape

# Seconds that Ray Tune and the driver take for a pack, whatever is in it.
_PACK = 0.03
# Microseconds on one core of 180 GFLOP/s.
_LANE = 250.0  # of a lane in each epoch: its settings, and the call of its evaluation
_MEMBER, _PRODUCTS, _POWER = 4.0, 12.0, 0.92  # of a member's step, and of its million operations to this power
_WAVES = 3200.0  # of a million sines and cosines of an embedding, with their gradients


def pack_seconds(
    configs: Sequence[TrialConfig],
    *,
    rows: int,
    shape: Callable[[TrialConfig], Shape],
    folds: int = 1,
) -> float:
    """Seconds from one pack to the next on a worker with one core, but for evaluation and early stopping.

    Args:
        configs: The members.
        rows: Training rows.
        shape: The network of a member.
        folds: Folds, each of so many training rows.
    """
    lanes: dict[object, list[TrialConfig]] = defaultdict(list)
    for config in configs:
        lanes[config.lane_key].append(config)
    seconds = _PACK
    for members in lanes.values():
        batch = min(members[0].batch_size, rows)
        epochs = sum(config.epochs for config in members) / len(members)
        steps = rows // batch * len(members) * step_seconds(shape(members[0]), batch)
        seconds += folds * epochs * (_LANE / 1e6 + steps)
    return seconds


def step_seconds(shape: Shape, batch_size: int) -> float:
    """Seconds that one core takes for a step of a member of this shape."""
    products = [batch_size * a * b / 1e6 for a, b in pairwise(shape.dims)]
    # Forward, by weights and by inputs, two operations each; the gradient of the rows themselves is not computed.
    operations: float = 6 * sum(products)
    waves = 0.0
    if shape.embedding is None:
        operations -= 2 * products[0]
    else:
        operations += 6 * batch_size * math.prod(shape.embedding.shapes["W0"]) / 1e6
        waves = batch_size * math.prod(shape.embedding.shapes["f0"]) / 1e6
    seconds: float = (_MEMBER + _PRODUCTS * operations**_POWER + _WAVES * waves) / 1e6
    return seconds
