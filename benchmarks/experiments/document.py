"""Puts the tables into docs/experiments.md, between their marks, and draws the figures."""

from __future__ import annotations

from pathlib import Path

from experiments import ablation, best, depth, dropout, initial, two_layer, update_rules
from experiments.reading import Runs, read_runs
from marks import insert, markdown

from fcsearch.results.manifest import DatasetEntry

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "experiments.md"
FIGURES = ROOT / "docs" / "figures"
EXPERIMENTS = ("two_layer", "two_layer_decay", "overfit", "depth", "update_rules", "dropout", "ablation", "best")


def update(runs: Path) -> list[str]:
    """Make what the runs under a folder allow; returns the names of the document's tables that they do not.

    Args:
        runs: Folder with the run directories.
    """
    found = {name: read_runs(runs, name) for name in EXPERIMENTS}
    tables = _tables(found, runs)
    _draw(found, runs)
    text, missing = insert(DOCUMENT.read_text(), tables)
    DOCUMENT.write_text(text)
    return missing


def _tables(found: dict[str, Runs | None], runs: Path) -> dict[str, str]:
    tables = initial.tables() | _provenance(found)
    if plain := found["two_layer"]:
        tables |= two_layer.tables(plain, found["two_layer_decay"])
    tables |= depth.tables(found["overfit"], found["depth"])
    if rules := found["update_rules"]:
        tables |= update_rules.tables(rules)
    if drops := found["dropout"]:
        tables |= dropout.tables(drops)
    if factors := found["ablation"]:
        tables |= ablation.tables(factors)
    if search := found["best"]:
        tables |= best.tables(search, runs / "best-confirmed")
    return tables


def _draw(found: dict[str, Runs | None], runs: Path) -> None:
    if plain := found["two_layer"]:
        two_layer.draw(plain, found["two_layer_decay"], FIGURES / "two_layer.png")
    if found["overfit"] or found["depth"]:
        depth.draw(found["overfit"], found["depth"], FIGURES / "depth.png")
    if rules := found["update_rules"]:
        update_rules.draw(rules, FIGURES / "update_rules.png")
        update_rules.draw_rates(rules, FIGURES / "update_rules_rates.png")
    if drops := found["dropout"]:
        dropout.draw(drops, FIGURES / "dropout.png")
    if search := found["best"]:
        recipe = (
            found["two_layer"].trials.query("learning_rate == 0.1 and epochs == 30") if found["two_layer"] else None
        )
        base = None if recipe is None else float(recipe.val_accuracy.mean())
        best.draw(search, runs / "best-confirmed", base, FIGURES / "best.png")


def _provenance(found: dict[str, Runs | None]) -> dict[str, str]:
    """Which runs the document's figures are from, and on what they ran."""
    rows = []
    for name, runs in found.items():
        if runs is None:
            continue
        one = runs.manifests[0]
        data = one.dataset or DatasetEntry()
        versions = ", ".join(f"{package} {one.versions[package]}" for package in ("fcsearch", "torch"))
        splits = " / ".join(f"{count:,}" for count in (data.rows.train, data.rows.val, data.rows.test))
        minutes = runs.trials.drop_duplicates(["run", "pack_id", "trial_id"]).train_seconds.sum() / 60
        rows.append([name, runs.seeds, len(runs.trials), splits, data.fingerprint, f"{minutes:.1f}", versions])
    if not rows:
        return {}
    header = ["experiment", "runs (seeds)", "trials", "rows: train / val / test", "data", "core minutes of training"]
    return {"provenance": markdown([*header, "versions"], rows)}
