"""A search on a Ray cluster of two nodes: hosts in network namespaces of this machine."""

import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import Host, hosts, needs_hosts
from search_helpers import make_space
from search_processes import Processes, wait_for

from fcsearch.results import open_run

pytestmark = [pytest.mark.ray, needs_hosts]

PORT = 6400


@pytest.fixture
def cluster(commands: Processes) -> Iterator[list[Host]]:
    """A head with two CPUs and two GPUs (in Ray's books), a node with one of each."""
    commands.env["RAY_AUTH_MODE"] = "disabled"
    with hosts(2) as (head, other):
        head.start_ray(
            commands.env, "--head", f"--port={PORT}", "--num-cpus=2", "--num-gpus=2", "--include-dashboard=false"
        )
        other.start_ray(commands.env, f"--address={head.address}:{PORT}", "--num-cpus=1", "--num-gpus=1")
        yield [head, other]
        commands.end()


def test_both_nodes_train_packs_and_each_worker_has_a_gpu_of_its_own(
    cluster: list[Host], commands: Processes, tmp_path: Path
) -> None:
    # Each pack has a trial that is over at once, and one that ends with the search: when all workers train.
    parameters = {
        "learning_rate": {"choices": [0.1, 0.2, 0.3]},
        "epochs": {"choices": [1, 1_000_000]},
        "hidden_dim": 16,
    }
    make_space(
        tmp_path, sampler="grid", trials=6, parameters=parameters, dataset={"source": "digits", "num_train": 600}
    )
    head, other = cluster
    commands.env = head.environment(commands.env)
    options = ("--space", "space.yaml", "--address", f"{head.address}:{PORT}", "--pack-size", "2")
    driver = commands.start("run", *options, prefix=head.inside("env", f"--chdir={tmp_path}"))
    log = tmp_path / "runs" / "small" / "log.txt"
    wait_for(lambda: log.exists() and log.read_text().count(" trains on ") == 3, seconds=120)
    # nsenter stays its parent, and would die of the signal itself.
    os.kill(int(Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()[0]), signal.SIGINT)
    assert driver.wait(timeout=40) == 130, commands.err

    run = open_run(tmp_path / "runs" / "small")
    rows = [row for row in run.trials.to_pylist() if row["state"] == "complete"]
    assert run.manifest.workers == 3
    assert [row["epochs"] for row in rows] == [1, 1, 1]
    machines = {f"machine {number}": name for number, name in enumerate(run.manifest.machines, 1)}
    nodes = [re.sub(r".*\((.*)\)", r"\1", machines[row["node"]]) for row in rows]
    assert sorted(nodes) == [head.address, head.address, other.address]
    assert {row["device"] for row in rows} == {"cpu"}
    # torch has no GPU here, and each worker says so, of the GPU that Ray gave it.
    given = re.findall(r"\((10\.[\d.]+)\): .*gave this worker GPU (\d) \(CUDA_VISIBLE_DEVICES=(\d)\)", log.read_text())
    assert sorted(given) == [(head.address, "0", "0"), (head.address, "1", "1"), (other.address, "0", "0")]
    assert commands.err.count("torch cannot use a GPU on") == 2

    # A cluster that others use is left as it was found: no actor, no reservation.
    wait_for(lambda: "0.0/3.0 GPU" in ray_status(head, commands), seconds=30)
    assert "0.0/3.0 CPU" in ray_status(head, commands)
    assert not [text for text in commands.alive().values() if "ray::" in text and "train" in text]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "part"),
    [
        ("raylet", r"its (driver died, as it does with its raylet|raylet died \(.*\))"),
        ("gcs_server", r"its head \(GCS\) died"),
    ],
)
def test_a_part_of_the_cluster_that_dies_is_named_in_time(
    program: str, part: str, cluster: list[Host], commands: Processes, tmp_path: Path
) -> None:
    make_space(tmp_path, trials=4, parameters={"learning_rate": 0.1, "epochs": 1_000_000}, dataset={"source": "digits"})
    head = cluster[0]
    commands.env = head.environment(commands.env)
    options = ("--space", "space.yaml", "--address", f"{head.address}:{PORT}")
    driver = commands.start("run", *options, prefix=head.inside("env", f"--chdir={tmp_path}"))
    log = tmp_path / "runs" / "small" / "log.txt"
    wait_for(lambda: log.exists() and " trains on " in log.read_text(), seconds=120)
    found = [number for number, text in commands.alive().items() if text.split(" ")[0].endswith(f"/{program}")]
    # The head's comes first.
    os.kill(min(found), signal.SIGKILL)
    assert driver.wait(timeout=40) == 1
    assert re.search(rf"{part} on the cluster at {head.address}:{PORT}", commands.err)
    assert "continue with `fcsearch resume runs/small`" in commands.err
    assert "Traceback" not in commands.err
    assert open_run(tmp_path / "runs" / "small").directory.state() == "failed"


def ray_status(head: Host, commands: Processes) -> str:
    """What the cluster says of its resources; it is told of changes every few seconds."""
    words = [str(Path(sys.executable).with_name("ray")), "status", f"--address={head.address}:{PORT}"]
    return head.shell(shlex.join(words), commands.env).stdout
