"""What an update rule takes at every step: one value a member of each of its settings."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Settings:
    """The settings of a stretch of epochs in one table on the device, so that steps transfer nothing.

    A step is told by its number in the stretch, or by a tensor on the device, by which a CUDA graph counts its replays.
    The table stays where it is as long as the stretches have equally many steps.

    Args:
        like: A tensor of the weights' device and dtype.

    Attributes:
        table: (steps, settings, members), contiguous.
    """

    def __init__(self, like: Tensor) -> None:
        self._like = like
        self.table = like.new_empty(0, 0, 0)

    def fill(self, schedule: Sequence[Tensor], steps: int) -> None:
        """Set the table for a stretch.

        Args:
            schedule: Each setting, float64: (members,), or (steps, members) where it differs from step to step.
            steps: Steps of the stretch.
        """
        rows = [values.to(self._like.dtype).expand(steps, -1) for values in schedule]
        table = torch.stack(rows, 1)
        if table.shape == self.table.shape:
            self.table.copy_(table)
            return
        self.table = table.to(self._like.device)
        self._now = torch.empty_like(self.table[:1])
        self._rows = list(self.table.unbind(0))

    def at(self, step: int | Tensor) -> Tensor:
        """Those of a step of the stretch (from 0), (settings, members); by a tensor (1,), always in the same memory."""
        if isinstance(step, int):
            return self._rows[step]
        return torch.index_select(self.table, 0, step, out=self._now)[0]
