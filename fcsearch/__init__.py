"""fcsearch: hyperparameter search for fully connected networks, trained in packs.

`fcsearch.open_run(path)` reads what a search found; `fcsearch.nn` is the network, `fcsearch.training` the packs.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fcsearch.results import Run, open_run

__version__ = "0.1.0"
__all__ = ["Run", "__version__", "open_run"]


def __getattr__(name: str) -> Any:
    # Imported when asked for, so that `fcsearch --help` is instant and `fcsearch.nn` needs torch alone.
    if name in ("Run", "open_run"):
        from fcsearch import results

        return getattr(results, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
