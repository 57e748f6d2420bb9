"""The fetch against a local server: good file, wrong bytes, cut connection, no such file; nothing half-written."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ssinfer.datasets import fetch, load_vektis
from ssinfer.datasets.io.fetching import fetch_vektis
from ssinfer.datasets.vektis.sources import VEKTIS_FILES
from ssinfer.errors import DatasetError


@pytest.fixture
def server():
    """A server of `server.files`: name -> bytes; names in `server.cut` lose their connection half-way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.removeprefix("/")
            self.server.asked.append(name)
            if name not in self.server.files:
                self.send_error(404)
                return
            raw = self.server.files[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw[: len(raw) // 2] if name in self.server.cut else raw)
            self.close_connection = True

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.files, httpd.cut, httpd.asked = {}, set(), []
    httpd.address = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield httpd
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def served(server, write_vektis, vektis_text_of, own_cache, monkeypatch):
    """The server with the registered files of 2015 and 2016, and an unset SSINFER_DATA_DIR."""
    monkeypatch.delenv("SSINFER_DATA_DIR", raising=False)
    for year in (2015, 2016):
        raw = vektis_text_of(year).encode()
        write_vektis(year, raw, genuine=True)
        server.files[VEKTIS_FILES[year].name] = raw
    server.folder = own_cache / "vektis"
    return server


def left(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_good_files_fill_the_cache_that_the_loader_reads(served):
    paths = fetch_vektis([2016, 2015], base_url=served.address)
    assert [path.name for path in paths] == ["vektis_2015_gemeente.csv", "vektis_2016_gemeente.csv"]
    assert left(served.folder) == [path.name for path in paths]
    panel = load_vektis([2015, 2016])
    assert panel.units == ("ALFA", "BETA", "GAMMA")


def test_a_good_file_is_not_asked_for_again(served):
    fetch_vektis([2015], base_url=served.address)
    fetch_vektis([2015], base_url=served.address + "/")
    assert served.asked == ["vektis_2015_gemeente.csv"]


def test_wrong_bytes_leave_nothing(served):
    name = VEKTIS_FILES[2015].name
    served.files[name] = served.files[name][:-1] + b"9"
    with pytest.raises(DatasetError, match=r"vektis_2015.*registered SHA-256.*Nothing of it was kept.*verify=False"):
        fetch_vektis([2015], base_url=served.address)
    assert left(served.folder) == []


def test_cut_connection_leaves_nothing_and_a_second_try_succeeds(served):
    served.cut.add(VEKTIS_FILES[2015].name)
    with pytest.raises(DatasetError, match=r"download failed.*Nothing of it was kept.*try again later"):
        fetch_vektis([2015], base_url=served.address)
    assert left(served.folder) == []
    served.cut.clear()
    assert fetch_vektis([2015], base_url=served.address)[0].read_bytes() == served.files[VEKTIS_FILES[2015].name]


def test_no_such_file_names_the_address_and_keeps_the_files_before(served):
    del served.files[VEKTIS_FILES[2016].name]
    with pytest.raises(DatasetError, match=rf"{served.address}/vektis_2016.*404"):
        fetch_vektis([2015, 2016], base_url=served.address)
    assert left(served.folder) == ["vektis_2015_gemeente.csv"]


def test_a_failed_refresh_keeps_the_old_file(served):
    fetch_vektis([2015], base_url=served.address)
    path = served.folder / VEKTIS_FILES[2015].name
    path.write_bytes(b"damaged")
    served.cut.add(path.name)
    with pytest.raises(DatasetError, match="download failed"):
        fetch_vektis([2015], base_url=served.address)
    assert left(served.folder) == [path.name]
    served.cut.clear()
    fetch_vektis([2015], base_url=served.address)
    assert path.read_bytes() == served.files[path.name]


@pytest.mark.usefixtures("served")
def test_no_server_at_the_address():
    with pytest.raises(DatasetError, match="download failed"):
        fetch_vektis([2015], base_url="http://127.0.0.1:9", timeout=2.0)


def test_a_folder_that_cannot_be_written(served, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DatasetError, match=r"cannot be written.*SSINFER_CACHE_DIR"):
        fetch_vektis([2015], tmp_path / "file" / "vektis", base_url=served.address)


def test_unregistered_year_and_unknown_name():
    with pytest.raises(DatasetError, match=r"no address is registered for 2010.*2011 to 2023"):
        fetch_vektis([2010])
    with pytest.raises(DatasetError, match=r"'mssp' cannot be fetched\. Allowed: vektis.*ssinfer data list"):
        fetch("mssp")


def test_registry_is_that_of_the_sources_file(data_dir):
    """Authority: sources.csv in the folder of the publisher's files."""
    import csv

    with (data_dir / "vektis" / "sources.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert [int(row["year"]) for row in rows] == sorted(VEKTIS_FILES)
    for row in rows:
        file = VEKTIS_FILES[int(row["year"])]
        assert (file.url, file.sha256, file.n_bytes) == (
            row["publisher_url"],
            row["sha256_uncompressed"],
            int(row["bytes_uncompressed"]),
        )
