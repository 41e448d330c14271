"""Build the compiled core: every ``src_cython/fastnn/_core/*.pyx`` becomes ``fastnn._core.<name>``.

The environment chooses the flavour; each has a build directory of its own, ``build/<flavour>``:

- ``release``: the default.
- ``debug`` (``FASTNN_DEBUG=1``): index and memory-view checks, C assertions, no optimisation.
- ``sanitize`` (``FASTNN_SANITIZE=1``): the release's checks under AddressSanitizer and
  UndefinedBehaviorSanitizer; ``make sanitize`` preloads their run-time libraries.
"""

import multiprocessing
import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCE = Path("src_cython")
CORE = SOURCE / "fastnn" / "_core"
# Memory-view code that every module would otherwise compile for itself; Cython writes it.
SHARED = "fastnn._core._cyutility"

# Single flags instead of -ffast-math: that one would change the floating-point mode of the
# whole process when it reaches the linker, and lets the compiler assume NaN away.
FLAGS = {
    "release": ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"],
    "debug": ["-O0", "-g", "-UNDEBUG"],
    "sanitize": [
        "-O1",
        "-g",
        "-fno-wrapv",  # Python's own flags would define signed overflow, and hide it
        "-fno-omit-frame-pointer",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=undefined",
    ],
}


# In place of -O3, for the size of the wheel: the flags of modules that loop over nothing, and
# of those whose few loops are as fast by -O2 as long as it makes vectors of them.
NO_LOOPS = (
    "_cyutility",
    "atomic",
    "blas",
    "compiled_plan",
    "isa",
    "quiet_blas",
    "thread_pool",
    "thread_tuner",
)
FEW_LOOPS = ("cost", "cost_of_z", "dense", "epoch", "row_source")
SMALLER = {
    **dict.fromkeys(NO_LOOPS, ("-Os",)),
    **dict.fromkeys(FEW_LOOPS, ("-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic")),
}
# Names of what a module keeps to itself would be a tenth of the wheel.
STRIPPED = ["-Wl,-s"] if sys.platform == "linux" else []


def flavour() -> str:
    chosen = [
        name
        for name in ("debug", "sanitize")
        if os.environ.get(f"FASTNN_{name.upper()}", "0") not in ("", "0")
    ]
    if len(chosen) > 1:
        raise ValueError("FASTNN_DEBUG and FASTNN_SANITIZE exclude each other: set one of them")
    return chosen[0] if chosen else "release"


FLAVOUR = flavour()
BUILD = Path("build") / FLAVOUR
# The modules depend on this file: an in-place build would otherwise keep the modules of another
# flavour, for their sources are not newer.
RECORD = Path("build") / "settings.txt"
CORES = os.cpu_count() or 1
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": FLAVOUR == "debug",
    "wraparound": False,
    "initializedcheck": FLAVOUR == "debug",
    "cdivision": True,
    "embedsignature": True,
}


def settings() -> str:
    """What decides the binaries besides their sources."""
    variables = {name: os.environ.get(name) for name in ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS")}
    return f"{FLAVOUR} {variables}\n{Path('setup.py').read_text(encoding='utf-8')}"


def compile_flags(module: str) -> list[str]:
    """The compiler's flags for a module, ``fastnn`` left out of its name."""
    if sys.platform == "win32":
        return []
    flags = FLAGS[FLAVOUR]
    if FLAVOUR == "release" and module in SMALLER:
        return [*SMALLER[module], *(flag for flag in flags if flag != "-O3")]
    return flags


def link_flags() -> list[str]:
    if FLAVOUR == "sanitize":
        return ["-fsanitize=address,undefined"]
    return STRIPPED if FLAVOUR == "release" else []


def extensions() -> list[Extension]:
    sources = sorted(CORE.glob("*.pyx"))
    if not sources:
        raise FileNotFoundError(
            f"no .pyx file in {CORE}: the source distribution is incomplete, "
            "and without its compiled core fastnn does not work"
        )
    modules = {f"fastnn._core.{source.stem}": source for source in sources}
    modules[SHARED] = CORE / "_cyutility.c"
    return [
        Extension(
            name,
            [source.as_posix()],
            include_dirs=[CORE.as_posix()],
            extra_compile_args=compile_flags(name.rpartition(".")[2]),
            extra_link_args=link_flags(),
        )
        for name, source in modules.items()
    ]


def compiled() -> list[Extension]:
    """The modules as C sources, all written anew if the settings are not those of the last time."""
    changed = not RECORD.is_file() or RECORD.read_text(encoding="utf-8") != settings()
    modules = cythonize(
        extensions(),
        include_path=[SOURCE.as_posix()],
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=SHARED,
        build_dir=(BUILD / "cython").as_posix(),
        emit_linenums=FLAVOUR != "release",  # for reports that name a line of the .pyx
        force=changed or None,
        # A child that is not forked would run this file again.
        nthreads=CORES if multiprocessing.get_start_method() == "fork" else 0,
    )
    if changed:
        RECORD.write_text(settings(), encoding="utf-8")
    headers = sorted(CORE.rglob("*.h"))
    for module in modules:
        module.depends += [path.as_posix() for path in (RECORD, *headers)]
    return modules


BUILD.mkdir(parents=True, exist_ok=True)
setup(
    ext_modules=compiled(),
    options={
        "build": {"build_base": BUILD.as_posix()},
        "build_ext": {"parallel": CORES},
        # The flavours may be built at the same time; only the release makes distributions.
        "egg_info": {"egg_base": "." if FLAVOUR == "release" else BUILD.as_posix()},
    },
)
