"""The search: Ray Tune and Optuna around packs.

`fcsearch.search.api` starts and resumes searches. Its rooms, each of which may import those after it:
`loop/`, `ray_pool/` and `local_pool/` (none imports another), `record/`, `pool/` (the interface), `planning/`.
Workers on other machines import parts of this package: this file imports nothing else, so that they load no more
than they need. The package can be called: `fcsearch.search(X, y)` is `fcsearch.api.searching.search`.
"""

import sys

from fcsearch import SearchPackage

sys.modules[__name__].__class__ = SearchPackage
