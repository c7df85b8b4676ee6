"""The records of a search: Optuna's journal and the tables, written in an order that loses no trial."""
