"""Addresses, SHA-256 and sizes of the publisher's uncompressed files per year. Cite the source as "Bron: Vektis"."""

from dataclasses import dataclass

_BASE = "https://www.vektis.nl/uploads/Docs%20per%20pagina/Open%20Data%20Bestanden/"


@dataclass(frozen=True, slots=True)
class VektisFile:
    """One year's file per municipality: its address, SHA-256 and number of bytes when uncompressed."""

    year: int
    folder: str
    publisher_name: str
    sha256: str
    n_bytes: int

    @property
    def name(self) -> str:
        """File name in the cache and, with or without ``.gz``, in a local folder."""
        return f"vektis_{self.year}_gemeente.csv"

    @property
    def url(self) -> str:
        """The publisher's address."""
        return _BASE + self.folder.replace(" ", "%20") + "/" + self.publisher_name.replace(" ", "%20")


def vektis_file(year: int, sha256: str = "", n_bytes: int = 0, suffix: str = "") -> VektisFile:
    """Return the file of a year; without `sha256` no bytes are registered as the publisher's."""
    folder = "Gemeentebestanden 2011-2016" if year <= 2016 else str(year)
    name = f"Vektis Open Databestand Zorgverzekeringswet {year} - gemeente{suffix}.csv"
    return VektisFile(year, folder, name, sha256, n_bytes)


VEKTIS_FILES: dict[int, VektisFile] = {
    file.year: file
    for file in (
        vektis_file(2011, "aa1c36a07e8776e33576c37c373100d445f248f58b71c8f43ba18df77bf465f6", 2_396_079),
        vektis_file(2012, "a26ff67ab99408ecd5f884c93f8e9fef7cc5fbf1e633a3570b6ec7fe08aedf2b", 2_367_511),
        vektis_file(2013, "5e9854d4b922bd9cdbfb2e30676a929c883364b0931f396deeef2b6273ffbae6", 2_453_383),
        vektis_file(2014, "692ba0c65b1b96f057bab81a1d4c77f11d9000ef3ecc097d732a4a978391bd0f", 2_462_434),
        vektis_file(2015, "027156ef08f6ae8552887a88f682962de4b9ffe0095ce92693a911afed87556a", 2_682_049),
        vektis_file(2016, "309947982ac3bfa600885d2dd22e8a3ab493e9583384c49d2a86e46f90f72bd1", 2_702_063),
        vektis_file(2017, "6ba75f3a1f2b7013df6945e06b858ef792831205b207193a4853ab48e587b40d", 2_712_087),
        vektis_file(2018, "56d53be2e522e1b0677f4fc412491a9cb5cb513db4546fa7b588d0b705fb0bd1", 2_772_048),
        vektis_file(2019, "c3528f4b5845cf9825ad25ff924440cc4b1e7d4df9bd3337e331ca14111fd576", 2_717_980),
        vektis_file(2020, "1fc4e30d6be918e02b285ebbe83e17c4754daa8e647fd637f62c44a27a43c123", 2_701_008, "_versie2"),
        vektis_file(2021, "4d782791302b1ea9bc30f38ec149be6294c1d7d8f522d9df1dc6961ade05b35b", 2_817_494),
        vektis_file(2022, "23f698c6ddf3ddd58733bd7f85dae6db3fe64c7e6bfffdb7ebe0b1b8c6634b09", 2_847_288),
        vektis_file(2023, "1402afae3ce5fc4c3515adda2e01f790e4c26fd3c28db52fb7cd9be01c4f9d2e", 2_840_502),
    )
}
