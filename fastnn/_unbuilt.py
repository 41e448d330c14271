"""What to do where the compiled core is missing, or is not the one of these sources."""

from __future__ import annotations

from pathlib import Path

from fastnn._common.extras import DISTRIBUTION

PACKAGE = Path(__file__).resolve().parent


def explain(error: ImportError) -> None:
    """Raise one line on what to do if ``error`` is of a compiled module; else do nothing.

    In a folder of sources Python takes ``fastnn/`` there for the package, built or not, even where
    another one is installed.

    Parameters
    ----------
    error : ImportError
        What the import of the package raised.

    Raises
    ------
    ImportError
        Naming the folder and the commands.
    """
    if not _is_compiled(error.name):
        return
    if (PACKAGE.parent / "src_cython").is_dir():
        what = (
            f"the sources in {PACKAGE.parent} are not built for this Python, or have changed since "
            f"({error}): run `make demo` or `pip install -e .` there; to use an installed fastnn, "
            "start Python in another folder"
        )
    else:
        what = (
            f"the compiled modules in {PACKAGE} are missing or not of this version ({error}): "
            f"install {DISTRIBUTION} again, with pip's --force-reinstall"
        )
    raise ImportError(what, name=error.name, path=error.path) from None


def _is_compiled(module: str | None) -> bool:
    """Whether there is a stub for ``module``, as there is for each compiled one."""
    package, _, name = (module or "").rpartition(".")
    return package == "fastnn._core" and (PACKAGE / "_core" / f"{name}.pyi").is_file()
