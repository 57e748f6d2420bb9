"""The same panel, to the cent, from PostgreSQL: a real server on loopback, started here and stopped here."""

from __future__ import annotations

import datetime as dt
import os
import pwd
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from ssinfer.claims import ClaimsTables, Population, RunOut, Spending, Truncation, extract
from ssinfer.errors import ClaimsError
from ssinfer.periods import span
from ssinfer.study.sources.claims import ClaimsConfig


def binaries():
    """The folder of initdb and postgres: on the path, or where Debian keeps them."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    initdb = shutil.which("initdb")
    folders += [Path(initdb).parent] if initdb else []
    return next((path for path in folders if (path / "initdb").exists() and (path / "postgres").exists()), None)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pytest.importorskip("psycopg")
    where = binaries()
    if where is None:
        pytest.skip("No PostgreSQL server: install Debian's package postgresql")
    folder = tmp_path_factory.mktemp("postgres")
    folder.chmod(0o755)
    data = folder / "data"
    # The server refuses to run as root; Debian's package brings a user for it.
    user = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        for parent in [folder, *folder.parents]:
            if parent.stat().st_uid == 0 and parent != Path("/") and parent != Path("/tmp"):  # noqa: S108
                parent.chmod(parent.stat().st_mode | 0o055)
        data.mkdir()
        os.chown(data, account.pw_uid, account.pw_gid)
    quiet = {"capture_output": True, "cwd": "/", **user}
    subprocess.run(
        [where / "initdb", "-D", data, "-U", "ssinfer", "-A", "trust", "-E", "UTF8", "--locale=C"], check=True, **quiet
    )
    rules = data / "pg_hba.conf"  # the user without rights needs a password
    rules.write_text(f"host all reader 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "fsync=off"]
    process = subprocess.Popen(
        [where / "postgres", "-D", data, *options],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **user,
    )
    try:
        ready = [where / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
        for _ in range(60):
            if subprocess.run(ready, capture_output=True, check=False).returncode == 0:
                break
        else:
            pytest.fail("The PostgreSQL server did not start")
        yield {"host": "127.0.0.1", "port": port, "user": "ssinfer", "database": "postgres"}
    finally:
        process.send_signal(signal.SIGINT)  # fast shutdown: does not wait for clients
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def connection(server):
    made = ibis.postgres.connect(**server)
    yield made
    made.disconnect()


@pytest.fixture(scope="module")
def frames(connection, random_tables):
    """The frames, whose tables are in the database."""
    frames = random_tables(11, n_persons=60, n_claims=1500)
    decimals = {"amount": "decimal(12, 2)"}
    for name, frame in frames.items():
        schema = ibis.memtable(frame.assign(person=frame["person"].astype("Int64"))).schema()
        columns = {column: decimals.get(column, kind) for column, kind in schema.items()}
        columns |= dict.fromkeys(set(columns) & {"date", "start", "end", "paid"}, "date")
        connection.create_table(name, schema=ibis.schema(columns))
        names = ", ".join(f'"{column}"' for column in columns)
        with connection.con.cursor() as cursor, cursor.copy(f"COPY {name} ({names}) FROM STDIN") as copy:
            for row in frame.astype(object).itertuples(index=False):
                copy.write_row([None if pd.isna(value) else value for value in row])
        connection.con.commit()
    return frames


def test_the_same_panel_to_the_cent(connection, frames):
    definition = Spending(
        exclude=["mental health"],
        own_costs=["fee"],
        product_groups_exclude=["L04"],
        truncation=Truncation(percentile=0.95),
        run_out=RunOut(extracted=dt.date(2020, 7, 1), months=3, complete=True),
        reference_tariffs=pd.DataFrame({"category": ["pharmacy"], "tariff": [7.125]}),
    )
    populations = [
        Population(insurers=["A"], ages=(0, 88), last_year_of_life=False),
        Population(kind="closed", baseline=("2018Q2", "2018Q3"), after_leaving="drop", units={"p1": "g", "p2": "g"}),
    ]
    periods = span("2018Q2", "2019Q4")
    on_postgres, on_duckdb = ClaimsTables.from_connection(connection), ClaimsTables.from_frames(**frames)
    for population in populations:
        ours = extract(on_postgres, population, definition, periods=periods)
        expected = extract(on_duckdb, population, definition, periods=periods)
        pd.testing.assert_frame_equal(ours.attrition, expected.attrition)
        for panel, other in ((ours.panel, expected.panel), (ours.truncated, expected.truncated)):
            assert panel.units == other.units
            # Sums of whole cents and days are equal; sums of squares are floats, added in another order.
            assert np.array_equal(panel.spending, other.spending, equal_nan=True)
            assert np.array_equal(panel.insured_years, other.insured_years, equal_nan=True)
            assert np.allclose(panel.sampling_variance, other.sampling_variance, rtol=1e-9, equal_nan=True)
        pd.testing.assert_frame_equal(ours.truncation, expected.truncation)
        assert np.array_equal(ours.cohort().spending, expected.cohort().spending)
        assert ours.noticed == expected.noticed


DUTCH = """
CREATE SCHEMA dwh;
CREATE VIEW dwh.declaraties AS SELECT person AS pseudo_bsn, to_char(date, 'DD-MM-YYYY') AS datum, category AS zorgsoort,
  (amount * 100)::bigint AS bedrag, replace(volume::text, '.', ',') AS aantal, 'Zvw' AS wet FROM claims
  UNION ALL SELECT 1, '01-02-2019', 'hospital', 100, '1', 'Wlz';
