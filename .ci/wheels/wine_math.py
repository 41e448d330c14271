"""Complex functions of Windows' C library, which Wine 10 lacks and modules of NumPy and SciPy call.

Modules of a folder are changed to load a library of ours in place of the system's mathematics: it
has these functions, by MinGW's, and hands on all others.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SYSTEM = b"api-ms-win-crt-math-l1-1-0.dll"
OURS = b"fastnn-wine-math-functions.dll"
assert len(OURS) == len(SYSTEM), "one name is written over the other"

ONE_ARGUMENT = (
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log", "sin", "sinh",
    "sqrt", "tan", "tanh",
)  # fmt: skip
# By the suffix of a function: the structure that it takes, and the number within. A long double is
# a double there.
TYPES = {"f": ("FloatComplex", "float"), "": ("DoubleComplex", "double"),
         "l": ("DoubleComplex", "double")}  # fmt: skip
BEGINNING = """#include <complex.h>
typedef struct { float real, imag; } FloatComplex;
typedef struct { double real, imag; } DoubleComplex;
#define TO(x) __builtin_complex((x).real, (x).imag)
#define FROM(type, z) ((type){creal(z), cimag(z)})
"""


def functions() -> dict[str, str]:
    """The complex functions in C, each called ``our_`` and its name."""
    found = {}
    for suffix, (structure, number) in TYPES.items():
        c = "" if suffix == "l" else suffix
        for name in ONE_ARGUMENT:
            found[f"c{name}{suffix}"] = (
                f"{structure} our_c{name}{suffix}({structure} x) "
                f"{{ {number} complex z = c{name}{c}(TO(x)); return FROM({structure}, z); }}"
            )
        found[f"cpow{suffix}"] = (
            f"{structure} our_cpow{suffix}({structure} x, {structure} y) "
            f"{{ {number} complex z = cpow{c}(TO(x), TO(y)); return FROM({structure}, z); }}"
        )
        for name in ("cabs", "carg", "creal", "cimag"):
            found[f"{name}{suffix}"] = (
                f"{number} our_{name}{suffix}({structure} x) {{ return {name}{c}(TO(x)); }}"
            )
    return found


def wanted(modules: list[Path]) -> set[str]:
    """The names that these modules import from the system's mathematics."""
    import pefile

    names = set()
    for module in modules:
        with pefile.PE(str(module), fast_load=True) as read:
            read.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]])
            for library in getattr(read, "DIRECTORY_ENTRY_IMPORT", []):
                if library.dll.lower() in (SYSTEM, OURS):
                    names |= {each.name.decode() for each in library.imports}
    return names


def complete(site: Path, beside: Path) -> None:
    """Have the modules in ``site`` load our library, which is written into ``beside``."""
    modules = [*site.rglob("*.pyd"), *site.rglob("*.dll")]
    ours = functions()
    exports = [
        f"    {name} = {'our_' if name in ours else 'ucrtbase.'}{name}"
        for name in sorted(wanted(modules))
    ]
    source, definition = beside / "wine_math.c", beside / "wine_math.def"
    source.write_text(BEGINNING + "\n".join(ours.values()) + "\n")
    definition.write_text("\n".join([f"LIBRARY {OURS.decode()}", "EXPORTS", *exports, ""]))
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-O1"]
    library = beside / OURS.decode()
    subprocess.run([*compiler, "-shared", source, definition, "-o", library], check=True)
    for module in modules:
        content = module.read_bytes()
        if SYSTEM in content:
            module.write_bytes(content.replace(SYSTEM, OURS))
