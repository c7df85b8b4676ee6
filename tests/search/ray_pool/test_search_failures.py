"""What Ray's errors mean for a pack."""

import pickle
from types import SimpleNamespace

import pytest
import torch
from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError, RayActorError, RayTaskError

from fcsearch.errors import SearchError
from fcsearch.search.pool.interface import CutShort, NodeLost, NotStarted, OutOfMemory, PackFailed, Raised, WorkerLost
from fcsearch.search.ray_pool import controller
from fcsearch.search.ray_pool.causes import cause_of
from fcsearch.search.ray_pool.failures import WorkerKilledError, pack_failure

TRACE = "ray::PackWorker.train() (pid=1, ip=192.0.2.1)\n  File worker.py\n"


def raised(error: Exception) -> RayTaskError:
    """What Ray makes of an error in a worker."""
    text = f"{TRACE}{type(error).__name__}: {error}"
    return RayTaskError("train", text, error, proctitle="x", pid=1, ip="192.0.2.1").as_instanceof_cause()


KILLED = WorkerKilledError(OutOfMemoryError("Task was killed due to the node running low on memory.\nMemory: 9 GB"))
UNBORN = ActorDiedError(RayTaskError("f", TRACE + "ValueError: thirteen", ValueError(), ip="192.0.2.1"))


@pytest.mark.parametrize(
    ("error", "kind", "cause"),
    [
        (raised(ValueError("thirteen")), Raised, "ValueError: thirteen"),
        (raised(MemoryError("a pack of 9")), OutOfMemory, "MemoryError: a pack of 9"),
        (raised(torch.OutOfMemoryError("CUDA")), OutOfMemory, "OutOfMemoryError: CUDA"),
        (KILLED, OutOfMemory, "Task was killed due to the node running low on memory."),
        (ActorDiedError(), WorkerLost, "The actor died unexpectedly before finishing this task."),
        (ActorUnavailableError("RpcError: code 14", bytes(16)), WorkerLost, "The actor 000"),
        (UNBORN, Raised, "ValueError: thirteen"),
    ],
)
def test_each_error_has_its_kind_and_its_cause(error: Exception, kind: type[PackFailed], cause: str) -> None:
    found = pack_failure(3, error, started=True)
    assert type(found) is kind
    assert found.pack_id == 3
    assert found.cause.startswith(cause)
    assert "\n" not in found.cause
    assert found.details == str(error)
    # Before the worker trained, no trial is at fault.
    assert pack_failure(3, error, started=False) == NotStarted(3, found.cause, found.details)


def test_a_node_that_dies_while_its_workers_start_is_no_sign_that_workers_do_not_start() -> None:
    error = RayActorError(error_msg="The actor died because its node has died. Node Id: f00")
    assert type(pack_failure(3, error, started=False)) is NodeLost
    assert type(pack_failure(3, error, started=True)) is WorkerLost


def test_a_worker_that_died_while_it_had_no_pack_is_no_fault_of_the_next_one() -> None:
    for error in (ActorDiedError(), RayActorError(error_msg="The actor died because its node has died.")):
        assert type(pack_failure(3, error, started=False, reused=True)) is CutShort
        assert type(pack_failure(3, error, started=True, reused=True)) is WorkerLost
    # One that cannot be prepared for another pack.
    assert type(pack_failure(3, raised(ValueError("x")), started=False, reused=True)) is NotStarted


def test_a_killed_worker_can_be_pickled_as_tune_does() -> None:
    again = pickle.loads(pickle.dumps(KILLED))  # noqa: S301
    assert again.out_of_memory
    assert str(again) == str(KILLED)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("ray::PackWorker.train() (pid=1)\n  File x\nRuntimeError: no memory\n\n", "RuntimeError: no memory"),
        ("The actor died unexpectedly before finishing.\n\tclass_name: P\n", "The actor died"),
        ("ray::f()\ntorch.OutOfMemoryError: CUDA out of memory\nsee the manual\n", "torch.OutOfMemoryError: CUDA"),
        ("", ""),
    ],
)
def test_the_cause_is_one_line(text: str, cause: str) -> None:
    assert cause_of(text).startswith(cause)
    assert "\n" not in cause_of(text)


def test_a_ray_that_lacks_what_is_used_of_it_is_refused() -> None:
    controller.require_tune()
    with pytest.raises(SearchError, match=r"must have TuneController\.leap; found Ray"):
        controller.require_tune([(controller.TuneController, ("step", "leap"))])


def test_a_ray_whose_functions_take_other_arguments_is_refused() -> None:
    def placement_group(bundles: object) -> None: ...

    other = SimpleNamespace(__name__="ray.util", placement_group=placement_group)
    wanted = [(other, "placement_group", ("bundles", "bundle_label_selector"))]
    with pytest.raises(SearchError, match=r"must have ray\.util\.placement_group\(bundle_label_selector=\); found Ray"):
        controller.require_tune(parameters=wanted)
    with pytest.raises(SearchError, match=r"must have the node label ray\.io/node-id; found Ray"):
        controller.require_tune(label=None)
    # What a worker's reservation replaces is looked at, too.
    assert {name for _, names in controller._USED for name in names} > {"_annotate_remote_entity", "free_resources"}
