"""What pyproject.toml cannot say: every package, and the repository's `search_spaces/` as one more of them."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["fcsearch*"]), "fcsearch.search_spaces"],
    package_dir={"fcsearch.search_spaces": "search_spaces"},
)
