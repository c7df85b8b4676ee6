"""Puts the tables of docs/performance.md between their marks, from a file of results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from common import RESULTS, machine_name
from marks import insert, markdown
from over_time_figure import markdown_tables
from step import flops

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
NAMES = {
    "fcsearch": "fcsearch (TPE)",
    "fcsearch-local": "fcsearch (TPE), `--pool local`",
    "fcsearch-random": "fcsearch (random)",
    "fcsearch-earlier": "fcsearch (TPE), an earlier commit",
    "ray": "Ray Tune + OptunaSearch, an actor a trial",
    "ray-reuse": "Ray Tune + OptunaSearch, `reuse_actors`",
    "ray-reuse-end": "the same, one report a trial",
    "optuna": "Optuna alone, a process a core",
    "sklearn": "RandomizedSearchCV + MLPClassifier (no dropout)",
}
Json = Mapping[str, Any]


@click.command()
@click.option("--results", type=click.Path(path_type=Path, exists=True), help="Default: the file of this machine.")
def main(results: Path | None) -> None:
    """Write the tables that the results allow; the others stay as they are.

    \b
    Example:
      python benchmarks/tables.py
    """
    text, missing = insert(DOCUMENT.read_text(), tables(results or RESULTS / f"{machine_name()}.json"))
    DOCUMENT.write_text(text)
    for name in missing:
        print(f"no results for the table {name}: left as it is")


def tables(results: Path) -> dict[str, str]:
    """The tables that a file of results allows, by name, and by name and processor (`step.model-207`)."""
    made = _tables(json.loads(results.read_text()))
    _, _, model = results.stem.rpartition("model-")
    return made | {f"{name}.model-{model}": text for name, text in made.items()}


def _tables(found: Json) -> dict[str, str]:
    over_time = found.get("quality-over-time", {"pieces": {}, "times": []})
    curves = markdown_tables(over_time["pieces"], over_time["times"])
    return {f"over-time-{dataset}": text for dataset, text in curves.items()} | {
        name: make(found[benchmark])
        for name, benchmark, make in (
            ("step", "step-cpu", steps),
            ("step-compiled", "step-compiled", compiled),
            ("pack-sizes", "pack-sizes", pack_sizes),
            ("mixed", "mixed", mixed),
            ("search-digits", "search-digits-cpu", searches),
            ("search-cifar10", "search-cifar10-cpu", searches),
            ("driver", "driver", driver),
        )
        if benchmark in found
    }


def steps(result: Json) -> str:
    """Ratios against the best eager peer."""
    sizes = _sizes(result)
    rows = []
    for case in result["steps"]:
        peer, best = _best_peer(case)
        shares = {size: case["seconds"][f"pack {size}"]["median"] / size for size in sizes}
        row = [case["net"], case["rule"], f"{case['dropout']:.2f}", f"{best * 1e6:.0f} {peer}"]
        for share in shares.values():
            row += [f"{share * 1e6:.0f}", f"{best / share:.2f}"]
        rows.append([*row, f"{flops(case['net']) / result['gemm_flops'] / min(shares.values()):.0%}"])
    columns = [name for size in sizes for name in (f"{size}: us", "ratio")]
    return markdown(["net", "rule", "dropout", "peer us", *columns, "roofline"], rows)


def compiled(result: Json) -> str:
    """The peer as it is, compiled, and a trial alone."""
    rows = []
    for case in result["steps"]:
        peer, best = _best_peer(case)
        times = [best, case["seconds"]["compiled"]["median"], case["seconds"]["pack 1"]["median"]]
        row = [case["net"], case["rule"], f"{case['dropout']:.2f}", peer]
        rows.append([*row, *(f"{seconds * 1e6:.0f}" for seconds in times)])
    return markdown(["net", "rule", "dropout", "peer", "eager us", "compiled us", "fcsearch, alone: us"], rows)


def pack_sizes(result: Json) -> str:
    """Microseconds a step and member, the mean over the cases of a net, the least in bold."""
    sizes = _sizes(result)
    rows = []
    for net in dict.fromkeys(case["net"] for case in result["steps"]):
        cases = [case["seconds"] for case in result["steps"] if case["net"] == net]
        means = [sum(c[f"pack {size}"]["q1"] / size for c in cases) / len(cases) * 1e6 for size in sizes]
        rows.append([net, *(f"**{mean:.0f}**" if mean == min(means) else f"{mean:.0f}" for mean in means)])
    return markdown(["net", *map(str, sizes)], rows)


def mixed(result: Json) -> str:
    """Milliseconds of an epoch of a trial by pack size, ratios to the peer, and the lanes of the best size."""
    rows = []
    for case in result["spaces"]:
        medians = {name: seconds["median"] for name, seconds in case["seconds"].items()}
        peer = medians.pop("torch")
        best = min(medians, key=medians.__getitem__)
        times = [
            f"{1000 * medians[name]:.2f}" if (name := f"pack {size}") in medians else "" for size in (1, 4, 16, 32)
        ]
        row = [case["space"], f"{1000 * peer:.2f}", *times, f"{peer / medians['pack 1']:.1f}"]
        rows.append([*row, f"{peer / medians[best]:.1f}", f"{case['lanes'][best[5:]]:.1f} in {best[5:]}"])
    header = ["space", "torch.nn: ms", "alone: ms", "4", "16", "32", "alone: ratio", "best pack: ratio", "its lanes"]
    return markdown(header, rows)


def searches(result: Json) -> str:
    """Whole searches: medians over rounds."""
    reference = result["searchers"][0]
    rows = []
    for one in result["searchers"]:
        row = [NAMES[one["searcher"]], _middle(one["seconds"]), str(one["trials"][0])]
        for key in ("trials_a_minute", "trials_a_minute_without_start_up"):
            rate = one[key]["median"]
            ratio = "" if one["searcher"].startswith("fcsearch") else f"{reference[key]['median'] / rate:.1f}x"
            row += [f"{rate:,.0f}", ratio]
        rows.append([*row, f"{one['best_val_accuracy']['median']:.4f}"])
    header = ["searcher", "seconds, whole command", "trials", "trials a minute", "fcsearch is", "without start-up"]
    return markdown([*header, "fcsearch is", "best accuracy"], rows)


def driver(result: Json) -> str:
    """Milliseconds a trial, and memory."""
    rows = []
    for one in result["searches"]:
        rounds, trials = one["rounds"], one["trials"]
        asking, recording = (_middle([1000 * r[key] / trials for r in rounds], 2) for key in ("asking", "recording"))
        name = one["sampler"] + (", Ray" if one["with_ray"] else "")
        grown = _middle([r["grown"] for r in rounds])
        rows.append([name, f"{trials:,}", f"{one['milliseconds_a_trial']['median']:.2f}", asking, recording, grown])
    return markdown(["sampler", "trials", "ms a trial", "sampler ms", "files ms", "driver grown by MiB"], rows)


def _sizes(result: Json) -> list[int]:
    return sorted(int(name[5:]) for name in result["steps"][0]["seconds"] if name.startswith("pack "))


def _best_peer(case: Json) -> tuple[str, float]:
    eager = {name[6:]: t["median"] for name, t in case["seconds"].items() if name.startswith("torch ")}
    best = min(eager, key=eager.__getitem__)
    return best, eager[best]


def _middle(values: Sequence[float], digits: int = 1) -> str:
    ordered = sorted(values)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return f"{middle:.{digits}f}".removesuffix(".0")


if __name__ == "__main__":
    main()
