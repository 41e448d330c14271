"""The same site in English and in Chinese: which pages there are, and a link from each to its twin.

A page is in the Chinese site if it has a catalogue; links to others go to the English one, which is
built first, beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]
NAMES = {"en": "English", "zh_CN": "简体中文"}


def catalogues(language: str) -> set[str]:
    """Return the names of the pages that have a catalogue in ``language``."""
    folder = DOCS / "locale" / language / "LC_MESSAGES"
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.po")}


def leave_out_what_has_no_catalogue(app: Sphinx, config: Any) -> None:
    if config.language == "en":
        return
    there = catalogues(config.language)
    pages = (p for p in DOCS.rglob("*") if p.suffix in (".md", ".rst"))
    names = {page.relative_to(DOCS).with_suffix("").as_posix() for page in pages}
    # A toctree knows a page that is left out by its name alone, without the suffix.
    config.exclude_patterns += [f"{name}.*" for name in sorted(names - there - {"index"})]
    english = Path(app.outdir).parent / "en"
    config.intersphinx_mapping = {"en": ("../en", str(english / "objects.inv"))}
    config.suppress_warnings.append("toc.excluded")


def link_to_twin(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Tell the template the other languages: their names, and where this page is in them."""
    up = "../" * (page.count("/") + 1)
    twins = {}
    for language, name in NAMES.items():
        if language == app.config.language or not (language == "en" or catalogues(language)):
            continue
        there = language == "en" or page in catalogues(language) or page in ("search",)
        twins[language] = (name, f"{up}{language}/{page if there else 'index'}.html")
    context["twins"] = twins


def setup(app: Sphinx) -> dict[str, Any]:
    # Before intersphinx reads its mapping.
    app.connect("config-inited", leave_out_what_has_no_catalogue, priority=10)
    app.connect("html-page-context", link_to_twin)
    return {"parallel_read_safe": True}
