"""Saved models, measured on rows: a run's own, or others."""

from typing import TYPE_CHECKING

from fcsearch.first_use import on_first_use

if TYPE_CHECKING:
    from fcsearch.evaluation.baseline import BaseLine, base_line, base_line_of_folds, base_line_of_targets
    from fcsearch.evaluation.binomial import standard_error
    from fcsearch.evaluation.classification import classify
    from fcsearch.evaluation.elsewhere import measure_in_memory, measure_moved, measure_other
    from fcsearch.evaluation.kept import Kept, compare_kept, error_of_kept
    from fcsearch.evaluation.lead import Lead
    from fcsearch.evaluation.measurement import Measurement
    from fcsearch.evaluation.measuring import measure, measure_model
    from fcsearch.evaluation.out_of_fold import measure_out_of_fold
    from fcsearch.evaluation.own_rows import OwnRows, find_own_rows
    from fcsearch.evaluation.run_dataset import MakeDataset, load_run_dataset
    from fcsearch.evaluation.uncertainty import bootstrap_error

__all__ = [
    "BaseLine",
    "Kept",
    "Lead",
    "MakeDataset",
    "Measurement",
    "OwnRows",
    "base_line",
    "base_line_of_folds",
    "base_line_of_targets",
    "bootstrap_error",
    "classify",
    "compare_kept",
    "error_of_kept",
    "find_own_rows",
    "load_run_dataset",
    "measure",
    "measure_in_memory",
    "measure_model",
    "measure_moved",
    "measure_other",
    "measure_out_of_fold",
    "standard_error",
]

__getattr__ = on_first_use(
    __name__,
    {
        "baseline": ("BaseLine", "base_line", "base_line_of_folds", "base_line_of_targets"),
        "binomial": ("standard_error",),
        "classification": ("classify",),
        "elsewhere": ("measure_in_memory", "measure_moved", "measure_other"),
        "kept": ("Kept", "compare_kept", "error_of_kept"),
        "lead": ("Lead",),
        "measurement": ("Measurement",),
        "measuring": ("measure", "measure_model"),
        "out_of_fold": ("measure_out_of_fold",),
        "own_rows": ("OwnRows", "find_own_rows"),
        "run_dataset": ("MakeDataset", "load_run_dataset"),
        "uncertainty": ("bootstrap_error",),
    },
)
