"""The worker process: maps the rows, then trains one pack after another, until its pool closes the pipe."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import time
import warnings
from collections import defaultdict
from multiprocessing.connection import Connection
from typing import cast

import torch

from fcsearch.config import InputForm
from fcsearch.data.training_arrays import TrainingArrays
from fcsearch.machine import available_cores
from fcsearch.search.local_pool.failures import cause_of, details_of, pack_failure
from fcsearch.search.local_pool.shared_rows import read_shared
from fcsearch.search.local_pool.wire import Leave, Ready, SetUp, Unfit, receive, send
from fcsearch.search.pool.computing import compute_as
from fcsearch.search.pool.interface import PackFailed
from fcsearch.search.pool.log_lines import LogLines
from fcsearch.search.pool.messages import PackOutcome, PackTask, Place
from fcsearch.search.pool.pack_run import PackRun, memory_share
from fcsearch.training import TrainingData

# How often the pipe is checked during training, and how often the pool gets a report.
_STEP_SECONDS = 0.1
_REPORT_SECONDS = 0.5


def main(pipe: int, rows: int) -> None:
    """Serve the pool at the other end of a pipe.

    Args:
        pipe: This end of it.
        rows: The open file that holds the dataset.
    """
    # A broken pipe means that the pool is gone, for example killed: there is no one to tell.
    with Connection(pipe) as line, contextlib.suppress(EOFError, OSError):
        _serve(line, rows)


def _serve(pipe: Connection, rows: int) -> None:
    setup = receive(pipe)
    assert isinstance(setup, SetUp)
    try:
        worker = _Worker(pipe, dataclasses.replace(setup, rows=dataclasses.replace(setup.rows, descriptor=rows)))
    except Exception as error:  # noqa: BLE001 (the pool says what to do about any)
        send(pipe, Unfit(cause_of(error), details_of(error)))
        return
    send(pipe, Ready(os.getpid()))
    while True:
        message = receive(pipe)
        # A request to leave may cross the pack's outcome.
        if isinstance(message, PackTask):
            worker.train(message)


class _Worker:
    def __init__(self, pipe: Connection, setup: SetUp) -> None:
        self._pipe = pipe
        self._asked: Leave | None = None
        self._lines = LogLines()
        if setup.gpu is not None:
            # Before the first call of CUDA: this process must see no other GPU.
            os.environ["CUDA_VISIBLE_DEVICES"] = setup.gpu
        compute_as(setup.placement)
        device = torch.device("cpu" if setup.gpu is None else "cuda:0")
        self._place = Place(socket.gethostname(), "cpu" if setup.gpu is None else f"cuda:{setup.gpu}")
        with warnings.catch_warnings():
            # The rows are shared by all workers; nothing writes to them.
            warnings.filterwarnings("ignore", message="The given NumPy (array|buffer) is not writable")
            by_form: dict[InputForm, list[TrainingArrays]] = defaultdict(list)
            for arrays, facts in zip(read_shared(setup.rows), setup.facts, strict=True):
                fold = cast(TrainingArrays, {**arrays, **facts})
                by_form[fold["form"]].append(fold)
            for own, *others in by_form.values():
                own["others"] = others
            first, *forms = (own for own, *_ in by_form.values())
            first["forms"] = forms
            self._data = TrainingData.from_arrays(**first, device=device)
        # Before any of them trains.
        self._share = memory_share(device, workers=setup.placement.sharers(available_cores()))

    def train(self, task: PackTask) -> None:
        """Train a pack, and report its progress and its outcome."""
        found: PackOutcome | PackFailed
        try:
            found = self._train(task)
        except Exception as error:  # noqa: BLE001 (whatever training raises is the pack's failure)
            found = pack_failure(task.pack_id, error)
        send(self._pipe, found)
        if self._data.device.type == "cuda":
            torch.cuda.empty_cache()

    def _train(self, task: PackTask) -> PackOutcome:
        run = PackRun(task, self._data, self._place, share=self._share)
        self._asked = None
        leave = self._asked_to_leave_at_once if self._data.device.type == "cpu" else None
        reported = time.monotonic()
        while not run.over and self._asked_to_leave() is None:
            run.train(seconds=_STEP_SECONDS, leave=leave)
            if not run.over and time.monotonic() >= reported + _REPORT_SECONDS:
                reported = time.monotonic()
                send(self._pipe, run.progress())
        return run.outcome(self._lines.take())

    def _asked_to_leave(self) -> Leave | None:
        while self._pipe.poll() and isinstance(message := receive(self._pipe), Leave):
            self._asked = message
        return self._asked

    def _asked_to_leave_at_once(self) -> bool:
        asked = self._asked_to_leave()
        return asked is not None and asked.at_once
