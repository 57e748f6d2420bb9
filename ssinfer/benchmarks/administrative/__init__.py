"""Administrative benchmark: a weighted baseline, trended by a reference group."""

from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark as AdministrativeBenchmark
