"""Evidence: the same panel to the cent from Spark, in an environment that has the PySpark wheel and a JVM.

python -m venv spark && spark/bin/pip install "ibis-framework[duckdb,pyspark]>=12,<13" pandas pyarrow scipy pytest
PYTHONPATH=. spark/bin/python -m pytest tests/evidence/test_claims_on_spark.py -m evidence
"""

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
        pytest.skip("PySpark or a JVM is absent: see the environment named in this file")
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("warehouse")
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
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
        run_out=RunOut(extracted=dt.date(2020, 7, 1), months=3),
        reference_tariffs=pd.DataFrame({"category": ["pharmacy"], "tariff": [7.125]}),
    )
    population = Population(insurers=["A"], ages=(0, 88), last_year_of_life=False)
    periods = span("2018Q2", "2019Q4")
    ours = extract(ClaimsTables.from_connection(connection, **names), population, definition, periods=periods)
    expected = extract(ClaimsTables.open(tmp_path), population, definition, periods=periods)
    pd.testing.assert_frame_equal(ours.attrition, expected.attrition)
    for panel, other in ((ours.panel, expected.panel), (ours.truncated, expected.truncated)):
        assert panel.units == other.units
        assert np.array_equal(panel.spending, other.spending, equal_nan=True)
        assert np.array_equal(panel.insured_years, other.insured_years, equal_nan=True)
