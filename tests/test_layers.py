"""Imports go down only, as pyproject.toml says, and whoever breaks that is told."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

if not (REPOSITORY / "fastnn").is_dir():
    pytest.skip("the sources are not beside the tests", allow_module_level=True)

LINT = "from importlinter.cli import lint_imports_command as lint; lint()"
UPWARDS = "from fastnn._model.model import Model"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Return a folder with a copy of all that import-linter reads."""
    pytest.importorskip("importlinter")
    shutil.copytree(
        REPOSITORY / "fastnn", tmp_path / "fastnn", ignore=shutil.ignore_patterns("*.so", "__py*")
    )
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> tuple[int, str]:
    """Return import-linter's exit code, and what it says of the sources in ``folder``."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-logo", "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.returncode, done.stdout + done.stderr


def add(folder: Path, name: str, line: str) -> None:
    """Add a ``line`` to a file of the copy, or make one of it."""
    with (folder / "fastnn" / name).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def test_imports_go_down(sources: Path) -> None:
    code, text = lint(sources)
    assert code == 0, text
    assert "2 kept, 0 broken" in text


@pytest.mark.parametrize(
    "line",
    [
        UPWARDS,
        f"def later():\n    {UPWARDS}",
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {UPWARDS}",
    ],
    ids=["at the top", "in a function", "for types only"],
)
@pytest.mark.parametrize(
    "name", ["_training/run.py", "_core/plan.py", "_data/rows.py", "costs.py", "_common/checks.py"]
)
def test_an_import_that_goes_up_is_told(sources: Path, name: str, line: str) -> None:
    add(sources, name, line)
    code, text = lint(sources)
    module = "fastnn." + name.removesuffix(".py").replace("/", ".")
    assert code == 1
    assert f"{module} -> fastnn._model.model" in text


def test_a_circle_within_a_folder_is_told(sources: Path) -> None:
    add(sources, "_training/options.py", "from fastnn._training.arguments import smoothed")
    code, text = lint(sources)
    assert code == 1
    assert "No cycles are allowed in fastnn._training" in text


def test_a_module_without_a_layer_is_told(sources: Path) -> None:
    add(sources, "somewhere.py", '"""A new file."""')
    code, text = lint(sources)
    assert code == 1
    assert "somewhere" in text


def test_compiled_modules_import_only_each_other() -> None:
    """import-linter does not see them: so they must be a layer of their own, below all others."""
    files = sorted((REPOSITORY / "src_cython").rglob("*.py[xd]"))
    assert len(files) > 20
    imports = r"^\s*(?:from (fastnn\S*) (c?import)|(c?import) (fastnn\S*))"
    found = [
        (file.name, source or module, kind or other)
        for file in files
        for source, kind, other, module in re.findall(
            imports, file.read_text(encoding="utf-8"), re.MULTILINE
        )
    ]
    assert len(found) > 50
    strangers = [
        each for each in found if each[2] != "cimport" or not each[1].startswith("fastnn._core.")
    ]
    assert strangers == []
