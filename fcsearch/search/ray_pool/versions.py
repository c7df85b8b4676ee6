"""Checks that the nodes of a cluster have the same versions as this process: others would fail in obscure ways.

Ray itself compares its version and Python's when a node joins and when a search connects; it does not know fcsearch's.
"""

from __future__ import annotations

import dataclasses
import platform
import sys
from collections.abc import Callable
from typing import Any, cast

import ray
from ray import cloudpickle
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from fcsearch import __version__

# A node that has not answered by then is not waited for; its answer is checked when it comes.
PATIENCE_SECONDS = 10.0


def _versions() -> tuple[str, str, str]:
    """The versions of fcsearch (`none`: not installed), Python and Ray in the calling process."""
    import platform

    import ray

    try:
        from fcsearch import __version__
    except ImportError:
        return "none", platform.python_version(), ray.__version__
    return __version__, platform.python_version(), ray.__version__


@dataclasses.dataclass(frozen=True)
class OtherVersions:
    """A node with other versions.

    Attributes:
        node: Its name and address.
        found: Its versions, in words.
        expected: The versions that it must have.
    """

    node: str
    found: str
    expected: str

    def __str__(self) -> str:
        return (
            f"every node must have the versions of this machine, {self.expected}; found {self.found} on {self.node}; "
            "install the same there (`make dist` builds the wheel), restart Ray there"
        )


class Versions:
    """Asks each node for its versions, once.

    Args:
        expected: The versions that they must have: of fcsearch, Python and Ray.
    """

    def __init__(self, expected: tuple[str, str, str] | None = None) -> None:
        self._expected = expected or (__version__, platform.python_version(), ray.__version__)
        self._nodes: set[str] = set()
        self._asked: dict[Any, str] = {}

    def ask(self) -> None:
        """Ask the nodes that have not been asked yet."""
        # By value: a node without fcsearch could not import it.
        module, pickled = sys.modules[__name__], cast(Any, cloudpickle)
        pickled.register_pickle_by_value(module)
        try:
            probe = ray.remote(num_cpus=0, max_retries=0)(_versions)
            list_nodes: Callable[[], list[dict[str, Any]]] = ray.nodes
            for node in list_nodes():
                name = node["NodeID"]
                if node["Alive"] and name not in self._nodes:
                    self._nodes.add(name)
                    place = NodeAffinitySchedulingStrategy(name, soft=False)
                    where = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
                    self._asked[probe.options(scheduling_strategy=place).remote()] = where
        finally:
            pickled.unregister_pickle_by_value(module)

    def other(self, timeout: float) -> OtherVersions | None:
        """A node with other versions, among those whose answer has come and was not checked yet; None if there is none.

        Args:
            timeout: Seconds to wait for missing answers.
        """
        if not self._asked:
            return None
        answered, _ = ray.wait(list(self._asked), num_returns=len(self._asked), timeout=timeout)
        for answer in answered:
            node = self._asked.pop(answer)
            if found := self._differs(answer):
                return OtherVersions(node, found, self._words(self._expected))
        return None

    def _differs(self, answer: Any) -> str | None:
        try:
            found: tuple[str, str, str] = ray.get(answer)
        except RayTaskError as error:
            return f"a node that cannot report its versions ({str(error.cause or error).splitlines()[0]})"
        except RayError:
            # It is gone again.
            return None
        return None if found == self._expected else self._words(found)

    @staticmethod
    def _words(versions: tuple[str, str, str]) -> str:
        fcsearch, python, ray_version = versions
        named = "no fcsearch" if fcsearch == "none" else f"fcsearch {fcsearch}"
        return f"{named}, Python {python} and Ray {ray_version}"
