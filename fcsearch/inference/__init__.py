"""Models in use: which model of a run, what it predicts of rows, and forms of it that need no fcsearch."""
