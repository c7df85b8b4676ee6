"""The one error tree of fcsearch.

    FcsearchError                  exit code 1
    |-- UsageError                 exit code 2: an option, a file or a value that cannot be used
    |   |-- SpaceError             a search-space file
    |   |-- DataError              a dataset
    |   |-- ConfigError            a trial configuration, a network or a solver option
    |   `-- RunError               a run directory: missing, taken, unreadable, unwritable
    `-- SearchError                a search that ran and failed

Every message says what must hold, what was found, and what to do about it.
"""


class FcsearchError(Exception):
    """Base of every error that fcsearch raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(FcsearchError):
    """An option, a file or a value of the user that cannot be used."""

    exit_code = 2


class SpaceError(UsageError):
    """A search-space file that is not valid."""


class DataError(UsageError):
    """A dataset that cannot be found, read or trained on."""


class ConfigError(UsageError):
    """A value outside what a trial configuration, a network or the solver accepts."""


class RunError(UsageError):
    """A run directory that is missing, taken, unreadable or unwritable."""


class SearchError(FcsearchError):
    """A search that started and failed."""
