"""The programs of ``examples/`` as pages of sphinx-gallery, with the pictures that they write.

Sphinx-Gallery wants a docstring of reStructuredText that begins with a heading, and draws what
pyplot holds; the examples have plain texts, which ``--help`` prints, and write a file. So it gets
copies, and its scraper takes the file.
"""

from __future__ import annotations

import ast
import gzip
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from sphinx.application import Sphinx

from fastnn.plot._looks import chinese_fonts

DOCS = Path(__file__).resolve().parents[1]
EXAMPLES = DOCS.parent / "examples"
COPIES = DOCS.parent / "build" / "docs" / "examples"
PICTURES = DOCS.parent / "build" / "docs" / "pictures"
DIGITS = DOCS.parent / "build" / "docs" / "digits-as-mnist"
OF_MNIST = ("mnist_best", "mnist_book")
SIDE = 28


def page_text(name: str, docstring: str) -> str:
    """Return the text of an example's page: its heading, picture, words, and what was run."""
    title, *paragraphs = docstring.strip().split("\n\n")
    title = " ".join(title.split()).rstrip(".")
    parts = [f"{title}\n{'=' * 2 * len(title)}"]
    for paragraph in paragraphs:
        is_command = paragraph.startswith("    python ")
        parts.append(f".. code-block:: text\n\n{paragraph}" if is_command else paragraph)
    picture = f".. image:: /gallery/images/sphx_glr_{name}_001.png\n   :alt: {title}"
    parts[2:2] = [picture]
    parts.append(
        f"The picture and the output below are those of ``{name}.py --quick``, a short run."
    )
    if name in OF_MNIST and mnist_folder() == DIGITS:
        parts.append(
            "MNIST was not on the machine that made this page: these are scikit-learn's digits of "
            "8 × 8 pixels, enlarged, and fewer of them."
        )
    return "\n\n".join(parts) + "\n"


def write_copies() -> None:
    """Copy the examples, each with the text of its page for a docstring."""
    shutil.rmtree(COPIES, ignore_errors=True)
    COPIES.mkdir(parents=True)
    PICTURES.mkdir(exist_ok=True)
    shutil.copy(DOCS / "gallery_header.rst", COPIES / "GALLERY_HEADER.rst")
    for path in sorted(EXAMPLES.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(source))
        if docstring is None:
            raise ValueError(f"{path}: expected a docstring")
        if not path.name.startswith("_"):
            text = page_text(path.stem, docstring).replace("\\", "\\\\")
            source = re.sub(r'\A""".*?"""', lambda _: f'"""{text}"""', source, flags=re.DOTALL)  # noqa: B023
        (COPIES / path.name).write_text(source, encoding="utf-8")


def mnist_folder() -> Path:
    """Return the folder of MNIST's files, or of digits that stand for them."""
    named = os.environ.get("FASTNN_MNIST")
    return Path(named) if named else DIGITS


def write_digits_as_mnist() -> None:
    """Write scikit-learn's digits, enlarged to 28 × 28, as the four files of MNIST."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    small = (images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    room = (SIDE - 3 * 8) // 2
    large = np.kron(small, np.ones((1, 3, 3), np.uint8))
    large = np.pad(large, ((0, 0), (room, room), (room, room)))
    DIGITS.mkdir(parents=True, exist_ok=True)
    parts = {"train": slice(0, 1500), "t10k": slice(1500, None)}
    for stem, rows in parts.items():
        for name, array in (
            ("images-idx3", large[rows]),
            ("labels-idx1", labels[rows].astype(np.uint8)),
        ):
            shape = np.array(array.shape, dtype=">u4").tobytes()
            content = bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()
            (DIGITS / f"{stem}-{name}-ubyte.gz").write_bytes(gzip.compress(content))


def command_line(_: Any, script: dict[str, Any]) -> list[str]:
    """Return the words behind ``python example.py``: a short run, its pictures in our folder.

    Its place is told from the copies' folder, where they run: the page shows what they print.
    """
    name = Path(script["src_file"]).stem
    folder = [str(mnist_folder())] if name in OF_MNIST else []
    languages = ["en", "zh"] if chinese_fonts() else ["en"]
    picture = os.path.relpath(PICTURES / f"{name}.png", COPIES)
    return [*folder, "--quick", "--output", picture, "--language", *languages]


def take_picture(block: tuple[Any, ...], variables: dict[str, Any], gallery: dict[str, Any]) -> str:
    """Give sphinx-gallery the files that an example has written; the page shows them by itself.

    The Chinese one lies beside the other by the name under which Sphinx looks for it.
    """
    picture = PICTURES / f"{Path(variables['src_file']).stem}.png"
    if picture.exists():
        place = Path(next(variables["image_path_iterator"]))
        shutil.move(picture, place)
        in_chinese = picture.with_suffix(".zh.png")
        if in_chinese.exists():
            shutil.move(in_chinese, place.with_suffix(".zh_CN.png"))
    return ""


def forget_helpers(*_: Any) -> None:
    """Let each example import what the examples share from its own folder, and anew."""
    for name in ("_command_line", "_picture", "_chinese"):
        sys.modules.pop(name, None)


def prepare(app: Sphinx, config: Any) -> None:
    """Write what sphinx-gallery reads, before it looks for it."""
    write_copies()
    if mnist_folder() == DIGITS:
        write_digits_as_mnist()


def leave_out_downloads(app: Sphinx, page: str, source: list[str]) -> None:
    """Cut the links to download a copy: it would not run without what the examples share."""
    if page.startswith("gallery/"):
        text = re.sub(
            r"\.\. only:: html\n\n    \.\. note::\n(?:\n|        .*\n)*", "", source[0], count=1
        )
        source[0] = text.partition(".. _sphx_glr_download_")[0]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", prepare, priority=1)
    app.connect("source-read", leave_out_downloads)
    return {"parallel_read_safe": True}
