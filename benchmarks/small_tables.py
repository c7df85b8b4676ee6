"""Tables of few rows: the estimators' defaults against the usual first tries."""

from __future__ import annotations

import dataclasses
import json
import statistics
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import pandas as pd
from common import chosen, keep_option, print_table, save
from marks import markdown
from scipy.stats import loguniform
from sklearn import datasets
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import KFold, RandomizedSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from fcsearch import FCSearchClassifier, FCSearchRegressor
from fcsearch.space import SMALL_SPACE, load_space, shipped_space

Values = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class SmallTable:
    """A table.

    Attributes:
        read: Its columns and its label.
        objective: What searches go by, as fcsearch and scikit-learn call it; None: their default.
        ours: Further arguments of fcsearch's estimators.
    """

    read: Callable[[], tuple[pd.DataFrame, Values]]
    objective: str | None = None
    ours: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def shipped(name: str) -> SmallTable:
    """One that ships with scikit-learn."""
    return SmallTable(lambda: getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True))


def friedman() -> tuple[pd.DataFrame, Values]:
    """Friedman's first function of five of ten numbers, with noise of deviation 1."""
    X, y = datasets.make_friedman1(500, noise=1.0, random_state=0)
    return pd.DataFrame(X).add_prefix("x"), y


def churn() -> tuple[pd.DataFrame, Values]:
    """Customers of whom some leave, with log-odds that are linear in numbers and in two columns of categories."""
    random = np.random.default_rng(0)
    X, plan, region = random.normal(size=(3000, 8)), random.integers(0, 4, 3000), random.integers(0, 12, 3000)
    slopes = np.array([0.9, -0.7, 0.5, 0.4, 0, 0, 0, 0])
    log_odds = X @ slopes + np.array([-0.8, 0, 0.3, 0.9])[plan] + random.normal(size=12)[region] / 2 - 2.1
    frame = pd.DataFrame(X).add_prefix("x").assign(plan=plan.astype(str), region=region.astype(str))
    return frame, (random.random(3000) < 1 / (1 + np.exp(-log_odds))).astype(int)


TABLES = {
    "diabetes": shipped("diabetes"),
    "friedman1": SmallTable(friedman),
    "breast_cancer": shipped("breast_cancer"),
    "wine": shipped("wine"),
    "churn": SmallTable(churn, "roc_auc"),
}


def linear(table: SmallTable, seed: int, trials: int, *, regression: bool) -> Any:  # noqa: ARG001
    """RidgeCV, or LogisticRegressionCV."""
    if regression:
        return make_pipeline(_features(), RidgeCV(np.logspace(-3, 3, 13)))
    model = LogisticRegressionCV(
        l1_ratios=(0,), use_legacy_attributes=False, max_iter=2000, scoring=table.objective or "neg_log_loss"
    )
    return make_pipeline(_features(), model)


def random_search(table: SmallTable, seed: int, trials: int, *, regression: bool) -> Any:
    """RandomizedSearchCV over scikit-learn's MLP, in five folds, refitted."""
    kind = MLPRegressor if regression else MLPClassifier
    space = {
        "hidden_layer_sizes": [(width,) * depth for width in (32, 64, 128) for depth in (1, 2)],
        "alpha": loguniform(1e-4, 1e1),
        "learning_rate_init": loguniform(1e-3, 3e-2),
        "batch_size": [32, 64, 128],
        "max_iter": [20, 50, 100],
    }
    scoring = "neg_root_mean_squared_error" if regression else table.objective
    search = RandomizedSearchCV(kind(random_state=seed), space, n_iter=trials, scoring=scoring, random_state=seed)
    return make_pipeline(_features(), search)


def boosting(table: SmallTable, seed: int, trials: int, *, regression: bool) -> Any:  # noqa: ARG001
    """scikit-learn's gradient boosting, as it is."""
    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return make_pipeline(_features(), kind(random_state=seed))


def fcsearch(table: SmallTable, seed: int, trials: int, *, regression: bool) -> Any:
    """The estimator; the trials, where the table says so the objective, and what options say are given."""
    kind = FCSearchRegressor if regression else FCSearchClassifier
    return kind(objective=table.objective, trials=trials, random_state=seed, **table.ours)


CONTESTANTS = {
    "fcsearch": fcsearch,
    "linear": linear,
    "RandomizedSearchCV": random_search,
    "gradient boosting": boosting,
}


