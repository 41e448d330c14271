"""What README and CONTRIBUTING tell a reader to do works, and what they name is there."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cli_files import write_idx_folder
from conftest import REPOSITORY

import fastnn

PACKAGE = Path(fastnn.__file__).parent
README, CONTRIBUTING = REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"
if not README.is_file() or not CONTRIBUTING.is_file():
    pytest.skip("the texts are not beside the tests", allow_module_level=True)
CHINESE = REPOSITORY / "README.zh-CN.md"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in (README, CHINESE, CONTRIBUTING)}


def blocks(name: str, language: str) -> list[str]:
    """The code of one language in a text."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXTS[name], re.DOTALL | re.MULTILINE)


# What both READMEs tell to run, but for comments and their layout, runs once.
SNIPPETS = list(
    {
        ast.dump(ast.parse(code)): code
        for name in ("README.zh-CN.md", "README.md")
        for code in blocks(name, "python")
    }.values()
)
# Lines set off by four blanks are for a shell.
SHELL = {
    name: [line.partition(" # ")[0].strip() for line in re.findall(r"^ {4}(\S.*)$", text, re.M)]
    for name, text in TEXTS.items()
}
GRIDS = blocks("README.md", "toml")
COMMANDS = [line for line in SHELL["README.md"] if line.startswith("fastnn ")]


def run(words: Sequence[str], folder: Path, **environment: str) -> str:
    """Run Python with ``words`` in ``folder``, with the tested package; return what it prints."""
    path = os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "MPLBACKEND": "agg", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs(text: str) -> None:
    """Skip where the libraries that a text uses are not installed."""
    if re.search(r"sklearn|digits", text):
        pytest.importorskip("sklearn")
    if "--plot" in text or "import plot" in text:
        pytest.importorskip("matplotlib")
    if re.search("fastnn search|--config", text) and sys.version_info < (3, 11):
        pytest.importorskip("tomli")


def test_there_are_snippets_and_commands() -> None:
    assert len(SNIPPETS) >= 6
    assert {line.split()[1] for line in COMMANDS} >= {"train", "evaluate", "predict", "info"}


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_each_snippet_of_the_readmes_runs_alone(number: int, tmp_path: Path) -> None:
    """In a process of its own; what it loads as MNIST is a small folder like it."""
    needs(SNIPPETS[number])
    images = write_idx_folder(tmp_path / "mnist")
    (tmp_path / "snippet.py").write_text(SNIPPETS[number], encoding="utf-8")
    run(["snippet.py"], tmp_path, FASTNN_MNIST=str(images))


def test_the_chinese_readme_says_what_the_english_one_says() -> None:
    """Its commands and TOML are among those that run below; numbers and wheels are equal."""
    chinese = [line for line in SHELL["README.zh-CN.md"] if line.startswith("fastnn ")]
    assert len(chinese) >= 6 and set(chinese) <= set(COMMANDS)
    english, translated = (
        [re.findall(r"^[^#\n]+", table, re.M) for table in blocks(path.name, "toml")]
        for path in (README, CHINESE)
    )
    assert translated and all(table in english for table in translated)
    times, wheels = r"\| *([\d.]+) \| *([\d.]+)? ", r"^\| (`(?:many|musl|win|mac)\w+`.*?) \|"
    for pattern in (times, wheels):
        english, translated = (
            re.findall(pattern, TEXTS[path.name].replace("、", ", "), re.M)
            for path in (README, CHINESE)
        )
        assert len(english) >= 5 and english == translated


def write_flowers(folder: Path) -> None:
    """What the README's commands read: tables with names of classes and without, settings."""
    from sklearn.datasets import load_iris

    iris = load_iris()
    names = ",".join(name.replace(" (cm)", "") for name in iris.feature_names)
    rows = [",".join(str(x) for x in row) for row in iris.data]
    named = [f"{row},{iris.target_names[y]}" for row, y in zip(rows, iris.target, strict=True)]
    (folder / "flowers.csv").write_text("\n".join([f"{names},species", *named]) + "\n")
    (folder / "new-flowers.csv").write_text("\n".join([names, *rows[::30]]) + "\n")
    model, grid = GRIDS
    (folder / "model.toml").write_text(model)
    (folder / "grid.toml").write_text(grid)


def test_the_commands_of_the_readme_run_one_after_another(tmp_path: Path) -> None:
    needs(" ".join(COMMANDS))
    write_flowers(tmp_path)
    said = {line: run(["-m", "fastnn", *shlex.split(line)[1:]], tmp_path) for line in COMMANDS}
    assert all(said.values())
    predicted = said["fastnn predict flowers.json new-flowers.csv"].splitlines()
    assert (
        sum(re.search(r"setosa|versicolor|virginica", line) is not None for line in predicted) == 5
    )
    assert {path.name for path in tmp_path.iterdir()} == {
        "digits.json", "curves.png", "flowers.csv", "new-flowers.csv", "flowers.json",
        "grid.toml", "best.json", "jobs.jsonl", "flowers.c", "flowers.h", "rates.png", "model.toml",
        "folder", "circles.png",
    }  # fmt: skip


