"""Evidence: the same panel to the cent from Spark in local mode; `make spark` runs it in a folder of its own.

The PySpark wheel (400 MB) is not in requirements.lock: requirements-spark.lock has it, and `make evidence` uses it
where there is a JVM. Without PySpark or a JVM the test is skipped with its reason.
"""

# ruff: noqa: T201  (the figures of evidence are printed)
from __future__ import annotations

import datetime as dt
import importlib.util
import shutil
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from ssinfer.claims import ClaimsTables, Population, RunOut, Spending, Truncation, extract
from ssinfer.periods import span

pytestmark = [pytest.mark.evidence, pytest.mark.filterwarnings("ignore")]  # Spark's own deprecations


def random_tables(seed, **sizes):
    path = Path(__file__).parent.parent / "claims" / "conftest.py"
    spec = importlib.util.spec_from_file_location("claims_tables", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_tables(seed, **sizes)


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("PySpark or a JVM is absent: see `make spark`")
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("warehouse")
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        # Hundreds of small queries: compiling and re-planning each costs more than running it.
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(folder))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield ibis.pyspark.connect(session)
    session.stop()


def test_the_same_panel_to_the_cent(connection, tmp_path):
    frames = random_tables(11, n_persons=40, n_claims=600)
    for name, frame in frames.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
    names = {name: f"in_{name}" for name in frames}
    for name in frames:
        connection.read_parquet(str(tmp_path / f"{name}.parquet"), table_name=names[name])
    definition = Spending(
        exclude=["mental health"],
        own_costs=["fee"],
        product_groups_exclude=["L04"],
        truncation=Truncation(percentile=0.95),
        run_out=RunOut(extracted=dt.date(2020, 7, 1), months=3, complete=True),
        reference_tariffs=pd.DataFrame({"category": ["pharmacy"], "tariff": [7.125]}),
    )
    # As tests/claims/test_postgres.py: an open and a closed population, every kind of definition.
    populations = [
        Population(insurers=["A"], ages=(0, 88), last_year_of_life=False),
        Population(kind="closed", baseline=("2018Q2", "2018Q3"), after_leaving="drop", units={"p1": "g", "p2": "g"}),
    ]
    periods = span("2018Q2", "2019Q4")
    for population in populations:
        ours = extract(ClaimsTables.from_connection(connection, **names), population, definition, periods=periods)
        expected = extract(ClaimsTables.open(tmp_path), population, definition, periods=periods)
        pd.testing.assert_frame_equal(ours.attrition, expected.attrition)
        for panel, other in ((ours.panel, expected.panel), (ours.truncated, expected.truncated)):
            assert panel.units == other.units
            assert np.array_equal(panel.spending, other.spending, equal_nan=True)
            assert np.array_equal(panel.insured_years, other.insured_years, equal_nan=True)
            assert np.allclose(panel.sampling_variance, other.sampling_variance, rtol=1e-9, equal_nan=True)
        pd.testing.assert_frame_equal(ours.truncation, expected.truncation)
        assert np.array_equal(ours.cohort().spending, expected.cohort().spending)
        assert ours.noticed == expected.noticed
    print(f"the same panel to the cent from Spark {connection._session.version} and DuckDB:")
    print(ours.attrition.drop(columns=["insured_days", "cents"]).to_string(index=False))
