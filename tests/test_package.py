"""The package as it is installed: names, version, requirements, files, and what it leaves alone."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import cast

import pytest

import fastnn
from fastnn import datasets, initializers, regularizers
from fastnn._core import kernels
from fastnn.plot import plot_history

PACKAGE = Path(fastnn.__file__).parent
DISTRIBUTION = "fastnn-cpu"  # on PyPI, fastnn is another project
OPTIONAL = ("sklearn", "matplotlib", "pooch", "tqdm", "onnx", "torch", "jax", "pandas")
SHARED = "_cyutility"  # what Cython's modules share; it has no names for people
IN_CHECKOUT = (PACKAGE.parent / "src_cython").is_dir()  # then modules of old sources may lie there


def compiled_modules() -> list[str]:
    """Those in the library, by the names of what Python calls to begin them."""
    library = Path(str(kernels.__file__)).read_bytes()
    names = {name.decode() for name in re.findall(rb"PyInit_(\w+)\0", library)}
    return sorted(names - {SHARED})


def metadata() -> Message:
    """What is installed says of itself; there is nothing in a checkout that is built in place."""
    try:
        return cast(Message, importlib.metadata.metadata(DISTRIBUTION))
    except importlib.metadata.PackageNotFoundError:
        if "FASTNN_INSTALLED_IN" in os.environ:
            raise
        pytest.skip(f"{DISTRIBUTION} is not installed")


def requirements(*, extra: str | None) -> set[str]:
    """The names of what an extra requires; of what is required anyway for None."""
    lines = metadata().get_all("Requires-Dist") or []
    marker = re.compile(rf"extra == [\"']{extra}[\"']")
    wanted = [s for s in lines if (marker.search(s) if extra else "extra ==" not in s)]
    return {re.split(r"[^\w.-]", line)[0].lower() for line in wanted}


# ---- the installed copy -------------------------------------------------------------------------


@pytest.mark.skipif(
    "FASTNN_INSTALLED_IN" not in os.environ,
    reason="FASTNN_INSTALLED_IN names no folder that fastnn must be imported from",
)
def test_the_installed_package_is_the_one_that_is_tested() -> None:
    folder = Path(os.environ["FASTNN_INSTALLED_IN"]).resolve()
    modules = [importlib.import_module(f"fastnn._core.{name}") for name in compiled_modules()]
    for module in (fastnn, *modules):
        assert Path(str(module.__file__)).resolve().is_relative_to(folder)


def test_the_core_is_compiled() -> None:
    assert {"dense", "activation", "cost", "compiled_plan", "epoch"} <= set(compiled_modules())


def test_the_compiled_modules_are_in_one_library() -> None:
    modules = [importlib.import_module(f"fastnn._core.{name}") for name in compiled_modules()]
    assert {module.__file__ for module in modules} == {kernels.__file__}
    with pytest.raises(ImportError, match="no_such_module"):
        importlib.import_module("fastnn._core.no_such_module")


# ---- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [fastnn, datasets, initializers, regularizers])
def test_public_names_exist(module: object) -> None:
    names = module.__all__  # type: ignore[attr-defined]
    assert len(names) == len(set(names)) > 0
    assert [name for name in names if not hasattr(module, name)] == []


def test_promised_names_are_public() -> None:
    promised = {"Network", "load", "QuadraticCost", "CrossEntropyCost", "LogLikelihoodCost"}
    assert promised | {"initializers", "regularizers", "datasets"} <= set(fastnn.__all__)


def test_every_module_imports_and_its_public_names_exist() -> None:
    found = [info.name for info in pkgutil.walk_packages([str(PACKAGE)], "fastnn.")]
    names = [name for name in found if name != "fastnn.__main__"]
    assert "fastnn.book.network2" in names
    assert "fastnn.reference" in names
    names += [f"fastnn._core.{name}" for name in compiled_modules()]
    for name in names:
        if IN_CHECKOUT and name.count(".") == 1 and name.startswith("fastnn._"):
            continue  # perhaps a module of old sources
        module = importlib.import_module(name)
        assert [n for n in getattr(module, "__all__", ()) if not hasattr(module, n)] == [], name


def test_version_is_the_installed_one() -> None:
    assert metadata()["Version"] == fastnn.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc|\.dev)\d+)?", fastnn.__version__)


# ---- types --------------------------------------------------------------------------------------


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_each_compiled_module_has_a_stub_and_no_other() -> None:
    assert {path.stem for path in (PACKAGE / "_core").glob("*.pyi")} == set(compiled_modules())


# ---- what it requires ---------------------------------------------------------------------------


def test_run_time_requirements() -> None:
    assert requirements(extra=None) == {"numpy", "scipy", "threadpoolctl"}


def test_import_leaves_optional_libraries_alone() -> None:
    program = f"import sys, fastnn; print(sorted(set({OPTIONAL!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def a_history() -> dict[str, list[float]]:
    return {"epoch": [1, 2], "training_cost": [0.5, 0.4]}


def train_with_a_bar() -> None:
    net = fastnn.Network([2, 2], rng=0)
    net.fit([[0.0, 1.0]], [[1.0, 0.0]], epochs=1, batch_size=1, learning_rate=0.1, progress=True)


# What needs it, the module it imports, the extra that installs it.
FEATURES: dict[str, tuple[Callable[[], object], str, str]] = {
    "digits": (datasets.load_digits, "sklearn", "sklearn"),
    "download": (datasets.load_mnist, "pooch", "data"),
    "curves": (lambda: plot_history(a_history()), "matplotlib", "plot"),
    "progress": (train_with_a_bar, "tqdm", "progress"),
}


@pytest.mark.parametrize("feature", FEATURES)
def test_missing_library_names_the_pip_command(
    feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use, module, extra = FEATURES[feature]
    monkeypatch.delenv("FASTNN_MNIST", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(
        ImportError, match=re.escape(f'pip install "fastnn-cpu[{extra}]"')
    ) as caught:
        use()
    assert module in str(caught.value)


def required_calls() -> set[tuple[str, str]]:
    """Each (module, extra) that the package's sources ask for."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require":
                (extra,) = (word.value for word in node.keywords if word.arg == "extra")
                assert isinstance(node.args[0], ast.Constant)
                assert isinstance(extra, ast.Constant)
                found.add((node.args[0].value.partition(".")[0], extra.value))
    return found


def test_every_extra_that_an_error_names_installs_what_is_missing() -> None:
    calls = required_calls()
    assert {(module, extra) for _, module, extra in FEATURES.values()} <= calls
    distribution = {"sklearn": "scikit-learn"}
    for module, extra in calls:
        assert extra in (metadata().get_all("Provides-Extra") or [])
        assert distribution.get(module, module) in requirements(extra=extra)


def test_no_module_imports_an_optional_library_at_its_top() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in ("sklearn", "experiments"):
            continue  # no estimator is defined without scikit-learn; programs draw
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            assert not {name.partition(".")[0] for name in names} & set(OPTIONAL), path.name
