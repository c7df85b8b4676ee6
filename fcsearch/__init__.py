"""fcsearch: hyperparameter search for fully connected networks, trained in packs.

`fcsearch.search(X, y)` searches from Python, `fcsearch.open_run(path)` reads what a search found, and
`fcsearch.FCSearchClassifier` and `fcsearch.FCSearchRegressor` are estimators for scikit-learn; `fcsearch.nn` is the
network, `fcsearch.training` the packs.
"""

import importlib
import types
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fcsearch.api.estimators import FCSearchClassifier, FCSearchRegressor
    from fcsearch.api.run import Run, open_run
    from fcsearch.api.searching import search

__version__ = "0.2.0"
__all__ = ["FCSearchClassifier", "FCSearchRegressor", "Run", "__version__", "open_run", "search"]

_HOMES = {
    "FCSearchClassifier": "fcsearch.api.estimators",
    "FCSearchRegressor": "fcsearch.api.estimators",
    "Run": "fcsearch.api.run",
    "open_run": "fcsearch.api.run",
}


class SearchPackage(types.ModuleType):
    """The class of the package `fcsearch.search`: calling it is `fcsearch.api.searching.search`.

    The function has the package's name, and importing anything of the package replaces the function by the package.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Search; arguments and result as those of the function."""
        return _load("fcsearch.api.searching").search(*args, **options)


def _load(module: str) -> Any:
    with warnings.catch_warnings():
        # Optuna's progress bar, which is not used, warns in notebooks without widgets.
        warnings.filterwarnings("ignore", "IProgress not found")
        return importlib.import_module(module)


def __getattr__(name: str) -> Any:
    # Imported when first used, so that `fcsearch --help` is instant and `fcsearch.nn` needs only torch.
    if name in _HOMES:
        return getattr(_load(_HOMES[name]), name)
    if name == "search":
        return importlib.import_module("fcsearch.search")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
