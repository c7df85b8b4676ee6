"""Asks the autoscaler of a Ray cluster for this many GPUs, and waits for the first; 0 gives all of them back.

A search uses the GPUs that are there when it starts, and those that join later.
"""

from __future__ import annotations

import sys
import time

import ray
from ray.autoscaler.sdk import request_resources


def main(wanted: int) -> None:
    """Ask, and wait."""
    ray.init(address="auto", log_to_driver=False)
    request_resources(bundles=[{"GPU": 1, "CPU": 1}] * wanted)
    while wanted and not ray.cluster_resources().get("GPU"):
        time.sleep(2)
    print(f"asked for {wanted} GPUs; {ray.cluster_resources().get('GPU', 0):g} are there")


if __name__ == "__main__":
    main(int(sys.argv[1]))
