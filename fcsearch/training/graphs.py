"""A cohort on a GPU: each lane's step is captured once as a CUDA graph and then replayed, side by side with the others.

A step of a small lane is some 20 kernels of a few microseconds each, which Python cannot launch as fast as the GPU
runs them; a replay launches all of them at once. What differs from step to step is therefore read from the device: the
number of the step is a tensor that the step itself counts up, and by it rows and settings are found. These are taken to
the device for a stretch of epochs at once (`Minibatches.stretch`).
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Collection, Iterator, Sequence

import torch
from torch import Tensor

from fcsearch.training.cohort import AskedToLeave, Cohort
from fcsearch.training.data import Minibatches
from fcsearch.training.lane import Lane
from fcsearch.training.metrics import EpochMetrics
from fcsearch.training.step_batch import StepBatch

# Lanes that run at once. More gain little, and each has a workspace of cuBLAS: docs/performance.md.
_STREAMS = 16
# Steps of one lane that are launched before those of the next: few, so that all lanes begin soon.
_STEPS_AT_ONCE = 4


class Replayed:
    """A function that launches the same kernels on the same memory each time: from the second call on as a CUDA graph.

    The first call runs as it is, since it may compile and load what a capture may not. On a CPU every call does.

    Args:
        function: What to run; the memory of its result is used again by the next call.
        device: Where it runs.
        generators: What it draws from.
    """

    def __init__(
        self, function: Callable[[], Tensor], device: torch.device, generators: Sequence[torch.Generator] = ()
    ) -> None:
        self._function = function
        self._generators = generators
        self._plain = 1 if device.type == "cuda" else -1  # calls that are left to run as they are
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> Tensor:
        """Run the function on the current stream."""
        if self._plain:
            self._plain -= 1
            return self._function()
        if self._graph is None:
            self._graph = self._captured()
        self._graph.replay()
        return self._result

    def _captured(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        # Other threads, and other lanes on their streams, may go on meanwhile.
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            self._result = self._function()
        finally:
            graph.capture_end()
        return graph


class Run:
    """A lane with its graphs, which hold as long as its members stay.

    Args:
        lane: The lane.
        batches: What it sees.
        order: Which rows the steps of a stretch of epochs take, (steps, batch_size), on the device.
        stream: What it runs on; None on a CPU.

    Attributes:
        step: Makes the next step of the epoch.
        measure: See `Lane.measure`.
    """

    def __init__(
        self, lane: Lane, batches: Minibatches, order: Tensor, *, stream: torch.cuda.Stream | None = None
    ) -> None:
        self.stream = stream
        self._lane = lane
        self._steps = batches.steps
        self._next = 0
        self._number = number = torch.zeros(1, dtype=torch.int64, device=order.device)
        steps, rows = lane.in_place, StepBatch(batches, order, number)

        # Not a method: a graph that lay in a cycle would keep its memory until the collector comes by.
        def step() -> Tensor:
            steps.step(*rows.take(), number)
            return number.add_(1)

        self.step = Replayed(step, order.device, steps.generators)
        # What other objectives compute may have shapes that follow from the values.
        self.measure = Replayed(lane.measure, order.device) if lane.measures_in_place else lane.measure

    def enter(self) -> None:
        """Launch what follows on the lane's stream; the caller's context ends that, as one for each lane costs more."""
        if self.stream is not None:
            torch.cuda.set_stream(self.stream)

    def start_epoch(self, epoch: int, stretch: range) -> None:
        """Begin an epoch, which must be the lane's next, of the stretch whose order is there."""
        first = (epoch - stretch.start) * self._steps
        if first != self._next:
            self._number.fill_(first)
        self._next = first + self._steps
        self._lane.start_epoch(stretch, self._steps)


class GraphCohort(Cohort):
    """A cohort that runs its lanes at the same time, by graphs. See `Cohort`."""

    def __init__(self, batches: Minibatches, lanes: Sequence[Lane]) -> None:
        super().__init__(batches, lanes)
        self._device = batches.data.device
        self._stretch = range(0)
        steps = len(batches.stretch(1)) * batches.steps
        self._order = torch.empty(steps, batches.batch_size, dtype=torch.int64, device=self._device)
        self._runs: dict[Lane, Run] = {}

    def train(self, epoch: int, leave: AskedToLeave | None = None) -> None:  # noqa: ARG002
        """See `Cohort`. An epoch is launched long before it is trained, and is never left."""
        self._began = time.perf_counter()
        stretch = self.batches.stretch(epoch)
        if stretch != self._stretch:
            self._stretch = stretch
            self._order.copy_(torch.cat([self.batches.order(ahead) for ahead in stretch]))
        for lane in self.lanes:
            if lane not in self._runs:
                self._runs[lane] = Run(lane, self.batches, self._order, stream=next(_streams(self._device)))
        runs = [self._runs[lane] for lane in self.lanes]
        current = _current_stream(self._device)
        with torch.cuda.stream(current):
            if current is not None:
                event = current.record_event()
                for stream in _streams_of(runs):
                    stream.wait_event(event)
            for run in runs:
                run.enter()
                run.start_epoch(epoch, stretch)
            for first in range(0, self.batches.steps, _STEPS_AT_ONCE):
                for run in runs:
                    run.enter()
                    for _ in range(first, min(first + _STEPS_AT_ONCE, self.batches.steps)):
                        run.step()

    def measure(self) -> list[Tensor]:
        """See `Cohort`."""
        measured = []
        runs = [self._runs[lane] for lane in self.lanes]
        current = _current_stream(self._device)
        with torch.cuda.stream(current):
            for run in runs:
                run.enter()
                measured.append(run.measure())
        if current is not None:
            for stream in _streams_of(runs):
                current.wait_stream(stream)
        return measured

    def end_epoch(self, measured: Sequence[Sequence[Sequence[float]]]) -> dict[int, EpochMetrics]:
        """See `Cohort`. Lanes that run at once cannot be timed apart: each member has the same share."""
        share = (time.perf_counter() - self._began) / sum(len(lane.members) for lane in self.lanes)
        self._seconds = [share * len(lane.members) for lane in self.lanes]
        return super().end_epoch(measured)

    def remove(self, gone: Collection[int]) -> None:
        """See `Cohort`. Graphs of lanes that lose members are let go: they hold the memory of those that leave."""
        for lane in self.lanes:
            if not set(lane.members).isdisjoint(gone):
                self._runs.pop(lane, None)
        super().remove(gone)


def _current_stream(device: torch.device) -> torch.cuda.Stream | None:
    return torch.cuda.current_stream(device) if device.type == "cuda" else None


def _streams_of(runs: Sequence[Run]) -> set[torch.cuda.Stream]:
    return {run.stream for run in runs if run.stream is not None}


@functools.cache
def _streams(device: torch.device) -> Iterator[torch.cuda.Stream | None]:
    """Those of the process, in turns: cuBLAS keeps memory for every stream that it was used on."""
    if device.type != "cuda":
        return itertools.repeat(None)
    return itertools.cycle([torch.cuda.Stream(device) for _ in range(_STREAMS)])
