"""All texts of a translated page are in its catalogue: one that is not is a warning.

A fuzzy one counts as missing, for Sphinx does not use it either.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.i18n import Locale
from sphinx.util import logging
from sphinx.util.nodes import extract_messages

LOCALE = Path(__file__).resolve().parents[1] / "locale"
logger = logging.getLogger(__name__)


def translations(language: str, page: str) -> dict[str, str]:
    """Return the translated texts of a page by what they are in English."""
    path = LOCALE / language / "LC_MESSAGES" / f"{page}.po"
    with path.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if not m.fuzzy}


class WarnOfUntranslated(SphinxTransform):
    default_priority = Locale.default_priority - 1

    def apply(self, **_: Any) -> None:
        if self.config.language == "en":
            return
        known = translations(self.config.language, self.env.docname)
        for node, text in extract_messages(self.document):
            if not known.get(text):
                logger.warning("not in the catalogue: %s", text, location=node)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(WarnOfUntranslated)
    return {"parallel_read_safe": True}
