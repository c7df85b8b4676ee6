"""What is left of a session is ended, and nothing else."""

import subprocess
import sys
import time

import pytest

from fcsearch.search.ray_pool.leftovers import end_session


def gone(process: "subprocess.Popen[str]", seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists its processes as files")
def test_what_a_session_s_leader_left_behind_is_ended() -> None:
    bystander = subprocess.Popen(["sleep", "60"], text=True)
    leader = subprocess.Popen(
        ["bash", "-c", "sleep 60 & sleep 61 & echo $!"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        left = int(leader.stdout.readline())
        assert leader.wait(10) == 0
        assert subprocess.run(["kill", "-0", str(left)], check=False).returncode == 0
        end_session(leader.pid, but=left)
        assert subprocess.run(["kill", "-0", str(left)], check=False).returncode == 0
        end_session(leader.pid)
        leader.stdout.close()
        deadline = time.monotonic() + 10
        while subprocess.run(["kill", "-0", str(left)], check=False, capture_output=True).returncode == 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert not gone(bystander, 0.2)
    finally:
        bystander.kill()
        bystander.wait()
