"""What others call a hyperparameter."""

from __future__ import annotations

# In lower case, and the name that it has here.
OTHER_NAMES = {
    **dict.fromkeys(("lr", "eta", "alpha", "step_size"), "learning_rate"),
    **dict.fromkeys(("optimizer", "optimiser", "optim", "opt"), "update_rule"),
    **dict.fromkeys(("layers", "n_layers", "num_layers", "hidden_layers"), "depth"),
    **dict.fromkeys(("width", "units", "neurons", "hidden", "hidden_size"), "hidden_dim"),
    **dict.fromkeys(("layer_sizes", "hidden_layer_sizes", "widths"), "hidden_dims"),
    **dict.fromkeys(("bs", "batch"), "batch_size"),
    **dict.fromkeys(("n_epochs", "num_epochs", "max_epochs", "max_iter"), "epochs"),
    **dict.fromkeys(("l2", "lambda", "regularization", "regularisation"), "reg"),
    **dict.fromkeys(("drop", "p", "dropout_rate", "drop_rate"), "dropout"),
    **dict.fromkeys(("nonlinearity", "act"), "activation"),
    **dict.fromkeys(("scheduler", "lr_scheduler"), "lr_schedule"),
    **{"wd": "weight_decay", "gamma": "lr_decay", "eps": "epsilon"},
}
