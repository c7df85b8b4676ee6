"""What workers reserve of a cluster: one placement group each, on nodes that may be used."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

import ray
from ray.air.execution.resources import AcquiredResources, ResourceManager, ResourceRequest
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

# How often Ray is asked for groups that it has not made yet: just after they were asked for, and later.
_SOON_SECONDS, _LATER_SECONDS = 0.01, 0.1
# How long it is asked that often.
_EAGER_SECONDS = 0.5

# By which Ray knows a node in a placement group's label selector.
NODE_LABEL = "ray.io/node-id"

_table: Callable[[PlacementGroup], dict[str, Any]] = ray.util.placement_group_table
_remove: Callable[[PlacementGroup], None] = ray.util.remove_placement_group
_make: Callable[..., PlacementGroup] = ray.util.placement_group


class Fitness(Protocol):
    """Tells which nodes may be used."""

    @property
    def unfit(self) -> frozenset[str]:
        """The nodes (Ray's names) that may not."""

    def fits(self, node: str) -> bool | None:
        """Whether this one may; None: that is not known yet."""


@dataclasses.dataclass
class _Reserved(AcquiredResources):
    """A placement group for one worker."""

    group: PlacementGroup

    def _annotate_remote_entity(self, entity: Any, bundle: dict[str, float], bundle_index: int) -> Any:
        amounts = {name: amount for name, amount in bundle.items() if name not in ("CPU", "GPU")}
        return entity.options(
            scheduling_strategy=PlacementGroupSchedulingStrategy(self.group, bundle_index),
            num_cpus=bundle.get("CPU", 0),
            num_gpus=bundle.get("GPU", 0),
            resources=amounts,
        )


class Reservations(ResourceManager):
    """Reserves what Tune asks for.

    Other than Tune's own manager it waits with a worker until it is known whether its node may be used.

    Args:
        nodes: Tells which may be; None: all.
    """

    # Methods of Tune's that are replaced here.
    replaced = (
        "request_resources",
        "cancel_resource_request",
        "has_resources_ready",
        "acquire_resources",
        "free_resources",
        "update_state",
        "clear",
    )

    def __init__(self, nodes: Fitness | None = None) -> None:
        self._nodes = nodes
        self._asked: dict[ResourceRequest, list[PlacementGroup]] = defaultdict(list)
        self._ready: dict[ResourceRequest, list[PlacementGroup]] = defaultdict(list)
        self._acquired: list[PlacementGroup] = []
        self._eager_until = 0.0
        self._updated = 0.0

    def pause(self) -> float:
        """Seconds after which it is worth to look again."""
        return _SOON_SECONDS if time.monotonic() < self._eager_until else _LATER_SECONDS

    def request_resources(self, resource_request: ResourceRequest) -> None:
        """Ask Ray for a group."""
        self._asked[resource_request].append(self._group(resource_request))
        self._eager_until = time.monotonic() + _EAGER_SECONDS

    def cancel_resource_request(self, resource_request: ResourceRequest) -> None:
        """Give back a group that was asked for."""
        _remove((self._asked[resource_request] or self._ready[resource_request]).pop())

    def has_resources_ready(self, resource_request: ResourceRequest) -> bool:
        """Whether there is a group for such a worker."""
        if not self._ready[resource_request] and time.monotonic() > self._updated + self.pause():
            self.update_state()
        return bool(self._ready[resource_request])

    def acquire_resources(self, resource_request: ResourceRequest) -> AcquiredResources | None:
        """A group for such a worker, if there is one."""
        if not self.has_resources_ready(resource_request):
            return None
        group = self._ready[resource_request].pop(0)
        self._acquired.append(group)
        return _Reserved(resource_request, group)

    def free_resources(self, acquired_resource: Any) -> None:
        """Give a worker's group back."""
        self._acquired.remove(acquired_resource.group)
        _remove(acquired_resource.group)

    def update_state(self) -> None:
        """Find the groups that Ray has made, and replace those that lie on a node that may not be used."""
        self._updated = time.monotonic()
        for request, groups in self._asked.items():
            waiting = []
            for group in groups:
                fits = self._fits(group)
                if fits:
                    self._ready[request].append(group)
                elif fits is None:
                    waiting.append(group)
                else:
                    _remove(group)
                    waiting.append(self._group(request))
            self._asked[request] = waiting

    def clear(self) -> None:
        """Give all back."""
        for kept in (self._asked, self._ready):
            for groups in kept.values():
                self._acquired.extend(groups)
            kept.clear()
        if ray.is_initialized():
            for group in self._acquired:
                _remove(group)
        self._acquired = []

    def _group(self, request: ResourceRequest) -> PlacementGroup:
        unfit = sorted(self._nodes.unfit) if self._nodes else []
        others = [{NODE_LABEL: f"!in({','.join(unfit)})"} for _ in request.bundles] if unfit else None
        return _make(request.bundles, strategy=request.strategy, bundle_label_selector=others)

    def _fits(self, group: PlacementGroup) -> bool | None:
        """Whether the group was made on a node that may be used; None: it was not made, or that is not known."""
        found = _table(group)
        if found.get("state") != "CREATED":
            return None
        if self._nodes is None:
            return True
        known = [self._nodes.fits(node) for node in found["bundles_to_node_id"].values()]
        return False if False in known else None if None in known else True
