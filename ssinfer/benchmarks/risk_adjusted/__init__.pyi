from .method import RiskAdjustedBenchmark as RiskAdjustedBenchmark
