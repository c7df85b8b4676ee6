"""Models in use: the choice of a model, its predictions for rows, and exports that do not need fcsearch."""
