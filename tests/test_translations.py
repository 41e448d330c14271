"""The Chinese of the documentation: whole, in the glossary's words, with the code as it was."""

from __future__ import annotations

import re
import runpy
from collections import Counter
from pathlib import Path

import pytest
from conftest import REPOSITORY

from fastnn.plot._chinese import CHINESE

DOCS = REPOSITORY / "docs"
CATALOGUES = DOCS / "locale" / "zh_CN" / "LC_MESSAGES"
if not CATALOGUES.is_dir():
    pytest.skip("the documentation is not beside the tests", allow_module_level=True)
EXAMPLES = [path.stem for path in (REPOSITORY / "examples").glob("[!_]*.py")]
PAGES = [
    *("index", "start", "install", "from_book", "from_dlfs", "from_sklearn"),
    *("from_pytorch_keras", "command_line", "playground", "examples", "glossary"),
    *(f"gallery/{name}" for name in EXAMPLES),
]
# Names that stay as they are.
NAMES = re.compile(
    "AVX2?|Debian|Fedora|Keras|NEON|PyTorch|SSE2|Ubuntu|Windows|fastnn|h5py|macOS|onnx|n_in|n_out"
)
CODE = re.compile(r"``[^`]+``|(?:[{:]\w+[}:])?`[^`]+`")


def entries(path: Path) -> list[tuple[str, str]]:
    """The texts of a catalogue and what they are in Chinese."""
    pofile = pytest.importorskip("babel.messages.pofile")
    with path.open("rb") as file:
        return [("fuzzy" if m.fuzzy else m.id, m.string) for m in pofile.read_po(file) if m.id]


def glossary() -> dict[str, str]:
    """Chinese words by their English ones."""
    found = re.findall(r"^([^:#\n].*) \((.+)\)\n:", (DOCS / "glossary.md").read_text("utf-8"), re.M)
    return {
        word: chinese
        for left, right in found
        for word, chinese in zip(left.split(", "), right.split("，"), strict=True)
    }


@pytest.mark.parametrize("page", PAGES)
def test_each_text_of_a_page_is_in_chinese_with_its_code(page: str) -> None:
    for text, chinese in entries(CATALOGUES / f"{page}.po"):
        assert text != "fuzzy" and chinese, text
        if re.search("[A-Za-z]{2,}", NAMES.sub("", CODE.sub("", text))):
            assert re.search("[\u4e00-\u9fff]", chinese), chinese
        # Roles may get another title, `{doc}`title <page>``, and pages say more in Chinese.
        names = Counter(c for c in CODE.findall(text) if c[0] == "`")
        assert names <= Counter(c for c in CODE.findall(chinese) if c[0] == "`"), chinese


def test_the_glossary_has_a_word_once_and_the_pictures_use_it() -> None:
    words = glossary()
    assert len(words) > 60
    assert {"batch normalization": "批量归一化", "hidden layer": "隐藏层"}.items() <= words.items()
    names = {"batch norm": "batch normalization", "learning curves": "learning curve",
             "mini-batches": "mini-batch", "layer norm": "layer normalization",
             "group norm": "group normalization", "right answers": "accuracy"}  # fmt: skip
    of_examples = runpy.run_path(str(REPOSITORY / "examples" / "_chinese.py"))["CHINESE"]
    both = {english: chinese for english, chinese in {**CHINESE, **of_examples}.items()
            if names.get(english, english) in words}  # fmt: skip
    assert len(both) >= 10 and "early stopping" in both
    assert both == {english: words[names.get(english, english)] for english in both}
