"""Crate: what the files of a folder are and how they were made, as RO-Crate 1.1 (JSON-LD)."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from ssinfer.documents import to_json
from ssinfer.study.frames import OUTPUT

CRATE = "ro-crate-metadata.json"
PROFILE = "https://w3id.org/ro/crate/1.1"
LICENSE = "https://spdx.org/licenses/BSD-3-Clause"  # of the software
OFFICE = "application/vnd.openxmlformats-officedocument."
FORMATS = {
    **{f".{kind}": f"text/{kind}" for kind in ("csv", "html")},
    **{f".{kind}": f"application/{kind}" for kind in ("json", "pdf", "toml", "zip")},
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tex": "application/x-tex",
    ".nc": "application/x-netcdf",
    ".parquet": "application/vnd.apache.parquet",
    ".docx": f"{OFFICE}wordprocessingml.document",
    ".xlsx": f"{OFFICE}spreadsheetml.sheet",
}
DESCRIPTIONS = {  # of files that are no tables, by name, folder or beginning of the name
    "agreement": "The agreement on which the contract was settled.",
    "figures": "A figure of the report.",
    "finding.json": "The verdict on the contract, its numbers and reasons.",
    "manifest.json": "Settings, date, seed, versions and hashes of the study.",
    "report": "The report.",
    "report_data.zip": "What the report reads of the result.",
    CRATE: "What the files of a folder are and how they were made (RO-Crate).",
    "savings.nc": "All draws, with one branch per design and method.",
    "SHA256SUMS": "SHA-256 of all other files but the manifest.",
    "study": "The study file.",
}


def crate(manifest: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the metadata of a folder with these files, the same text for the same result.

    It has the report's date, or that of the run if the data have no calendar. It has no sizes and no hashes of files:
    SHA256SUMS and the manifest have them.
    """
    files = [_file(name) for name in sorted(names)]
    read = [{"@id": f"#data/{quote(n)}", "@type": "CreativeWork", "name": n} for n in manifest.get("inputs", {})]
    used = [_software(name, version) for name, version in manifest.get("versions", {}).items()]
    ours = {**_software("ssinfer", manifest.get("ssinfer", "")), "license": {"@id": LICENSE}}
    root: dict[str, Any] = {"@id": "./", "@type": "Dataset", "name": manifest.get("title", ""), "hasPart": _ids(files)}
    root["description"] = " ".join(str(manifest.get(key, "")) for key in ("data", "note"))
    root["datePublished"] = str(manifest.get("date") or manifest.get("created", "")[:10])
    root |= {"license": {"@id": "#license"}, "mentions": {"@id": "#run"}}
    study = [file for file in files if file["@id"] == "study.toml"]
    run: dict[str, Any] = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": " and ".join(manifest.get("parts", ())),
        "object": _ids([*study, *read]),
    }
    run |= {"instrument": {"@id": ours["@id"]}, "result": _ids(file for file in files if file not in study)}
    run["description"] = f"Study hash {manifest.get('study_hash')}, seed {manifest.get('seed')}."
    license_of = {"@id": "#license", "@type": "CreativeWork", "name": "License of the results"}
    license_of["description"] = (
        "Not stated here. The owner of the results states it; that of the software is no license of results."
    )
    about = {"@id": CRATE, "@type": "CreativeWork", "conformsTo": {"@id": PROFILE}, "about": {"@id": "./"}}
    spdx = {"@id": LICENSE, "@type": "CreativeWork", "name": "BSD-3-Clause"}
    graph = [about, root, *files, *read, run, {**ours, "softwareRequirements": _ids(used)}, *used, license_of, spdx]
    return f"{to_json({'@context': f'{PROFILE}/context', '@graph': graph})}\n"


def _file(name: str) -> dict[str, Any]:
    path = PurePosixPath(name)
    known = [path.name, path.parent.name, path.name.partition(".")[0]]
    told = next((DESCRIPTIONS[key] for key in known if key in DESCRIPTIONS), "")
    row = OUTPUT[path.name].row if path.name in OUTPUT else ""
    described = {"name": name, "description": told or f"{row[:1].upper()}{row[1:]}."}
    return {"@id": quote(name), "@type": "File", "encodingFormat": FORMATS.get(path.suffix, "text/plain"), **described}


def _software(name: str, version: str) -> dict[str, Any]:
    return {"@id": f"#software/{name}", "@type": "SoftwareApplication", "name": name, "version": str(version)}


def _ids(entities: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{"@id": entity["@id"]} for entity in entities]
