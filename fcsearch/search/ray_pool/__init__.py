"""The pool that trains packs with Ray Tune. The only room that imports Ray.

Workers on other machines import parts of this package: this file imports nothing, so that they load no more than they
need.
"""
