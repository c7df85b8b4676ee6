"""The files of deploy/, checked as far as that can be done without AWS, Kubernetes and Slurm."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from search_processes import wait_for

from fcsearch import __version__

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's autoscaler warns of its own dependencies

# The fields of KubeRay 1.6's RayJob, RayClusterSpec and groups that the manifest uses, and of pods.
_FIELDS = {
    "spec": {"entrypoint", "backoffLimit", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "rayClusterSpec"},
    "cluster": {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"},
    "head": {"serviceType", "rayStartParams", "template"},
    "worker": {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"},
    "pod": {"containers", "volumes"},
    "container": {"name", "image", "envFrom", "resources", "volumeMounts"},
}


def test_ray_s_launcher_takes_the_file_for_aws() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(yaml.safe_load((DEPLOY / "aws.yaml").read_text()))
    validate_config(config)
    types = config["available_node_types"]
    assert types["gpu"]["min_workers"] == 0
    assert types["gpu"]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert config["provider"]["cache_stopped_nodes"] is False
    # What is mounted is there, or is built by `make dist`.
    assert {place for place in config["file_mounts"].values() if not (ROOT / place).exists()} <= {"dist"}


def test_ray_s_preparation_of_the_file_for_aws_goes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moto = pytest.importorskip("moto", reason="needs moto, for a simulated AWS", exc_type=ImportError)
    import boto3
    from ray.autoscaler._private.aws import config as aws
    from ray.autoscaler._private.util import prepare_config

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    # Ray makes a key, and waits for AWS.
    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(aws.time, "sleep", lambda seconds: None)  # noqa: ARG005
    monkeypatch.chdir(ROOT)
    with moto.mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        config = aws.bootstrap_aws(prepare_config(yaml.safe_load((DEPLOY / "aws.yaml").read_text())))
        nodes = [kind["node_config"] for kind in config["available_node_types"].values()]
        groups = {group for node in nodes for group in node["SecurityGroupIds"]}
        ec2 = boto3.client("ec2", region_name=config["provider"]["region"])
        rules = [
            rule
            for group in ec2.describe_security_groups(GroupIds=[*groups])["SecurityGroups"]
            for rule in group["IpPermissions"]
        ]
    assert len({node["ImageId"] for node in nodes}) == 1
    # From outside ssh alone.
    assert [(rule["FromPort"], rule["ToPort"]) for rule in rules if rule["IpRanges"]] == [(22, 22)]
    assert [key.name for key in (tmp_path / ".ssh").iterdir()] == ["ray-autoscaler_us-west-2.pem"]


def test_every_start_of_ray_demands_the_token() -> None:
    config = yaml.safe_load((DEPLOY / "aws.yaml").read_text())
    starts = [
        command
        for stage in ("head_start_ray_commands", "worker_start_ray_commands")
        for command in config[stage]
        if "ray start" in command
    ]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token ray start" in re.sub(r"RAY_enable\S+ ", "", command) for command in starts)
    own = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    for stage in (
        "head_setup_commands",
        "head_start_ray_commands",
        "worker_start_ray_commands",
        "cluster_synced_files",
    ):
        assert config[stage] == own[stage]


def test_the_manifest_for_kuberay_has_fields_that_kuberay_knows_and_no_secret() -> None:
    text = (DEPLOY / "kuberay.yaml").read_text()
    job: dict[str, Any] = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    workers = cluster["workerGroupSpecs"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *workers)]
    containers = [container for pod in pods for container in pod["containers"]]
    found = [("spec", job["spec"]), ("cluster", cluster), ("head", cluster["headGroupSpec"])]
    found += [("worker", worker) for worker in workers]
    found += [("pod", pod) for pod in pods] + [("container", container) for container in containers]
    assert [(kind, key) for kind, value in found for key in value if key not in _FIELDS[kind]] == []
    # Ray's parameters are texts.
    assert all(isinstance(value, str) for value in cluster["headGroupSpec"]["rayStartParams"].values())
    assert cluster["authOptions"] == {"mode": "token"}
    assert "RAY_AUTH_TOKEN" not in text
    assert cluster["rayVersion"] == PINS["ray"]
    assert {container["image"] for container in containers} == {f"REGISTRY/fcsearch:{__version__}"}
    assert f"ray:{PINS['ray']}-py311" in (DEPLOY / "Dockerfile").read_text()
    volumes = {volume["name"] for pod in pods for volume in pod.get("volumes", [])}
    assert {mount["name"] for container in containers for mount in container.get("volumeMounts", [])} <= volumes


SRUN = """#!/bin/bash
echo "srun $* with $SRUN_CPUS_PER_TASK cores" >> "$CALLS"
while [[ ${1-} == -* ]]; do shift; done
exec "$@"
"""
RAY = """#!{python}
import os, re, socket, sys, time
with open(os.environ["CALLS"], "a") as calls:
    calls.write(f"token of {{len(os.environ['RAY_AUTH_TOKEN'])}} signs, {{os.environ['RAY_AUTH_MODE']}}\\n")
