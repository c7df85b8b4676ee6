"""The search: Ray Tune and Optuna around packs.

`fcsearch.search.api` starts searches and goes on with them. Its rooms, each of which may import those after it:
`loop/` and `ray_pool/` (neither knows the other), `record/`, `pool/` (the seam between the two), `planning/`.
Workers on other machines import parts of this package: this file imports nothing, so that they load no more than they
need.
"""