CREATE USER reader PASSWORD 'geheim';
"""
MAPPED = {
    "table": "dwh.declaraties",
    "columns": {
        "person": "pseudo_bsn",
        "date": {"column": "datum", "format": "%d-%m-%Y"},
        "category": "zorgsoort",
        "amount": {"column": "bedrag", "unit": "cents"},
        "volume": {"column": "aantal", "decimal": ","},
    },
    "filter": {"wet": "Zvw"},
    "values": {"category": {"hospital": "ziekenhuis"}},
}


@pytest.fixture(scope="module")
def settings(server, connection, frames):  # noqa: ARG001  (the view needs the tables)
    """Keys of [data] of a study whose claims are a view with Dutch names, texts and cents."""
    connection.con.execute(DUTCH)
    connection.con.commit()
    address = f"postgres://ssinfer@{server['host']}:{server['port']}/postgres"
    periods = {"first": "2018Q2", "last": "2019Q4"}
    return {"source": "claims", "connection": address, "periods": periods, "tables": {"claims": MAPPED}}


def test_a_study_reads_a_view_with_other_names_texts_and_cents(settings, frames, tmp_path):
    """Authority: the same persons and claims as frames in Python."""
    config = ClaimsConfig.model_validate(settings)
    ours = extract(config.open_tables(tmp_path), periods=span("2018Q2", "2019Q4"))
    expected = extract(ClaimsTables.from_frames(**frames), periods=span("2018Q2", "2019Q4"))
    assert np.array_equal(ours.cohort().spending, expected.cohort().spending)
    assert np.array_equal(ours.panel.insured_years, expected.panel.insured_years)
    assert {*ours.categories["category"]} == {"ziekenhuis", *expected.categories["category"]} - {"hospital"}
    assert config.files(tmp_path) == {}


@pytest.mark.parametrize(
    ("change", "password", "words"),
    [
        ({"connection": "postgres://u@127.0.0.1:1/db"}, "", "'db' on 127.0.0.1.*no server answers.*host and port"),
        ({"connection": "{}/nowhere"}, "", "'nowhere' on.*no such database. Correct its name"),
        ({"connection": "{}/postgres", "user": "reader"}, "wrong", "the password or the user is wrong.*PGPASSWORD"),
        ({"connection": "{}/postgres", "user": "reader"}, "", "asks for a password.*PGPASSWORD.*pgpass"),
        ({"connection": "{}/postgres", "user": "reader"}, "geheim", "Table '.*no right to read it. Ask for SELECT"),
        ({"tables": {"claims": {**MAPPED, "table": "dwh.declaratie"}}}, "", "has no 'dwh.declaratie'.*'declaraties'"),
    ],
)
def test_errors_of_a_database_are_one_line_with_the_next_step(settings, change, password, words, monkeypatch, tmp_path):
    change = dict(change)
    user, base = change.pop("user", "ssinfer"), settings["connection"].removesuffix("/postgres")
    if "connection" in change:
        change["connection"] = change["connection"].format(base.replace("ssinfer@", f"{user}@"))
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    monkeypatch.setenv("PGPASSWORD", password)
    with pytest.raises(ClaimsError, match=words) as refused:
        ClaimsConfig.model_validate(settings | change).open_tables(tmp_path)
    for line in str(refused.value).splitlines():
        assert len(line) < 400
    assert "geheim" not in str(refused.value)
