"""Ray for the tests that search in this process, and processes for those that search in others."""

import warnings
from collections.abc import Iterator

import pytest
from search_processes import commands

__all__ = ["commands", "local_ray"]


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """A Ray of two CPUs, started once: searches in this process use it."""
    import ray

    from fcsearch.search.ray_pool.local_ray import private_ray
    from fcsearch.search.ray_pool.session_folder import ray_folder

    with private_ray(), ray_folder() as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {"num_cpus": 2, "num_gpus": 0, "include_dashboard": False, "log_to_driver": False}
            ray.init(address="local", _temp_dir=str(folder), **options)
        try:
            yield
        finally:
            ray.shutdown()
