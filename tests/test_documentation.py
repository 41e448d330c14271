"""The documentation: its programs run, the examples of docstrings are true, nothing is left out.

``make docs`` holds the rest: every link, and that every name has its entry.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_files import write_idx_folder
from conftest import REPOSITORY
from test_docstrings import MODULES

import fastnn

DOCS = REPOSITORY / "docs"
if not (DOCS / "conf.py").is_file():
    pytest.skip("the documentation is not beside the tests", allow_module_level=True)
PACKAGE = Path(fastnn.__file__).parent
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
PROGRAMS = {
    name: "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    for name, text in PAGES.items()
    if "```python" in text
}
COMMANDS = {
    name: re.findall(
        r"^fastnn (?!playground).*$",  # which ends by Ctrl-C alone
        "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)),
        re.MULTILINE,
    )
    for name, text in PAGES.items()
    if "```sh\nfastnn train" in text
}
# After the program that writes flowers.csv.
RUN_COMMANDS = """
import shlex, shutil
from fastnn.cli import main

shutil.copy("flowers.csv", "new-flowers.csv")
for line in {lines!r}:
    assert main(shlex.split(line)[1:]) == 0, line
"""
NEEDED = {"torch": "import torch", "sklearn": r"sklearn|digits", "matplotlib": r"import plot"}


def test_there_are_pages_and_programs() -> None:
    assert {"install", "start", "inside", "performance", "glossary", "cite"} <= set(PAGES)
    assert {"start", "from_book", "from_dlfs", "from_sklearn"} <= set(PROGRAMS)
    assert set(COMMANDS) == {"start", "command_line"}


def run(program: str, folder: Path) -> None:
    """Run a program in a process of its own; what it loads as MNIST is a small folder like it."""
    path = os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    images = str(write_idx_folder(folder / "mnist"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "MPLBACKEND": "agg", "FASTNN_MNIST": images},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_of_a_page_run_one_after_another(name: str, tmp_path: Path) -> None:
    for library, words in NEEDED.items():
        if re.search(words, PROGRAMS[name]):
            pytest.importorskip(library)
    run(PROGRAMS[name], tmp_path)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_of_a_page_run_one_after_another(name: str, tmp_path: Path) -> None:
    """On the tables and settings that the page gives."""
    for library in ("sklearn", "matplotlib", "tomli" if sys.version_info < (3, 11) else "sklearn"):
        pytest.importorskip(library)
    for settings in re.findall(r"^```toml\n(.*?)^```", PAGES[name], re.DOTALL | re.MULTILINE):
        (tmp_path / "flowers.toml").write_text(settings, encoding="utf-8")
    run(f"{PROGRAMS['command_line']}\n{RUN_COMMANDS.format(lines=COMMANDS[name])}", tmp_path)


def modules_with_examples() -> list[str]:
    """The modules in whose texts there is a prompt."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        if re.search(r"^ +>>> (?!.*\+SKIP)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found.append(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
    return sorted(found)


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_docstrings_are_true(name: str) -> None:
    for library in ("sklearn", "matplotlib"):
        pytest.importorskip(library)
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted and not result.failed


def test_the_reference_lists_every_public_module() -> None:
    listed = re.findall(
        r"^ +(fastnn[\w.]*)$",
        (DOCS / "api" / "index.rst").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(listed) == len(set(listed))
    assert sorted(set(MODULES) - set(listed)) == []
    assert [name for name in listed if importlib.util.find_spec(name) is None] == []


def test_a_public_name_without_an_entry_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "extensions"))
    module = importlib.import_module("public_names")
    names = {f"fastnn.stopping.{name}" for name in fastnn.stopping.__all__}
    monkeypatch.setattr(module, "public_modules", lambda: ["fastnn.stopping"])
    assert module.without_entry(names) == []
    assert module.without_entry(names - {"fastnn.stopping.EarlyStopping"}) == [
        "fastnn.stopping.EarlyStopping"
    ]


def test_every_example_has_a_card_and_a_place_in_the_gallery() -> None:
    for path in (REPOSITORY / "examples").glob("[!_]*.py"):
        assert f"sphx_glr_{path.stem}_001.png" in PAGES["examples"]
        assert f"<gallery/{path.stem}>" in PAGES["examples"]
