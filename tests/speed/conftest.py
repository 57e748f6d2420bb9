"""Measurements are scripts (`make bench`): collecting their doctests would run one that measures on import."""

collect_ignore_glob = ["*.py"]
