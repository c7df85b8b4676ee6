"""Finds the nodes of a cluster with other versions than this process: workers there would fail in obscure ways.

Ray itself compares its version and Python's when a node joins and when a search connects; it does not know fcsearch's.
"""

from __future__ import annotations

import dataclasses
import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

import ray
from ray import cloudpickle
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from fcsearch import __version__
from fcsearch.search.ray_pool.causes import cause_of

# A node that has not answered by then is not waited for: it is used when its answer has come.
PATIENCE_SECONDS = 10.0
# How often a living node is asked that cannot run the question.
_ATTEMPTS = 3


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
        found: Its versions that differ, in words.
        expected: The versions that these must be.
    """

    node: str
    found: str
    expected: str

    def __str__(self) -> str:
        return (
            f"node {self.node} has {self.found}, this machine {self.expected}: it is not used; install the same there "
            "(`make dist` builds the wheel), restart Ray there"
        )


class Versions:
    """Asks each node with CPUs for its versions, once; again where the question fails, up to three times.

    Args:
        expected: The versions that they must have: of fcsearch, Python and Ray.
    """

    def __init__(self, expected: tuple[str, str, str] | None = None) -> None:
        self._expected = expected or (__version__, platform.python_version(), ray.__version__)
        # Whether a node has them; None: it was asked.
        self._nodes: dict[str, bool | None] = {}
        self._asked: dict[Any, tuple[str, str]] = {}
        self._failures: Counter[str] = Counter()

    @property
    def unfit(self) -> frozenset[str]:
        """The nodes with other versions, or where the question fails."""
        return frozenset(node for node, fits in self._nodes.items() if fits is False)

    @property
    def silent(self) -> frozenset[str]:
        """The nodes that have not answered yet."""
        again = self._failures.keys() - self._nodes.keys()
        return frozenset(again | {name for name, _ in self._asked.values()})

    def fits(self, node: str) -> bool | None:
        """Whether a node has the versions; None: that is not known yet."""
        return self._nodes.get(node)

    def ask(self) -> None:
        """Ask the nodes that have not been asked yet, and those that are to be asked again."""
        # By value: a node without fcsearch could not import it.
        module, pickled = sys.modules[__name__], cast(Any, cloudpickle)
        pickled.register_pickle_by_value(module)
        try:
            probe = ray.remote(num_cpus=0, max_retries=0)(_versions)
            list_nodes: Callable[[], list[dict[str, Any]]] = ray.nodes
            for node in list_nodes():
                name = node["NodeID"]
                if node["Alive"] and node["Resources"].get("CPU") and name not in self._nodes:
                    self._nodes[name] = None
                    where = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
                    place = NodeAffinitySchedulingStrategy(name, soft=False)
                    self._asked[probe.options(scheduling_strategy=place).remote()] = name, where
        finally:
            pickled.unregister_pickle_by_value(module)

    def others(self, timeout: float) -> list[OtherVersions]:
        """The nodes with other versions, among those whose answer has come since the last call.

        Args:
            timeout: Seconds to wait for missing answers.
        """
        if not self._asked:
            return []
        answered, _ = ray.wait(list(self._asked), num_returns=len(self._asked), timeout=timeout)
        return [other for answer in answered if (other := self._check(answer, *self._asked.pop(answer)))]

    def _check(self, answer: Any, name: str, where: str) -> OtherVersions | None:
        try:
            found: tuple[str, str, str] = ray.get(answer)
        except RayTaskError as error:
            return self._speechless(name, where, str(error.cause or error).splitlines()[0])
        except RayError as error:
            self._failures[name] += 1
            if self._failures[name] >= _ATTEMPTS:
                return self._speechless(name, where, cause_of(str(error)) or type(error).__name__)
            # It is gone again, or will be asked again.
            del self._nodes[name]
            return None
        self._nodes[name] = found == self._expected
        if self._nodes[name]:
            return None
        differ = [number for number in range(3) if found[number] != self._expected[number]]
        return OtherVersions(where, self._words(found, differ), self._words(self._expected, differ))

    def _speechless(self, name: str, where: str, cause: str) -> OtherVersions:
        self._nodes[name] = False
        return OtherVersions(where, f"versions that it cannot tell ({cause})", self._words(self._expected))

    @staticmethod
    def _words(versions: tuple[str, str, str], which: Sequence[int] = (0, 1, 2)) -> str:
        fcsearch, python, ray_version = versions
        named = "no fcsearch" if fcsearch == "none" else f"fcsearch {fcsearch}"
        words = (named, f"Python {python}", f"Ray {ray_version}")
        return " and ".join(words[number] for number in which)
