"""What checkpoints cost, and what they save: how long one takes, and a long trial that is killed near its end."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import torch
import yaml
from common import keep_option, print_table, save, spread

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.results import RunDirectory
from fcsearch.search.options import SearchOptions
from fcsearch.training import Pack, TrainingData, TrialConfig

# Name -> (members, hidden layers): packs from small to large.
PACKS = {
    "32 of 64x64": (32, (64, 64)),
    "8 of 512x512": (8, (512, 512)),
    "1 of 4096x4096": (1, (4096, 4096)),
}
EVERY = SearchOptions().checkpoint_every
# How much of a checkpoint's time its pack has to train for it.
SHARE = 0.01


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long the trial trains.")
@click.option(
    "--killed-at",
    default=50.0,
    show_default=True,
    help="When it is killed; by then it needs a checkpoint.",
)
@click.option("--rounds", default=3, show_default=True, help="How often; each takes twice as long as the trial.")
@keep_option
def main(seconds: float, killed_at: float, rounds: int, keep: bool) -> None:
    """Measure what checkpoints cost and save, on digits, with `--pool local` and one worker.

    \b
    Example:
      python benchmarks/checkpoints.py --seconds 20 --killed-at 15 --rounds 1
    """
    if not EVERY < killed_at < seconds:
        raise click.UsageError(
            f"--killed-at must lie between {EVERY:g}, the first checkpoint, and --seconds, {seconds:g}; "
            f"found {killed_at:g}"
        )
    torch.set_num_threads(1)
    costs = {name: cost(*pack) for name, pack in PACKS.items()}
    print_table("One checkpoint", [{"pack": name, **found} for name, found in costs.items()])
    with tempfile.TemporaryDirectory() as folder:
        found = [killed(Path(folder), seconds, killed_at, number) for number in range(rounds)]
    print_table(f"A trial of {seconds:g} s, killed at {killed_at:g} s", found)
    if keep:
        print(save("checkpoints", {"costs": costs, "more": spread([row["more"] for row in found]), "runs": found}))


def cost(members: int, widths: tuple[int, ...]) -> dict[str, float]:
    """MB of a pack's checkpoint, seconds that it takes to make, and its part of the pack's time."""
    arrays = load_dataset(DatasetSpec("digits")).training_arrays("accuracy")
    config = TrialConfig(hidden_dims=widths, update_rule="adam", epochs=100)
    pack = Pack([config] * members, TrainingData.from_arrays(**arrays))
    pack.train_epoch()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        content = pack.saved({}).dump()
        times.append(time.perf_counter() - began)
    took = statistics.median(times)
    share = took / (took + max(EVERY, took / SHARE))
    return {"MB": len(content) / 1e6, "seconds": took, "% of training": 100 * share}


def killed(folder: Path, seconds: float, killed_at: float, number: int) -> dict[str, float]:
    """Wall seconds of a run that nobody disturbs and of one that is killed and resumed."""
    epochs = 300
    trained = undisturbed(folder, f"short-{number}", epochs)[1]
    epochs = round(epochs * seconds / trained)
    wall, trained = undisturbed(folder, f"whole-{number}", epochs)
    began = time.monotonic()
    name = f"cut-{number}"
    log = folder / name / "log.txt"
    process = subprocess.Popen(command(folder, name, epochs), stdout=subprocess.DEVNULL, start_new_session=True)
    while not (log.exists() and "is handed out" in log.read_text()):
        time.sleep(0.02)
    time.sleep(killed_at / seconds * trained)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    last = max(file.stat().st_mtime for file in (folder / name / "checkpoints" / "trials").glob("*.safetensors"))
    twice, again = time.time() - last, time.monotonic()
    subprocess.run([*FCSEARCH, "resume", str(folder / name), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    ended = time.monotonic()
    kept = [RunDirectory(folder / run).epochs().drop_columns(["seconds", "run"]) for run in (name, f"whole-{number}")]
    if kept[0] != kept[1]:
        raise SystemExit("the epochs must be those of the run that nobody disturbed; found others")
    start = wall - trained
    return {
        "undisturbed": wall,
        "until killed": again - began,
        "resumed": ended - again,
        "trained twice": twice,
        "more": ended - began - wall,
        "more than another start": ended - began - wall - start,
    }


FCSEARCH = (sys.executable, "-m", "fcsearch")


def undisturbed(folder: Path, name: str, epochs: int) -> tuple[float, float]:
    """Wall seconds of a run, and how long its trial trained."""
    began = time.monotonic()
    subprocess.run(command(folder, name, epochs), check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - began
    return wall, RunDirectory(folder / name).trials()["train_seconds"][0].as_py()


def command(folder: Path, name: str, epochs: int) -> list[str]:
    """A search of one trial."""
    space = {
        "name": "one",
        "dataset": "digits",
        "sampler": "random",
        "parameters": {"learning_rate": 0.001, "update_rule": "adam", "hidden_dim": 512, "depth": 3, "epochs": epochs},
    }
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(space))
    options = ["--trials", "1", "--pool", "local", "--workers", "1", "--confirm", "0", "--quiet"]
    return [*FCSEARCH, "run", "--space", str(file), "--out", str(folder), "--name", name, *options]


if __name__ == "__main__":
    main()
