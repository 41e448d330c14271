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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

SOURCE = Path("src_cython")
CORE = SOURCE / "fastnn" / "_core"
# Memory-view code that every module would otherwise compile for itself; Cython writes it.
SHARED = "fastnn._core._cyutility"

# The C kernels, each file compiled once; this module hands them to the others.
KERNELS = "fastnn._core.kernels"

# Single flags instead of -ffast-math: that one would change the floating-point mode of the
# whole process when it reaches the linker, and lets the compiler assume NaN away.
FLAGS = {
    "release": [
        "-g0",
        "-fno-asynchronous-unwind-tables",  # a twelfth of the wheel, for debuggers alone
        "-fno-math-errno",
        "-fno-trapping-math",
        "-ffp-contract=fast",
    ],
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
# Modules that loop over nothing, and the kernels that gain by more than -O2. The rest is as fast by
# -O2, as long as it makes vectors of loops, and a fifth smaller.
NO_LOOPS = (
    "_cyutility", "activation", "atomic", "blas", "compiled_plan", "context", "dropout",
    "epoch_loop", "example", "gemm", "isa", "judge", "kernels", "norm", "optimizer", "predict",
    "predictor", "quiet_blas", "thread_pool", "thread_tuner",
)  # fmt: skip
# Modules whose sums are those of NumPy, bit for bit: a product is rounded before it is added.
LIKE_NUMPY = ("epoch_loop", "judge")
HOT = ("kernels/feature_major.c", "kernels/gemm_small.c")
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
    "binding": False,  # functions of the core are not methods, and smaller without
    "embedsignature": True,
    "embedsignature.format": "clinic",
    "auto_pickle": False,
}


def settings() -> str:
    """What decides the binaries besides their sources."""
    variables = {name: os.environ.get(name) for name in ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS")}
    return f"{FLAVOUR} {variables}\n{Path('setup.py').read_text(encoding='utf-8')}"


def compile_flags(name: str) -> list[str]:
    """The compiler's flags for a module of the core, or for a file of kernels."""
    if sys.platform == "win32":
        return []
    flags = FLAGS[FLAVOUR]
    if FLAVOUR != "release":
        return flags
    if name in LIKE_NUMPY:
        flags = [*flags, "-ffp-contract=off"]
    if name in NO_LOOPS:
        return ["-Os", *flags]
    if name in HOT:
        return ["-O3", *flags]
    return ["-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", *flags]


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
        if module.name == KERNELS:
            module.depends += kernel_units()
    return modules


def kernel_units() -> list[str]:
    return [path.as_posix() for path in sorted(CORE.glob("kernels/*.c"))]


class BuildExtensions(build_ext):
    """Builds the modules; the C kernels by flags of their own, those that changed alone."""

    def build_extension(self, ext: Extension) -> None:
        if ext.name == KERNELS:
            ext.extra_objects = self.objects(ext)
        super().build_extension(ext)

    def objects(self, ext: Extension) -> list[str]:
        with ThreadPoolExecutor(CORES) as pool:
            return list(pool.map(lambda unit: self.object(ext, unit), kernel_units()))

    def object(self, ext: Extension, unit: str) -> str:
        (name,) = self.compiler.object_filenames([unit], output_dir=self.build_temp)
        headers = [path for path in ext.depends if not path.endswith(".c")]
        if self.force or newer_group([unit, *headers], name):
            self.compiler.compile(
                [unit],
                output_dir=self.build_temp,
                include_dirs=ext.include_dirs,
                extra_postargs=compile_flags(Path(unit).relative_to(CORE).as_posix()),
            )
        return name


BUILD.mkdir(parents=True, exist_ok=True)
setup(
    ext_modules=compiled(),
    cmdclass={"build_ext": BuildExtensions},
    options={
        "build": {"build_base": BUILD.as_posix()},
        "build_ext": {"parallel": CORES},
        # The flavours may be built at the same time; only the release makes distributions.
        "egg_info": {"egg_base": "." if FLAVOUR == "release" else BUILD.as_posix()},
    },
)
