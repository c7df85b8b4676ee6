"""The run directory: Parquet tables of trials and epochs, the manifest, the saved models.

To write a run (one process at a time):

    run = RunDirectory.create(path, manifest)         # or RunDirectory.open(path) to continue one
    with run.writing():                               # the only writer; clears what a crash left half done
        pack_id = run.next_pack_id()
        run.write_pack(pack_id, trials, epochs)       # TrialRecords and EpochRecords; durable on return
        run.models.save(trial_id, weights, metadata)
        run.update_manifest({"state": "complete"})

To read one: `open_run(path)`, or any Parquet reader on its `trials/` and `epochs/` folders.
"""

from fcsearch.config.states import RANKED_STATES, STATES, rank
from fcsearch.results.directory import RunDirectory
from fcsearch.results.frozen import FrozenRun
from fcsearch.results.manifest import Manifest
from fcsearch.results.note_and_tags import Labels, read_labels, write_labels
from fcsearch.results.ranking import best_row, objective_of, rank_trials
from fcsearch.results.records import EpochRecord, TrialRecord
from fcsearch.results.removal import disk_bytes, remove_run, require_removable
from fcsearch.results.runs import (
    Run,
    find_runs,
    latest_run,
    open_run,
    resolve_run,
)
from fcsearch.results.schema import (
    CONFIRMATIONS,
    EPOCHS,
    MODELS,
    PREDICTIONS,
    TRIALS,
)
from fcsearch.results.status import Best, PackStatus, Status, read_status, remove_status, write_status
from fcsearch.results.summary import Summary, summarize_run

__all__ = [
    "CONFIRMATIONS",
    "EPOCHS",
    "MODELS",
    "PREDICTIONS",
    "RANKED_STATES",
    "STATES",
    "TRIALS",
    "Best",
    "EpochRecord",
    "FrozenRun",
    "Labels",
    "Manifest",
    "PackStatus",
    "Run",
    "RunDirectory",
    "Status",
    "Summary",
    "TrialRecord",
    "best_row",
    "disk_bytes",
    "find_runs",
    "latest_run",
    "objective_of",
    "open_run",
    "rank",
    "rank_trials",
    "read_labels",
    "read_status",
    "remove_run",
    "remove_status",
    "require_removable",
    "resolve_run",
    "summarize_run",
    "write_labels",
    "write_status",
]
