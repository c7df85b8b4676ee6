"""Nodes whose versions are not those of the search."""

import os
import platform
import re
from pathlib import Path

import pytest
import ray
from hosts import hosts, needs_hosts
from hygiene import wait_until
from ray.air.execution.resources import ResourceRequest
from ray.exceptions import WorkerCrashedError
from search_helpers import make_space
from search_processes import Processes

from fcsearch import __version__
from fcsearch.results import open_run
from fcsearch.search.ray_pool.reservations import Reservations
from fcsearch.search.ray_pool.versions import Versions

pytestmark = pytest.mark.ray

PORT = 6400
PYTHON = platform.python_version()


@pytest.mark.usefixtures("local_ray")
def test_a_node_with_the_versions_of_the_search_is_used() -> None:
    [node] = ray.nodes()
    versions = Versions()
    versions.ask()
    assert versions.fits(node["NodeID"]) is None
    assert versions.silent == {node["NodeID"]}
    assert versions.others(60) == []
    assert versions.fits(node["NodeID"]) is True
    assert versions.unfit == versions.silent == frozenset()
    # Each node is asked once.
    versions.ask()
    assert versions.silent == frozenset()


@pytest.mark.usefixtures("local_ray")
@pytest.mark.parametrize(
    ("expected", "has", "must"),
    [
        (("0.0.1", PYTHON, ray.__version__), f"fcsearch {__version__}", "fcsearch 0.0.1"),
        ((__version__, "3.9.1", ray.__version__), f"Python {PYTHON}", "Python 3.9.1"),
        (
            (__version__, "3.9.1", "2.0.0"),
            f"Python {PYTHON} and Ray {ray.__version__}",
            "Python 3.9.1 and Ray 2.0.0",
        ),
    ],
    ids=["fcsearch", "python", "ray"],
)
def test_a_node_with_other_versions_is_named_with_those_that_differ_and_not_used(
    expected: tuple[str, str, str], has: str, must: str
) -> None:
    versions = Versions(expected)
    versions.ask()
    [other] = versions.others(60)
    [node] = ray.nodes()
    assert str(other).startswith(
        f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']}) has {has}, this machine {must}: it is not "
        "used; install the same there"
    )
    assert versions.fits(node["NodeID"]) is False
    assert versions.unfit == {node["NodeID"]}
    # Named once.
    versions.ask()
    assert versions.others(0) == []


@pytest.mark.usefixtures("local_ray")
def test_a_node_where_the_question_keeps_failing_is_named_and_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise WorkerCrashedError

    [node], versions = ray.nodes(), Versions()
    name = node["NodeID"]
    monkeypatch.setattr("fcsearch.search.ray_pool.versions.ray.get", fail)
    for _ in range(2):
        versions.ask()
        assert versions.others(60) == []
        # Neither good nor bad: capacity does not change from one question to the next.
        assert (versions.silent, versions.unfit) == ({name}, set())
    versions.ask()
    [other] = versions.others(60)
    assert "has versions that it cannot tell (The worker died unexpectedly" in str(other)
    assert (versions.silent, versions.unfit) == (set(), {name})
    versions.ask()
    assert versions.silent == set()


class Fitness:
    """What a test knows of the nodes."""

    def __init__(self) -> None:
        self.answer: bool | None = None
        self.unfit: frozenset[str] = frozenset()

    def fits(self, node: str) -> bool | None:  # noqa: ARG002
        return self.answer


@pytest.mark.usefixtures("local_ray")
def test_a_worker_waits_until_its_node_is_known_and_starts_on_no_other() -> None:
    class Worker:
        def node(self) -> str:
            return str(ray.get_runtime_context().get_node_id())

    nodes, request = Fitness(), ResourceRequest([{"CPU": 1}])
    [node] = ray.nodes()
    reserved = Reservations(nodes)
    reserved.request_resources(request)
    [group] = reserved._asked[request]
    assert wait_until(lambda: ray.util.placement_group_table(group)["state"] == "CREATED", seconds=60)
    reserved.update_state()
    assert not reserved.has_resources_ready(request)
    # It is a node with other versions: the reservation is made anew, and no node is left for it.
    nodes.answer, nodes.unfit = False, frozenset([node["NodeID"]])
    reserved.update_state()
    [another] = reserved._asked[request]
    assert another != group
    nodes.answer = True
    reserved.update_state()
    assert not reserved.has_resources_ready(request)
    reserved.clear()
    # Another search, which finds the node good.
    nodes.unfit = frozenset()
    reserved.request_resources(request)
    assert wait_until(lambda: reserved.has_resources_ready(request), seconds=60)
    acquired = reserved.acquire_resources(request)
    [actor] = acquired.annotate_remote_entities([ray.remote(Worker)])
    assert ray.get(actor.remote().node.remote()) == node["NodeID"]
    reserved.free_resources(acquired)
    assert reserved.acquire_resources(request) is None


@needs_hosts
@pytest.mark.parametrize(
    "cpus", [pytest.param(0, id="alone"), pytest.param(1, id="beside another", marks=pytest.mark.slow)]
)
def test_a_search_does_without_such_a_node_and_is_refused_if_there_is_no_other(
    cpus: int, commands: Processes, tmp_path: Path
) -> None:
    other_version = tmp_path / "other" / "fcsearch"
    other_version.mkdir(parents=True)
    (other_version / "__init__.py").write_text('__version__ = "0.0.1"\n')
    make_space(tmp_path, trials=2, dataset={"source": "digits", "num_train": 200})
    commands.env["RAY_AUTH_MODE"] = "disabled"
    with hosts(2) as (head, other):
        head.start_ray(commands.env, "--head", f"--port={PORT}", f"--num-cpus={cpus}", "--include-dashboard=false")
        path = os.pathsep.join([str(other_version.parent), commands.env.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        other.start_ray({**commands.env, "PYTHONPATH": path}, f"--address={head.address}:{PORT}", "--num-cpus=1")
        commands.env = head.environment(commands.env)
        options = ("--space", "space.yaml", "--address", f"{head.address}:{PORT}")
        code = commands.run("run", *options, prefix=head.inside("env", f"--chdir={tmp_path}"), timeout=150)
        said = commands.err
        commands.end()
    named = rf"node .* \({re.escape(other.address)}\) has fcsearch 0\.0\.1, this machine fcsearch .*: it is not used"
    assert re.search(named, said), said
    assert "Traceback" not in said
    run = tmp_path / "runs" / "small"
    if cpus:
        assert code == 0, said
        assert re.search(named, (run / "log.txt").read_text())
        (machine,) = open_run(run).manifest.machines
        assert head.address in machine
    else:
        assert code == 2, said
        assert not run.exists()
