"""One HTML page about runs. `python -m eval.report`."""
