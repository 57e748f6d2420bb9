"""The site: `make docs` builds it into build/docs. Warnings are errors, links inside it are checked, all code runs."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))

from ssinfer._version import __version__  # noqa: E402 - the path above is for the extensions

project = "ssinfer"
author = "The ssinfer authors"
project_copyright = author
version = release = __version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_design",
    "numpydoc",
    "api",
    "catalogue",
    "evidence",
    "formulas",
    "links",
    "reference",
]
exclude_patterns = ["_ext", "decisions/0000-template.md"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
html_math_renderer = "mathml"
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS.parent / "build" / "docs_cache")
nb_execution_timeout = 300
nb_execution_show_tb = True  # a failed cell is a warning, so the build fails after it has read the other pages
nb_merge_streams = True

default_role = "code"
toc_object_entries = False
autosummary_generate = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "header_links_before_dropdown": 8,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
html_title = f"ssinfer {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False


def _say_language(_app: object, page: str, _template: str, context: dict[str, object], _document: object) -> None:
    """Tell browsers and screen readers the language of translated pages, whose names end in it."""
    context["language"] = "nl" if page.endswith("_nl") else language


def setup(app: object) -> None:
    """Register the language of pages."""
    app.connect("html-page-context", _say_language)
