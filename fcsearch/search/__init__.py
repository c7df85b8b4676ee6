"""The search: Ray Tune and Optuna around packs. The only room that imports Ray.

`fcsearch.search.driver` starts searches and goes on with them. Workers on other machines import parts of this package:
this file imports nothing, so that they load no more than they need.
"""
