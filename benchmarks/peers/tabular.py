"""Peers on a table: each learns from a Parquet file, on all cores, and writes what it makes of another file's rows."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import average_precision_score, get_scorer, make_scorer
from sklearn.model_selection import RandomizedSearchCV, ShuffleSplit, StratifiedShuffleSplit, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

sys.path.insert(0, str(Path(__file__).parents[1]))

VAL = 0.15  # the share of the rows that validates, as fcsearch's


@dataclasses.dataclass(frozen=True)
class Task:
    """What a peer is to learn.

    Attributes:
        X: The columns, categories as such.
        y: Classes, or numbers.
        seed: Of splits and trainings.
        scoring: scikit-learn's name of what is maximized.
        positive: The class that average precision is of.
        budget: Seconds, for those that take a budget.
        cores: How many to use.
    """

    X: pd.DataFrame
    y: pd.Series
    seed: int
    scoring: str
    positive: str | None
    budget: float
    cores: int

    @property
    def is_regression(self) -> bool:
        """Whether `y` are numbers."""
        return bool(pd.api.types.is_numeric_dtype(self.y))

    @property
    def scorer(self) -> Any:
        """What is maximized."""
        if self.scoring != "average_precision":
            return get_scorer(self.scoring)
        return make_scorer(average_precision_score, response_method="predict_proba", pos_label=self.positive)

    def validation(self) -> Any:
        """X_train, X_val, y_train, y_val."""
        stratify = None if self.is_regression else self.y
        return train_test_split(self.X, self.y, test_size=VAL, random_state=self.seed, stratify=stratify)


def histogram_boosting(task: Task) -> Any:
    """scikit-learn's gradient boosting, with early stopping."""
    kind = HistGradientBoostingRegressor if task.is_regression else HistGradientBoostingClassifier
    model = kind(learning_rate=0.06, max_iter=1000, early_stopping=True, random_state=task.seed)
    return model.set_params(categorical_features="from_dtype").fit(task.X, task.y)


def lightgbm(task: Task) -> Any:
    """LightGBM, with early stopping on validation rows."""
    import lightgbm

    kind = lightgbm.LGBMRegressor if task.is_regression else lightgbm.LGBMClassifier
    model = kind(n_estimators=5000, learning_rate=0.03, random_state=task.seed, verbose=-1, n_jobs=task.cores)
    parts = task.validation()
    return model.fit(
        parts[0], parts[2], eval_set=[(parts[1], parts[3])], callbacks=[lightgbm.early_stopping(100, verbose=False)]
    )


def random_search(task: Task) -> Any:
    """RandomizedSearchCV over scikit-learn's MLP, each stopped early on rows of its own; 20 candidates, refitted."""
    from scipy.stats import loguniform

    kind = MLPRegressor if task.is_regression else MLPClassifier
    net = kind(early_stopping=True, max_iter=100, random_state=task.seed)
    space = {
        "net__hidden_layer_sizes": [(width,) * depth for width in (64, 128, 256) for depth in (1, 2, 3)],
        "net__alpha": loguniform(1e-5, 1e-1),
        "net__learning_rate_init": loguniform(3e-4, 1e-2),
        "net__batch_size": [64, 128, 256],
    }
    splitter = (ShuffleSplit if task.is_regression else StratifiedShuffleSplit)(
        1, test_size=VAL, random_state=task.seed
    )
    search = RandomizedSearchCV(
        Pipeline([("features", _features()), ("net", net)]),
        space,
        n_iter=20,
        scoring=task.scorer,
        error_score="raise",
        cv=splitter,
        n_jobs=task.cores,
        random_state=task.seed,
    )
    return search.fit(task.X, task.y)


def optuna_torch(task: Task) -> Any:
    """Optuna's TPE with its ASHA over torch.nn, a process a core, until the time is up."""
    from peers.optuna_tabular import OptunaNet

    return OptunaNet(_features(), task.seed, task.scorer, task.budget, task.cores).fit(*task.validation())


def realmlp(task: Task) -> Any:
    """RealMLP with its tuned defaults (Holzmüller et al. 2024), from pytabkit."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    kind = RealMLP_TD_Regressor if task.is_regression else RealMLP_TD_Classifier
    model = kind(random_state=task.seed, val_fraction=VAL, n_threads=task.cores, device="cpu")
    return make_pipeline(_filled(), model).fit(task.X, task.y)


def realmlp_tuned(task: Task) -> Any:
    """pytabkit's random search around RealMLP, in the space that it recommends; at least one candidate."""
    from pytabkit import RealMLP_HPO_Classifier, RealMLP_HPO_Regressor

    kind = RealMLP_HPO_Regressor if task.is_regression else RealMLP_HPO_Classifier
    model = kind(random_state=task.seed, val_fraction=VAL, n_threads=task.cores, device="cpu")
    model.set_params(hpo_space_name="tabarena", n_hyperopt_steps=50, time_limit_s=task.budget)
    return make_pipeline(_filled(), model).fit(task.X, task.y)


PEERS: dict[str, Callable[..., Any]] = {
    "gradient boosting": histogram_boosting,
    "LightGBM": lightgbm,
    "RandomizedSearchCV": random_search,
    "Optuna + torch.nn": optuna_torch,
    "RealMLP": realmlp,
    "RealMLP HPO": realmlp_tuned,
}


@click.command()
@click.argument("peer", type=click.Choice(list(PEERS)))
@click.argument("train", type=click.Path(path_type=Path))
@click.argument("test", type=click.Path(path_type=Path))
@click.option("--label", required=True)
@click.option("--scoring", required=True, help="scikit-learn's name of what is maximized.")
@click.option("--positive", help="The class that average precision is of.")
@click.option("--seed", default=0, show_default=True)
@click.option("--budget", default=120.0, show_default=True, help="Seconds, for those that take a budget.")
@click.option("--cores", required=True, type=int)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="An NPZ file of values and classes.")
def main(peer: str, train: Path, test: Path, label: str, out: Path, **options: Any) -> None:
    """Learn from TRAIN and predict TEST."""
    rows, others = (pd.read_parquet(path) for path in (train, test))
    X, X_test = (part.drop(columns=label) for part in (rows, others))
    texts = list(X.select_dtypes(exclude="number").columns)
    for text in texts:
        kind = pd.CategoricalDtype(sorted(X[text].dropna().unique()))
        X[text], X_test[text] = X[text].astype(kind), X_test[text].astype(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nets that do not converge
        task = Task(X, rows[label], **options)
        model = PEERS[peer](task)
        if task.is_regression:
            np.savez(out, values=np.asarray(model.predict(X_test)).reshape(-1, 1), classes=np.array([], str))
        else:
            np.savez(out, values=model.predict_proba(X_test), classes=np.asarray(model.classes_).astype(str))


def _filled() -> Any:
    """The columns, gaps in numbers filled with the median: pytabkit takes none."""
    numbers = make_column_selector(dtype_include="number")
    made = make_column_transformer(
        (SimpleImputer(strategy="median"), numbers), remainder="passthrough", verbose_feature_names_out=False
    )
    return made.set_output(transform="pandas")


def _features() -> Any:
    """Standardized numbers, gaps filled with the median, and a 0/1 column a category."""
    numbers, texts = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    return make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        os.environ["TMPDIR"] = folder  # what a peer writes by the way
        main()
