"""fcsearch: hyperparameter search for fully connected networks, trained in packs."""

__version__ = "0.1.0"
