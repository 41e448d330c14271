"""Bring the catalogues in ``locale/`` to what the pages say now; then translate what is empty.

    python docs/catalogues.py [PAGE ...]

A text that is new comes without a translation, one that has changed keeps its old one as fuzzy, one
that has gone is left out. A page gets its first catalogue by its name, such as ``gallery/circles``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sphinx_intl.basic import update

DOCS = Path(__file__).resolve().parent
LOCALE = DOCS / "locale"
LANGUAGE = "zh_CN"


def write_templates(folder: Path) -> None:
    """Let Sphinx write what pages say; without MNIST that is a sentence more."""
    environment = {name: value for name, value in os.environ.items() if name != "FASTNN_MNIST"}
    options = ["-D", "plot_gallery=0", "-D", "gettext_location=0"]
    command = [sys.executable, "-m", "sphinx", "-Q", "-b", "gettext", *options, DOCS, folder]
    subprocess.run(command, check=True, env=environment)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="to be translated from now on")
    new = set(parser.parse_args().pages)
    catalogues = LOCALE / LANGUAGE / "LC_MESSAGES"
    there = {path.relative_to(catalogues).with_suffix("") for path in catalogues.rglob("*.po")}
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_templates(folder)
        for template in folder.rglob("*.pot"):
            page = template.relative_to(folder).with_suffix("")
            if page not in there and page.as_posix() not in new:
                template.unlink()
        update(str(LOCALE), name, [LANGUAGE], line_width=100, ignore_obsolete=True)


if __name__ == "__main__":
    main()
