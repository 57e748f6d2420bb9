"""A study of a contract of several years on a panel, and a contract with a rolling baseline of three years."""

STUDY = """
title = "a term"
question = "what do three years pay?"
seed = 5
[data]
source = "panel"
file = "panel.csv"
[case]
treated = ["treated"]
[windows]
baseline = { first = 2011, last = 2013 }
performance = PERFORMANCE
[term]
years = YEARS
[backtest]
levels = [0.90]
injected = [0.0, 0.03]
[[comparison]]
name = "all"
[[threshold]]
kind = "placebo"
level = 0.90
[[sharing]]
contract = "contract.toml"
[[method]]
method = "AdministrativeBenchmark"
parameters = { n_draws = 100, history = 0 }
"""
ROLLING = """
name = "rolling"
rule_year = 2024
[threshold]
kind = "computed"
[rebasing]
every = 1
years = 3
"""
