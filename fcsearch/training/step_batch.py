"""The minibatch of one step, by the number of the step: for lanes whose steps a GPU replays."""

from __future__ import annotations

from torch import Tensor

from fcsearch.training.data import Minibatches
from fcsearch.training.engine.native import Call, kernels


class StepBatch:
    """Takes minibatches into buffers that are made once.

    Args:
        batches: What they are of.
        order: The rows of each step, (steps, N), on the device.
        number: The number of the step, (1,), on the device.
    """

    def __init__(self, batches: Minibatches, order: Tensor, number: Tensor) -> None:
        self._batches = batches
        self._order, self._number = order, number
        data, rows = batches.data, batches.batch_size
        library = kernels(data.device, data.dtype)
        self._calls: list[Call] = []
        sources = data.X_train, data.y_train, *(() if data.row_weights is None else (data.row_weights,))
        if library is None or not all(source.is_contiguous() for source in sources):
            return
        by_row, by_class = library["take_rows"], library["take_classes"]

        def taken(source: Tensor) -> Tensor:
            values = source.new_empty(rows, *source.shape[1:])
            self._calls.append(by_row.bind(values.view(rows, 1, -1), source.view(len(source), -1), order, number))
            return values

        def classes() -> Tensor:
            targets = data.X_train.new_empty(data.num_classes, rows)
            self._calls.append(by_class.bind(targets.t().unsqueeze(2), data.y_train, order, number))
            return targets

        targets = classes() if data.num_classes else taken(data.y_train).unsqueeze(0)
        weights = None if data.row_weights is None else taken(data.row_weights)
        self._taken = taken(data.X_train), targets, weights

    def take(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Features (N, D), targets (C, N) and weights (N,) of the rows of the step, which the next call overwrites."""
        if not self._calls:
            [batch] = self._batches.gather(self._order.index_select(0, self._number)).steps()
            return batch.x, batch.targets, batch.row_weights
        for call in self._calls:
            call()
        return self._taken