def modules_to_run() -> list[str]:
    texts = [*TEXTS.values(), (REPOSITORY / "bench" / "README.md").read_text(encoding="utf-8")]
    return sorted(set(re.findall(r"python -m (bench\.\w+)", "\n".join(texts))))


@pytest.mark.parametrize("module", modules_to_run())
def test_each_benchmark_starts(module: str, tmp_path: Path) -> None:
    """Through a link, so that the tested package is imported."""
    pytest.importorskip("sklearn")
    (tmp_path / "bench").symlink_to(REPOSITORY / "bench")
    assert "usage" in run(["-m", module, "--help"], tmp_path)


def test_in_the_clone_python_finds_modules_or_says_what_to_do() -> None:
    program = "import sys; sys.path[0] = ''; import fastnn; print(fastnn.Network)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    said = done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]
    assert re.match(r"<class 'fastnn|ImportError: the sources in .*: run `make demo` or", said)


@pytest.mark.parametrize("name", TEXTS)
def test_each_target_of_make_is_there(name: str) -> None:
    """Also every script that is called by its path."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    used = {words[1] for words in map(str.split, SHELL[name]) if words[0] == "make"}
    used |= set(re.findall(r"`make ([\w-]+)", TEXTS[name]))
    assert used and used <= targets
    for line in SHELL[name]:
        if line.startswith("."):
            assert os.access(REPOSITORY / line.split()[0], os.X_OK), line


@pytest.mark.parametrize("name", TEXTS)
def test_each_example_and_each_extra_is_there(name: str) -> None:
    for path in re.findall(r"examples/\w+\.py", TEXTS[name]):
        assert (REPOSITORY / path).is_file(), path
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    section = project.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = set(re.findall(r"^(\w+) = ", section, re.MULTILINE))
    for asked in re.findall(r"\.\[([\w,]+)\]", TEXTS[name]):
        assert set(asked.split(",")) <= extras


def files_named(text: str) -> list[str]:
    """The files in the first cells of tables; one without a folder lies beside the one before."""
    found = []
    for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        folder = ""
        for name in re.findall(r"`([\w./*]+)`", cell):
            if "/" in name:
                parent = name.rstrip("/").rpartition("/")[0]
                folder = f"{parent}/" if parent else ""
            found.append(name if "/" in name else folder + name)
    return found


def test_each_file_in_the_readme_is_there() -> None:
    section = TEXTS["README.md"].partition("## What is where")[2]
    names = files_named(section)
    assert len(names) > 20
    assert [name for name in names if not (REPOSITORY / name).exists()] == []


def test_each_file_in_contributing_is_there() -> None:
    section = TEXTS["CONTRIBUTING.md"].partition("## Where things are")[2].partition("\n## ")[0]
    python, _, core = section.partition("The compiled core, in `src_cython/fastnn/_core/`")
    missing = [n for n in files_named(python) if not list((REPOSITORY / "fastnn").glob(n))]
    for folder, text in re.findall(r"^\| `(\w+)/` \| (.*) \|$", python, re.MULTILINE):
        for name in re.findall(r"`(\w+\.py)`", text):
            if not (REPOSITORY / "fastnn" / folder / name).is_file():
                missing.append(f"{folder}/{name}")
    for name in re.findall(r"`(\w+\.py)`", python.partition("What is internal")[0]):
        if not (REPOSITORY / "fastnn" / name).is_file():
            missing.append(name)
    for name in files_named(core):
        endings = [name] if "." in name else [f"{name}.pyx", f"{name}.pxd"]
        if not any(
            (REPOSITORY / "src_cython" / "fastnn" / "_core" / each).is_file() for each in endings
        ):
            missing.append(name)
    assert missing == []


def test_each_line_of_the_manifest_finds_something() -> None:
    """In a checkout: what is built lies there too, and is left out."""
    for line in (REPOSITORY / "MANIFEST.in").read_text(encoding="utf-8").splitlines():
        command, *words = line.split()
        if command == "include":
            assert [word for word in words if not (REPOSITORY / word).is_file()] == []
        elif command in ("graft", "recursive-include"):
            folder, patterns = REPOSITORY / words[0], words[1:] or ["*"]
            assert [p for p in patterns if not any(folder.rglob(p))] == [], line
        else:
            assert command in ("prune", "global-exclude"), line
