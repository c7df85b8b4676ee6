"""A run's trials in the forms of other programs, each by that program's own library.

`write_trials` writes them; a library that is not installed is named in the error, with what to install.
"""

from fcsearch.results.export.writing import TRIAL_FORMS, write_trials

__all__ = ["TRIAL_FORMS", "write_trials"]
