"""The options of a search beyond the space, checked once before anything starts."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

from fcsearch.config.hyperparameter import is_finite, is_integer
from fcsearch.errors import UsageError
from fcsearch.wording import option

PackSize = int | Literal["auto"]
PoolName = Literal["ray", "local", "inline"]
Confirm = int | Literal["auto"]

POOLS: tuple[str, ...] = get_args(PoolName)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How a search is to run.

    Attributes:
        trials: How many trials the run is to have in all, at least 1; None: as many as the space says.
        time_budget: Seconds of the whole search, from its start to its report: near their end no new pack starts, and
            those in training end; None: no limit.
        seed: Seed of the sampler and of every trial, at least 0.
        workers: How many packs train at a time; None: one per GPU, or one per core if there is no GPU.
        gpus_per_worker: Fraction of a GPU (0.5) or whole GPUs (1); 0: train on the CPU; None: what fits the workers.
        cpus_per_worker: CPUs that a worker claims, above 0; it trains with as many threads. None: 1.
        tf32: Whether GPUs multiply in TF32: faster, with a mantissa of 10 bits.
        pack_size: The most trials in a pack, at least 1, or `auto`.
        address: `host:port` of a Ray cluster that runs already; None: Ray is started on this machine.
        pool: What trains the packs: `ray`; `local`: processes of this machine, without Ray; `inline`: the calling
            process, one pack at a time.
        keep_models: How many of the best trials keep their weights, at least 1.
        confirm: How many of the best configurations are trained again with other seeds when the search has ended; 0:
            none; `auto`: as many, with as many seeds, as take little of the search's time.
        confirm_seeds: With how many other seeds, at least 1; None: 5, or with `auto` as many as take little time.
        refit: Whether the winner is trained once more, on training and validation rows; None: only with folds.
        ensemble: The most trials that are candidates for the ensemble; 0: none is made.
        checkpoint_every: Seconds between two checkpoints of a pack in training, from which its trials can continue; 0:
            as often as workers report.
        start_from: A run directory whose trials the sampler is told at the start, as far as they lie in the space.
        tries: Configurations that come first, each `key=value,...`.
        page_every: Seconds between two writings of report.html during the search; 0: it is written only at the end.

    Raises:
        UsageError: a value outside its range.
    """

    trials: int | None = None
    time_budget: float | None = None
    seed: int = 0
    workers: int | None = None
    gpus_per_worker: float | None = None
    cpus_per_worker: float | None = None
    tf32: bool = False
    pack_size: PackSize = "auto"
    address: str | None = None
    keep_models: int = 3
    pool: PoolName = "ray"
    confirm: Confirm = "auto"
    confirm_seeds: int | None = None
    refit: bool | None = None
    ensemble: int = 50
    checkpoint_every: float = 10.0
    start_from: str | None = None
    tries: tuple[str, ...] = ()
    page_every: float = 30.0

    def __post_init__(self) -> None:
        # In run.json it is a list.
        object.__setattr__(self, "tries", tuple(self.tries))
        for name in ("trials", "workers", "keep_models", "confirm_seeds"):
            _require(name, getattr(self, name), "an integer of at least 1", lambda v: is_integer(v) and v >= 1)
        _require("seed", self.seed, "an integer from 0 to 4294967295", lambda v: is_integer(v) and 0 <= v < 2**32)
        for name in ("time_budget", "cpus_per_worker"):
            _require(name, getattr(self, name), "a number above 0", lambda v: is_finite(v) and v > 0)
        for name in ("checkpoint_every", "page_every"):
            _require(name, getattr(self, name), "a number of at least 0", lambda v: is_finite(v) and v >= 0)
        _require(
            "gpus_per_worker",
            self.gpus_per_worker,
            "0, a fraction of a GPU below 1, or a whole number of GPUs",
            lambda v: is_finite(v) and v >= 0 and (v < 1 or float(v).is_integer()),
        )
        _require(
            "pack_size",
            self.pack_size,
            "an integer of at least 1, or auto",
            lambda v: v == "auto" or (is_integer(v) and v >= 1),
        )
        _require("pool", self.pool, f"one of {', '.join(POOLS)}", lambda v: v in POOLS)
        if self.pool == "inline" and self.workers not in (None, 1):
            raise UsageError(
                "the pool inline trains one pack at a time, in the calling process; found "
                f"{option('workers', self.workers)}; use the pool local"
            )
        if self.pool != "ray" and self.address is not None:
            raise UsageError(
                f"{option('address')} names a Ray cluster and needs the pool ray; found the pool {self.pool}; "
                "leave one of them out"
            )
        _require("ensemble", self.ensemble, "an integer of at least 0", lambda v: is_integer(v) and v >= 0)
        _require(
            "confirm",
            self.confirm,
            "an integer of at least 0, or auto",
            lambda v: v == "auto" or (is_integer(v) and v >= 0),
        )
        if self.address is not None and self.address.startswith("ray://"):
            raise UsageError(
                f"{option('address')} must be the host:port that `ray start` printed; found {self.address!r}, a "
                "Ray Client address, which cannot carry a search; run fcsearch on a machine of the cluster"
            )

    def to_json(self) -> dict[str, Any]:
        """The options as JSON types."""
        return dataclasses.asdict(self)


def _require(name: str, value: Any, requirement: str, holds: Any) -> None:
    if value is not None and not holds(value):
        raise UsageError(f"{option(name)} must be {requirement}; found {value!r}")
