"""``import fastnn``: its modules by attribute, its name, its version, and what it says unbuilt."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

import fastnn
import fastnn.book
from fastnn import _later, _unbuilt
from fastnn._common import extras as _extras

PACKAGE = Path(fastnn.__file__).parent
BY_ATTRIBUTE = {
    "activations", "augment", "book", "cli", "convert", "costs", "datasets", "demo", "diagnostics",
    "dlfs", "export", "functional", "initializers", "many", "normalization", "optimizers",
    "playground", "plot", "preprocessing", "pretrain", "profiling", "reference", "regularizers",
    "schedules", "sklearn", "stopping", "tune",
}  # fmt: skip
# Those whose names are imported from the package itself.
INTERNAL = {
    "dropout", "history", "lsuv", "network",
}  # fmt: skip
needs_checkout = pytest.mark.skipif(
    not (REPOSITORY / "pyproject.toml").is_file(), reason="the tests stand without the checkout"
)


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``program`` in a new process in ``folder``, which is also first on its path."""
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120
    )


def said(program: str) -> str:
    """What ``program`` prints, with the tested package on the path."""
    return run(
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); {program}", Path.cwd()
    ).stdout


# ---- modules by attribute -----------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BY_ATTRIBUTE))
def test_after_one_import_a_module_is_an_attribute(name: str) -> None:
    if name == "sklearn":
        pytest.importorskip("sklearn")
    program = f"import fastnn; print('{name}' in dir(fastnn), fastnn.{name}.__name__)"
    assert said(program).split() == ["True", f"fastnn.{name}"]


@pytest.mark.parametrize("name", ["mnist_loader", "network", "network2"])
def test_the_books_modules_are_attributes(name: str) -> None:
    program = f"import fastnn; print('{name}' in dir(fastnn.book), fastnn.book.{name}.__name__)"
    assert said(program).split() == ["True", f"fastnn.book.{name}"]


def test_every_module_is_one_or_the_other() -> None:
    found = {path.stem for path in PACKAGE.glob("*.py")}
    found |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    public = {name for name in found if not name.startswith("_")}
    assert public == BY_ATTRIBUTE | INTERNAL


def test_what_is_imported_later_is_not_imported_before() -> None:
    later = said(
        "import fastnn; names = {'augment', 'book', 'cli', 'export', 'functional', 'plot', "
        "'playground', 'preprocessing', "
        "'pretrain', 'profiling', 'reference', 'sklearn', 'tune'}; "
        "print([name for name in names if 'fastnn.' + name in sys.modules])"
    )
    assert later.strip() == "[]"


@pytest.mark.parametrize("package", [fastnn, fastnn.book])
def test_type_checkers_see_the_same_modules(package: object) -> None:
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    (block,) = (
        n for n in tree.body if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)
    )
    seen = [
        alias for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    assert all(alias.asname == alias.name for alias in seen)  # so that it is exported
    assert ast.unparse(block.orelse[-1].targets[0]) == "(__getattr__, __dir__)"  # type: ignore[attr-defined]
    names = {alias.name for alias in seen}
    text = "\n".join(ast.unparse(node) for node in block.orelse)
    assert names == set(re.findall(r"'(\w+)'", text))


def test_a_misspelt_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'fastnn' has no attribute 'plott'"):
        fastnn.plott  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(fastnn.book, "network3")


WITHOUT_SKLEARN = "sys.modules['sklearn'] = None; import fastnn"  # as if it were not installed


def test_a_module_whose_library_is_missing_says_what_to_install() -> None:
    program = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); {WITHOUT_SKLEARN}; "
    line = last_line(program + "fastnn.sklearn", Path.cwd())
    assert line.startswith("ImportError: ")
    assert line.endswith('pip install "fastnn-cpu[sklearn]"')


def test_help_works_where_a_module_cannot_be_imported() -> None:
    """It asks for all that ``dir`` names."""
    program = f"{WITHOUT_SKLEARN}; import pydoc; print(pydoc.render_doc(fastnn), dir(fastnn))"
    text = said(program)
    assert "Network" in text
    assert "'tune'" in text and "'sklearn'" not in text


def test_dir_names_what_is_there() -> None:
    get, names = _later.modules_later({"__name__": "fastnn", "here": 1}, ("tune",))
    assert names() == ["__name__", "here", "tune"]
    assert get("tune").__name__ == "fastnn.tune"


# ---- the name and the version -------------------------------------------------------------------


