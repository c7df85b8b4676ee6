"""The worker at its pipe, in a thread of this process, with packs that only ask whether to leave."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from typing import Any

import numpy as np
import pytest
from search_helpers import NOW, PLACE, trials

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.search.local_pool import worker
from fcsearch.search.local_pool.shared_rows import share
from fcsearch.search.local_pool.wire import Leave, Ready, SetUp, receive, send
from fcsearch.search.planning.placement import Placement
from fcsearch.search.pool.messages import PackOutcome, PackTask


@contextlib.contextmanager
def logs_as_before() -> Iterator[None]:
    """What a worker does to the logs of its own process is undone."""
    root, handlers = logging.getLogger(), [*logging.getLogger().handlers]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        logging.captureWarnings(capture=False)


@pytest.mark.usefixtures("one_thread")
def test_it_leaves_an_epoch_only_if_it_is_asked_to_leave_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = Pipe()
    answers: list[bool] = []

    class Asking:
        over = False

        def __init__(self, task: PackTask, *_: Any, **__: Any) -> None:
            self._pack_id = task.pack_id

        def train(self, *, seconds: float, leave: Callable[[], bool]) -> None:  # noqa: ARG002
            answers.append(leave())
            send(ours, Leave())
            answers.append(leave())
            send(ours, Leave(at_once=True))
            answers.extend([leave(), leave()])
            # It says so too late: another pack has no part in it.
            send(ours, Leave(at_once=True))
            self.over = True

        def outcome(self, log: tuple[str, ...]) -> PackOutcome:
            return PackOutcome(self._pack_id, (), PLACE, NOW, log)

    monkeypatch.setattr("fcsearch.search.local_pool.worker.PackRun", Asking)
    data = dict(load_dataset(DatasetSpec("digits", num_train=50)).training_arrays("accuracy"))
    for name in ("forms", "others"):
        data.pop(name, None)
    arrays = {name: value for name, value in data.items() if isinstance(value, np.ndarray)}
    facts = {name: value for name, value in data.items() if name not in arrays}
    with share([arrays]) as rows, theirs, ours, logs_as_before():
        arguments = (os.dup(theirs.fileno()), rows.descriptor)
        thread = threading.Thread(target=worker.main, args=arguments, daemon=True)
        send(ours, SetUp(rows, [facts], Placement(workers=1, cpus=1, gpus=0), None))
        thread.start()
        assert ours.poll(30)
        assert isinstance(receive(ours), Ready)
        for number in range(2):
            send(ours, PackTask(number, tuple(trials(1))))
            assert ours.poll(30)
            assert receive(ours) == PackOutcome(number, (), PLACE, NOW)
        ours.close()
        thread.join(timeout=30)
    assert not thread.is_alive()
    assert answers == [False, False, True, True] * 2
