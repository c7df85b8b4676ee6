"""fcsearch from Python: searches on data in memory, runs in use, and estimators for scikit-learn.

`import fcsearch` offers all of it by the short names: `fcsearch.search`, `fcsearch.open_run`,
`fcsearch.FCSearchClassifier`, `fcsearch.FCSearchRegressor`.
"""