@needs_checkout
def test_the_version_stands_once() -> None:
    files = [REPOSITORY / "pyproject.toml", REPOSITORY / "setup.py", *PACKAGE.rglob("*.py")]
    version = re.escape(fastnn.__version__)
    naming = [f for f in files if re.search(rf"[\"']{version}[\"']", f.read_text(encoding="utf-8"))]
    assert [f.name for f in naming] == ["__init__.py"]


@needs_checkout
def test_one_name_is_installed_by_and_hinted_at() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r"^\[project\]\nname = \"(.+?)\"", text, re.MULTILINE) == [
        _extras.DISTRIBUTION
    ]
    assert set(re.findall(r"\"([\w-]+)\[[\w,]+\]\"", text)) == {_extras.DISTRIBUTION}


@needs_checkout
def test_nothing_tells_people_to_install_the_other_fastnn() -> None:
    places = [REPOSITORY / name for name in ("fastnn", "bench", "examples", ".ci", "tests")]
    files = [f for place in places for f in place.rglob("*") if f.suffix in (".py", ".md", ".pyi")]
    files += [*REPOSITORY.glob("*.md"), REPOSITORY / "Makefile"]
    assert len(files) > 100
    other = re.compile(r"""pip3? install (-\S+ )*\\?["'`]?fastnn(?![\w-])""")
    assert other.search('pip install -U "fastnn[sklearn]"')
    for file in set(files) - {Path(__file__)}:
        assert not other.search(" ".join(file.read_text(encoding="utf-8").split())), file


# ---- unbuilt ------------------------------------------------------------------------------------


def copy_of_sources(folder: Path, *, in_clone: bool) -> Path:
    """The package without its compiled modules, in a folder of its own."""
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(PACKAGE, folder / "fastnn", ignore=ignored)
    if in_clone:
        (folder / "src_cython").mkdir()
    return folder


def last_line(program: str, folder: Path) -> str:
    done = run(program, folder)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


# An editable install would find the modules of another folder.
FOUND_HERE = (
    "import sys; sys.path[0] = ''; "
    "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]; import fastnn"
)


def test_sources_that_are_not_built_say_what_to_do(tmp_path: Path) -> None:
    line = last_line(FOUND_HERE, copy_of_sources(tmp_path, in_clone=True))
    assert line.startswith(f"ImportError: the sources in {tmp_path.resolve()} are not built")
    for word in ("make demo", "pip install -e .", "another folder"):
        assert word in line


def test_an_installed_package_without_its_modules_says_so(tmp_path: Path) -> None:
    line = last_line(FOUND_HERE, copy_of_sources(tmp_path, in_clone=False))
    assert line.startswith("ImportError: the compiled modules in ")
    assert "install fastnn-cpu again" in line


def test_modules_of_other_sources_say_so(tmp_path: Path) -> None:
    """A name that a compiled module of yesterday has not."""
    error = ImportError("cannot import name 'ThreadTuner'", name="fastnn._core.thread_tuner")
    with pytest.raises(ImportError, match="cannot import name 'ThreadTuner'") as caught:
        _unbuilt.explain(error)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "module", ["numpy", "fastnn.costs", "scipy.linalg", None, "fastnn._common.files"]
)
def test_other_errors_are_left_alone(module: str | None) -> None:
    assert _unbuilt.explain(ImportError("not ours", name=module)) is None


# ---- beside the sources -------------------------------------------------------------------------


@needs_checkout
def test_make_puts_the_modules_beside_the_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the wheel, and no others for this Python."""
    import zipfile
    from importlib.machinery import EXTENSION_SUFFIXES

    script = REPOSITORY / ".ci" / "place_modules.py"
    spec = importlib.util.spec_from_file_location("place_modules", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    core = tmp_path / "fastnn" / "_core"
    core.mkdir(parents=True)
    suffix = EXTENSION_SUFFIXES[0]
    (core / f"old{suffix}").write_text("old")
    (core / "other.cpython-36m-other.so").write_text("of another Python")
    (core / "plan.py").write_text("sources")
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr(f"fastnn/_core/row_source{suffix}", "new")
        wheel.writestr("fastnn/_core/plan.py", "of the wheel")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    module.place(tmp_path / "a.whl")
    found = {file.name: file.read_text() for file in core.iterdir()}
    assert found == {
        f"row_source{suffix}": "new",
        "other.cpython-36m-other.so": "of another Python",
        "plan.py": "sources",
    }