@click.command()
@click.option("--tables", default=",".join(TABLES), show_default=True)
@click.option("--contestants", default=",".join(CONTESTANTS), show_default=True)
@click.option("--trials", default=24, show_default=True, help="Of fcsearch and of RandomizedSearchCV.")
@click.option("--repeats", default=1, show_default=True, help="Three outer folds each, drawn anew.")
@click.option("--default-objective", is_flag=True, help="Every search goes by its own default, churn's too.")
@click.option("--space", help="What fcsearch searches, a space that ships. Default: as the estimators choose.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change that space, or small.")
@click.option("--folds", type=int, help="Of fcsearch; 1: one split. Default: as the space says.")
@click.option("--ensemble/--no-ensemble", default=True, help="Whether fcsearch's best trials predict together.")
@keep_option
def main(
    tables: str,
    contestants: str,
    trials: int,
    repeats: int,
    default_objective: bool,
    space: str | None,
    overrides: tuple[str, ...],
    folds: int | None,
    ensemble: bool,
    keep: bool,
) -> None:
    """Fit each contestant on two thirds of a table's rows, and measure it on the others, thrice.

    A line of JSON is printed for each fit, then a table for each table.

    \b
    Example:
      python benchmarks/small_tables.py --tables diabetes --trials 40
    """
    ours: dict[str, Any] = {"folds": folds, "ensemble": ensemble}
    if space or overrides:
        ours["space"] = load_space(shipped_space(space or SMALL_SPACE), overrides=overrides)
    warnings.simplefilter("ignore", UserWarning)  # scikit-learn's, of every short training and large batch
    for name in chosen(tables, TABLES):
        found = []
        objective = None if default_objective else TABLES[name].objective
        table = dataclasses.replace(TABLES[name], objective=objective, ours=ours)
        X, y = table.read()
        regression = len(np.unique(y)) > 20
        for seed in range(repeats):
            split = (KFold if regression else StratifiedKFold)(3, shuffle=True, random_state=seed).split(X, y)
            for fold, (train, test) in enumerate(split):
                for contestant in chosen(contestants, CONTESTANTS):
                    model = CONTESTANTS[contestant](table, 3 * seed + fold, trials, regression=regression)
                    with threadpool_limits(1):  # in tasks as small as these, threads wait for each other
                        model.fit(X.iloc[train], np.asarray(y)[train])
                    value = score(model, X.iloc[test], np.asarray(y)[test], regression=regression)
                    found.append({"contestant": contestant, "seed": seed, "fold": fold, **value})
                    print(json.dumps({"table": name, **found[-1]}), flush=True)
        rows = lines(found)
        print_table(f"{name}, {len(y):,} rows: mean ± standard error of {3 * repeats} test parts", rows)
        print(markdown(list(rows[0]), (list(row.values()) for row in rows)))
        if keep:
            options = {"space": space, "overrides": list(overrides), "folds": folds, "ensemble": ensemble}
            facts = {"trials": trials, "objective": table.objective, **options, "fits": found}
            print(save(f"small-tables-{name}", facts))


def score(model: Any, X: pd.DataFrame, y: Values, *, regression: bool) -> dict[str, float]:
    """The error of a regression; of classes accuracy and log loss, with two of them the area under the ROC curve."""
    if regression:
        return {"rmse": float(root_mean_squared_error(y, model.predict(X)))}
    p = model.predict_proba(X)
    found = {"accuracy": float(accuracy_score(y, model.predict(X))), "log_loss": float(log_loss(y, p))}
    return found | ({"roc_auc": float(roc_auc_score(y, p[:, 1]))} if p.shape[1] == 2 else {})


def lines(found: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """One line a contestant: mean and standard error."""
    made = []
    for contestant in dict.fromkeys(fit["contestant"] for fit in found):
        fits = [fit for fit in found if fit["contestant"] == contestant]
        line = {"": contestant}
        for name in [name for name in ("rmse", "accuracy", "log_loss", "roc_auc") if name in fits[0]]:
            values = [fit[name] for fit in fits]
            error, digits = statistics.stdev(values) / len(values) ** 0.5, 2 if name == "rmse" else 3
            line[name] = f"{statistics.mean(values):.{digits}f} ± {error:.{digits}f}"
        made.append(line)
    return made


def _features() -> Any:
    """Numbers standardized, categories one-hot."""
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers, texts = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    return make_column_transformer((StandardScaler(), numbers), (categories, texts))


if __name__ == "__main__":
    main()
