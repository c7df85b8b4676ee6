"""Opens the pool of a search, with processes started ahead: they import their libraries while this one does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from fcsearch.search.options import PoolName, SearchOptions

if TYPE_CHECKING:
    from fcsearch.data import Dataset
    from fcsearch.search.local_pool.fork_client import ForkClient
    from fcsearch.search.planning.plan import SearchPlan
    from fcsearch.search.pool.interface import OpenPool, Pool
    from fcsearch.search.ray_pool.process import Driver


class Pools:
    """The pools of one search, by the kind that its options name.

    One process drives Ray, or forks workers, for all of them; `close` ends it. To import this module and to start ahead
    takes no library.
    """

    def __init__(self) -> None:
        self._driver: Driver | None = None
        self._fork_client: ForkClient | None = None

    def start(self, pool: PoolName, *, local: bool = True) -> None:
        """Start the processes of such a pool that have most to import.

        Args:
            pool: Its kind.
            local: Whether it will be on this machine.
        """
        if pool == "ray" and self._driver is None:
            from fcsearch.search.ray_pool.process import Driver

            self._driver = Driver(local=local)
        elif pool == "local" and self._fork_client is None:
            from fcsearch.search.local_pool.fork_client import ForkClient

            self._fork_client = ForkClient()

    def begin(self, options: SearchOptions, *, sure: bool = True) -> None:
        """Start what needs neither the space nor the dataset, so that they may be loaded meanwhile; once is enough.

        Args:
            options: How the search is to go.
            sure: Whether the space and the options are known to be good; if not, nothing is started that could not be
                ended at once.

        Raises:
            UsageError: there is no folder for Ray's files.
        """
        if options.pool != "ray":
            self.start(options.pool)
            return
        from fcsearch.search.planning.placement import local_node
        from fcsearch.search.ray_pool.guard import is_connected
        from fcsearch.search.ray_pool.leftovers import can_end_sessions

        if is_connected() or not (sure or can_end_sessions()):
            return
        self.start("ray", local=options.address is None)
        assert self._driver is not None
        if not self._driver.begun:
            self._driver.begin(options.address, local_node())

    def open(self, plan: SearchPlan, dataset: Dataset) -> AbstractContextManager[Pool]:
        """Open the pool that the plan's options name; errors as that pool's."""
        # Imported when a search needs it: what Ray says then goes to the run's log, and the others do without Ray.
        if plan.options.pool == "ray":
            from fcsearch.search.ray_pool.guard import is_connected, open_guarded_pool

            if not is_connected():
                self.start("ray", local=plan.options.address is None)
            return open_guarded_pool(plan, dataset, self._driver)
        if plan.options.pool == "local":
            from fcsearch.search.local_pool.processes import open_process_pool

            self.start("local")
            return open_process_pool(plan, dataset, self._fork_client)
        from fcsearch.search.local_pool.inline import open_inline_pool

        return open_inline_pool(plan, dataset)

    @contextmanager
    def opening(self, instead: OpenPool | None) -> Iterator[OpenPool]:
        """What opens pools within the block: `open`, or another; then what was started ends."""
        try:
            yield instead or self.open
        finally:
            self.close()

    def close(self) -> None:
        """End what was started; no pool is open any more."""
        if self._driver is not None:
            self._driver.end()
            self._driver = None
        if self._fork_client is not None:
            self._fork_client.close()
            self._fork_client = None
