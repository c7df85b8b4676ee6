"""What is kept of a search: Optuna's journal and the tables, in an order that loses no trial."""
