"""The rows of the paper's tables. `python -m eval.table`."""
