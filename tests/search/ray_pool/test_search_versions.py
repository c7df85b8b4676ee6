"""Nodes whose versions are not those of the search."""

from __future__ import annotations

import os
import platform
import re
import shlex
import sys
from pathlib import Path

import pytest
import ray
from hosts import Host, hosts, needs_hosts
from search_helpers import make_space
from search_processes import Processes

from fcsearch import __version__
from fcsearch.search.ray_pool.versions import Versions

pytestmark = pytest.mark.ray

PORT = 6400


@pytest.mark.usefixtures("local_ray")
def test_a_node_with_the_versions_of_the_search_is_nothing_to_speak_of() -> None:
    versions = Versions()
    versions.ask()
    assert versions.other(60) is None
    # Each node is asked once.
    versions.ask()
    assert versions._asked == {}


@pytest.mark.usefixtures("local_ray")
@pytest.mark.parametrize(
    "expected",
    [
        ("0.0.1", platform.python_version(), ray.__version__),
        (__version__, "3.9.1", ray.__version__),
        (__version__, platform.python_version(), "2.0.0"),
    ],
    ids=["fcsearch", "python", "ray"],
)
def test_a_node_with_another_version_is_named_with_what_was_found_and_what_must_be(
    expected: tuple[str, str, str],
) -> None:
    versions = Versions(expected)
    versions.ask()
    other = versions.other(60)
    assert other is not None
    [node] = ray.nodes()
    here = f"fcsearch {__version__}, Python {platform.python_version()} and Ray {ray.__version__}"
    there = f"fcsearch {expected[0]}, Python {expected[1]} and Ray {expected[2]}"
    assert str(other).startswith(
        f"every node must have the versions of this machine, {there}; found {here} on "
        f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']}); install the same there"
    )


def start_ray(host: Host, env: dict[str, str], *options: str) -> None:
    ray_command = str(Path(sys.executable).with_name("ray"))
    words = [ray_command, "start", "--disable-usage-stats", f"--node-ip-address={host.address}", *options]
    done = host.shell(shlex.join(words), env)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_hosts
def test_a_search_on_a_cluster_with_such_a_node_ends_before_it_trains(commands: Processes, tmp_path: Path) -> None:
    other_version = tmp_path / "other" / "fcsearch"
    other_version.mkdir(parents=True)
    (other_version / "__init__.py").write_text('__version__ = "0.0.1"\n')
    make_space(tmp_path, trials=2, dataset={"source": "digits", "num_train": 200})
    commands.env["RAY_AUTH_MODE"] = "disabled"
    with hosts(2) as (head, other):
        start_ray(head, commands.env, "--head", f"--port={PORT}", "--num-cpus=1", "--include-dashboard=false")
        path = os.pathsep.join([str(other_version.parent), commands.env.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        start_ray(other, {**commands.env, "PYTHONPATH": path}, f"--address={head.address}:{PORT}", "--num-cpus=1")
        commands.env = head.environment(commands.env)
        options = ("--space", "space.yaml", "--address", f"{head.address}:{PORT}")
        code = commands.run("run", *options, prefix=head.inside("env", f"--chdir={tmp_path}"), timeout=150)
        said = commands.err
        commands.end()
    assert code == 2, said
    assert re.search(rf"found fcsearch 0\.0\.1, Python .* on .*\({re.escape(other.address)}\); install the same", said)
    assert "Traceback" not in said
    assert not (tmp_path / "runs").exists()
