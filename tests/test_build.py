"""How setup.py builds where there is no GCC."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (ROOT / "setup.py").is_file(), reason="needs the checkout that fastnn was built from"
)


@pytest.fixture
def setup_py(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What setup.py defines and hands to setuptools, which then does nothing."""
    build = pytest.importorskip("Cython.Build", reason="needs Cython")
    setuptools = pytest.importorskip("setuptools")
    given: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src_cython").symlink_to(ROOT / "src_cython")
    (tmp_path / "setup.py").symlink_to(ROOT / "setup.py")
    monkeypatch.setattr(build, "cythonize", lambda modules, **options: modules)
    monkeypatch.setattr(setuptools, "setup", lambda **told: given.update(told))
    monkeypatch.delenv("FASTNN_ABI", raising=False)
    return {**runpy.run_path(str(ROOT / "setup.py")), "given": given}


class Compiler(SimpleNamespace):
    """Visual Studio's, as far as setup.py asks it."""

    compiler_type = "msvc"

    def initialize(self) -> None:
        self.cc, self.compile_options = "cl.exe", ["/O2", "/GL"]


def building(
    setup_py: dict[str, Any], monkeypatch: pytest.MonkeyPatch, compiler: str = "msvc"
) -> tuple[Any, list[str]]:
    """The command that builds modules by such a compiler, and what it warns of."""
    from setuptools.command.build_ext import build_ext
    from setuptools.dist import Distribution

    command = setup_py["given"]["cmdclass"]["build_ext"](Distribution())
    command.compiler = Compiler(cc="cl.exe", compiler_type=compiler)
    warned: list[str] = []
    monkeypatch.setattr(command, "warn", warned.append)
    monkeypatch.setattr(build_ext, "build_extensions", lambda self: None)
    return command, warned


def test_without_clang_one_warning_says_what_is_lost(
    setup_py: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    command, warned = building(setup_py, monkeypatch)
    command.build_extensions()
    assert command.compiler.cc == "cl.exe"
    (warning,) = warned
    assert "clang-cl was not found" in warning
    assert "half as fast" in warning


def test_clang_is_taken_where_it_is_found(
    setup_py: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: "C:/LLVM/bin/clang-cl.exe")
    command, warned = building(setup_py, monkeypatch)
    command.build_extensions()
    assert warned == []
    assert command.compiler.cc == "C:/LLVM/bin/clang-cl.exe"
    assert command.compiler.compile_options == ["/O2"]


@pytest.mark.parametrize("flags", ["", "-g -DFASTNN_NO_VECTORS"])
def test_a_build_without_vectors_says_what_is_lost(
    setup_py: dict[str, Any], monkeypatch: pytest.MonkeyPatch, flags: str
) -> None:
    monkeypatch.setenv("CFLAGS", flags)
    command, warned = building(setup_py, monkeypatch, "unix")
    command.build_extensions()
    assert len(warned) == bool(flags)
    assert all("half as fast" in warning for warning in warned)


def test_the_library_shows_every_module(
    setup_py: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, _ = building(setup_py, monkeypatch)
    (library,) = setup_py["given"]["ext_modules"]
    assert {"PyInit_kernels", "PyInit_epoch"} <= set(command.get_export_symbols(library))


def test_clang_is_given_flags_of_its_own(
    setup_py: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = setup_py["windows_flags"]
    monkeypatch.setattr("shutil.which", lambda *_, **__: "clang-cl")
    assert "/clang:-ffp-contract=fast" in flags("kernels/norm.c")
    assert "/clang:-ffp-contract=off" in flags("judge")
    setup_py["clang_cl"].cache_clear()
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert flags("judge") == []
