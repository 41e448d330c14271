"""What Sphinx builds the documentation with; ``make docs`` runs it once for each language."""

from __future__ import annotations

import sys
from pathlib import Path

import fastnn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "extensions"))

project = "fastnn"
author = "The fastnn developers"
copyright = author
version = release = fastnn.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
    "examples_as_gallery",  # ours, as the three after it: extensions/
    "languages",
    "public_names",
    "translated",
]
root_doc = "index"
exclude_patterns = ["gallery/index.rst", "gallery_header.rst", "locale"]
templates_path = ["_templates"]
nitpicky = True
nitpick_ignore = [("py:class", "collections.abc.Callable")]

# Texts, and their catalogues: one for each page.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
default_role = "code"
locale_dirs = ["locale"]
gettext_compact = False
gettext_uuid = False
gettext_location = True

# The reference: what docstrings say, with types as words.
autosummary_ignore_module_all = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
linkcheck_ignore = [r"gallery/\w+\.html"]  # of the cards' pictures; their texts link the same pages
intersphinx_disabled_reftypes: list[str] = []  # a page without a catalogue is the English one
suppress_warnings: list[str] = []

# Looks.
html_theme = "furo"
html_title = "fastnn"
html_static_path = ["_static"]
html_css_files = ["fastnn.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

sphinx_gallery_conf = {
    "examples_dirs": "../build/docs/examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"^_",
    "reset_argv": "examples_as_gallery.command_line",
    "image_scrapers": ("examples_as_gallery.take_picture",),
    "reset_modules": ("matplotlib", "examples_as_gallery.forget_helpers"),
    "abort_on_example_error": True,
    "notebook_extensions": set(),
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1e9,  # seconds, which differ from build to build, are not for a page
    "write_computation_times": False,
}
