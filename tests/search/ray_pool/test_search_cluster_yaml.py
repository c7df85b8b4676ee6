"""cluster.yaml's own commands, on hosts of which one starts Ray and another joins: nobody gets in without the token."""

import re
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hosts import Host, hosts, needs_hosts
from search_processes import Processes

# Ray is started three times, and asked five times, which takes minutes on a machine with other things to do.
pytestmark = [pytest.mark.ray, pytest.mark.timeout(600), needs_hosts]

CLUSTER: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "cluster.yaml").read_text())

CLIENT = """
import sys, ray
try:
    ray.init(address=sys.argv[1], configure_logging=False, log_to_driver=False)
    print("let in:", sorted(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]))
except Exception as error:
    print("refused:", type(error).__name__)
"""


@pytest.fixture
def network() -> Iterator[list[Host]]:
    """The head, a worker node, and a host of a user."""
    with hosts(3) as found:
        yield found


@pytest.fixture
def env(commands: Processes) -> dict[str, str]:
    """What a node's shell has after the setup commands: the commands of the environment come first."""
    path = f"{Path(sys.executable).parent}:{commands.env['PATH']}"
    # A client that is refused asks once, not 20 times.
    return {**commands.env, "PATH": path, "RAY_NUM_REDIS_GET_RETRIES": "1"}


def perform(host: Host, stage: str, env: Mapping[str, str], *, options: str = "") -> None:
    """Run the commands of this key of cluster.yaml, the last with these options, without the autoscaler.

    Raises:
        RuntimeError: one failed; what it said.
    """
    *first, last = CLUSTER[stage]
    for command in (*first, last + options):
        done = host.shell(re.sub(r" --autoscaling-config=\S+", "", command), env)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)


def ask(host: Host, address: str, env: Mapping[str, str]) -> str:
    """What a client of Ray is told that connects from a host."""
    return host.shell(shlex.join([sys.executable, "-c", CLIENT, address]), env).stdout.strip()


def test_the_head_makes_a_token_and_nobody_gets_in_without_it(network: list[Host], env: dict[str, str]) -> None:
    head, worker, other = network
    with pytest.raises(RuntimeError, match="AuthenticationError"):
        perform(head, "head_start_ray_commands", env)

    perform(head, "head_setup_commands", env)
    [token] = [head.folder / Path(file).relative_to("~") for file in CLUSTER["cluster_synced_files"]]
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text()) == 64
    perform(head, "head_start_ray_commands", env)

    joining = {**env, "RAY_HEAD_IP": head.address}
    with pytest.raises(RuntimeError, match="AuthenticationError"):
        perform(worker, "worker_start_ray_commands", joining)
    give(token, worker)
    perform(worker, "worker_start_ray_commands", joining)

    # As docs/cluster.md says: a program needs a node of its own machine.
    give(token, other)
    perform(other, "worker_start_ray_commands", joining, options=" --num-cpus=0 --num-gpus=0")

    user = {**env, "RAY_AUTH_MODE": "token"}
    let_in = f"let in: {sorted([head.address, worker.address, other.address])}"
    assert ask(head, "auto", user) == let_in
    assert ask(other, f"{head.address}:6379", user) == let_in
    stranger = {**env, "RAY_AUTH_MODE": "disabled"}
    assert ask(head, f"{head.address}:6379", stranger) == "refused: ConnectionError"
    assert ask(other, f"{head.address}:6379", stranger) == "refused: ConnectionError"
    guess = {**user, "RAY_AUTH_TOKEN": "0" * 64}
    assert ask(other, f"{head.address}:6379", guess) == "refused: ConnectionError"


def test_a_token_that_the_head_has_is_kept_and_closed_to_others(network: list[Host], env: dict[str, str]) -> None:
    token = network[0].folder / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("f" * 64)
    token.chmod(0o644)
    perform(network[0], "head_setup_commands", env)
    assert token.read_text() == "f" * 64
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def give(token: Path, worker: Host) -> None:
    """Copy the token as Ray's launcher does, by `rsync -a`: with its mode."""
    place = worker.folder / ".ray"
    place.mkdir()
    shutil.copy2(token, place)
