"""Opens the pool of a search, with processes started ahead: they import their libraries while this one does."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from fcsearch.search.options import PoolName

if TYPE_CHECKING:
    from fcsearch.data import Dataset
    from fcsearch.search.local_pool.starter import Starter
    from fcsearch.search.planning.plan import SearchPlan
    from fcsearch.search.pool.interface import Pool
    from fcsearch.search.ray_pool.process import Driver


class Pools:
    """The pools of one search, by the kind that its options name.

    What is started ahead serves the first pool that is opened; `close` ends it if none is. To import this module and to
    start ahead takes no library.
    """

    def __init__(self) -> None:
        self._driver: Driver | None = None
        self._starter: Starter | None = None

    def start(self, pool: PoolName) -> None:
        """Start the process of such a pool that has most to import."""
        if pool == "ray" and self._driver is None:
            from fcsearch.search.ray_pool.process import Driver

            self._driver = Driver()
        elif pool == "local" and self._starter is None:
            from fcsearch.search.local_pool.starter import Starter

            self._starter = Starter()

    def begin(self, plan: SearchPlan) -> None:
        """Start what needs no dataset, so that it may be loaded meanwhile.

        Raises:
            UsageError: there is no folder for Ray's files.
        """
        if plan.options.pool != "ray":
            self.start(plan.options.pool)
            return
        from fcsearch.search.planning.placement import local_node
        from fcsearch.search.ray_pool.guard import is_connected

        if not is_connected():
            self.start("ray")
            assert self._driver is not None
            self._driver.begin(plan.options.address, local_node())

    def open(self, plan: SearchPlan, dataset: Dataset) -> AbstractContextManager[Pool]:
        """Open the pool that the plan's options name; errors as that pool's."""
        # Imported when a search needs it: what Ray says then goes to the run's log, and the others do without Ray.
        if plan.options.pool == "ray":
            from fcsearch.search.ray_pool.guard import open_guarded_pool

            driver, self._driver = self._driver, None
            return open_guarded_pool(plan, dataset, driver)
        if plan.options.pool == "local":
            from fcsearch.search.local_pool.processes import open_process_pool

            starter, self._starter = self._starter, None
            return open_process_pool(plan, dataset, starter)
        from fcsearch.search.local_pool.inline import open_inline_pool

        return open_inline_pool(plan, dataset)

    def close(self) -> None:
        """End what was started and serves no pool."""
        if self._driver is not None:
            self._driver.end()
            self._driver = None
        if self._starter is not None:
            self._starter.close()
            self._starter = None