if os.environ.get("BROKEN"):
    sys.exit("no port")
if "--head" in sys.argv:
    port = int(re.search(r"--port=(\\d+)", " ".join(sys.argv))[1])
    listening = socket.create_server(("127.0.0.1", port))
time.sleep(600)
"""
FCSEARCH = """#!/bin/bash
until [ "$(grep -c '^token' "$CALLS")" -eq 2 ]; do sleep 0.05; done
echo "fcsearch $*" >> "$CALLS"
[ -z "${ENDLESS-}" ] || { trap 'kill $!; exit 143' TERM; sleep 600 & wait; }
exit 3
"""


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """The surroundings of a job of two nodes, both of which are this machine."""
    programs = {
        "srun": SRUN,
        "ray": RAY.format(python=sys.executable),
        "fcsearch": FCSEARCH,
        "scontrol": "#!/bin/bash\nprintf 'one\\ntwo\\n'\n",
        "hostname": "#!/bin/bash\necho 127.0.0.1 10.0.0.1\n",
        "python": f'#!/bin/bash\nexec {sys.executable} "$@"\n',
    }
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    job = {
        "SLURM_JOB_NODELIST": "[one,two]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_CPUS_PER_TASK": "16",
    }
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    return {**os.environ, **job, "PATH": path, "CALLS": str(tmp_path / "calls")}


def submit(env: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["bash", str(DEPLOY / "slurm.sh"), *arguments], env=env)


def test_the_slurm_script_starts_a_cluster_with_a_token_and_ends_it(slurm: dict[str, str]) -> None:
    assert submit(slurm, "run", "--space", "my space.yaml").wait(60) == 3
    calls = Path(slurm["CALLS"]).read_text()
    port = 20000 + int(slurm["SLURM_JOB_ID"]) % 10000
    assert f"fcsearch run --space my space.yaml --address 127.0.0.1:{port}\n" in calls
    assert "--nodelist=one ray start --head --block --node-ip-address=127.0.0.1" in calls
    assert f"--exclude=one ray start --block --address=127.0.0.1:{port}" in calls
    assert calls.count("token of 64 signs, token") == 2
    assert calls.count("--num-cpus=16 with 16 cores\n") == 2


def test_a_slurm_job_whose_ray_does_not_start_ends(slurm: dict[str, str]) -> None:
    assert submit({**slurm, "BROKEN": "1"}, "run").wait(60) == 1
    assert "fcsearch run" not in Path(slurm["CALLS"]).read_text()


def test_the_search_of_a_slurm_job_ends_cleanly_when_its_time_is_up(slurm: dict[str, str]) -> None:
    job = submit({**slurm, "ENDLESS": "1"}, "run")
    calls = Path(slurm["CALLS"])
    wait_for(lambda: calls.exists() and "\nfcsearch run" in calls.read_text())
    job.send_signal(signal.SIGTERM)
    assert job.wait(60) == 143
