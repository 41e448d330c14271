"""Build the compiled core: every ``src_cython/fastnn/_core/*.pyx`` becomes ``fastnn._core.<name>``.

The environment chooses the flavour; each has a build directory of its own, ``build/<flavour>``:

- ``release``: the default.
- ``debug`` (``FASTNN_DEBUG=1``): index and memory-view checks, C assertions; only the C kernels are
  optimised, which have no such checks.
- ``sanitize`` (``FASTNN_SANITIZE=1``): the release's checks under AddressSanitizer and
  UndefinedBehaviorSanitizer; ``make sanitize`` preloads their run-time libraries.

For wheels of other Pythons and platforms (``.ci/wheels/build.py``):

- ``FASTNN_ABI``: ``abi3``, the stable ABI, one wheel for CPython 3.11 and all later ones; or a name
  such as ``cp314t``, whose headers are in the folder ``FASTNN_PYTHON_INCLUDE``.
- ``FASTNN_BUILD``: the folder for the platform's binaries.
"""

import functools
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
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


NO_CLANG = (
    "clang-cl was not found, and Visual Studio's own compiler has no vector types: fastnn will use "
    "one number at a time and one thread, about half as fast as it can be. Install LLVM "
    "(winget install LLVM.LLVM) and build again"
)


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
C_SOURCES = BUILD / "cython"
# The C kernels know nothing of Python: one object serves all of a platform's wheels.
KERNEL_OBJECTS = Path(os.environ.get("FASTNN_BUILD") or BUILD) / "kernels"
ABI = os.environ.get("FASTNN_ABI", "")
MODULES = KERNEL_OBJECTS.parent / ABI
# What the last build was told; the objects depend on it, for their sources may not be newer.
RECORD = (MODULES if ABI else Path("build")) / "settings.txt"
KERNELS_RECORD = KERNEL_OBJECTS / "settings.txt"
CORES = os.cpu_count() or 1
OLDEST = "cp311"  # the first whose stable ABI has buffers
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
    "freethreading_compatible": True,  # what threads share is locked: see CONTRIBUTING, Threads
}


def settings() -> str:
    """What decides the kernels besides their sources."""
    variables = {name: os.environ.get(name) for name in ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS")}
    return f"{FLAVOUR} {variables}\n{Path('setup.py').read_text(encoding='utf-8')}"


def macros() -> list[tuple[str, str]]:
    """What tells the headers of Python which binary interface is wanted."""
    if ABI == "abi3":
        return [("Py_LIMITED_API", "0x030B0000"), ("CYTHON_LIMITED_API", "1")]
    return [("Py_GIL_DISABLED", "1")] if ABI.endswith("t") else []


def differs(record: Path, text: str) -> bool:
    """Whether ``record`` does not say ``text``."""
    return not record.is_file() or record.read_text(encoding="utf-8") != text


def note(record: Path, text: str) -> None:
    """Have ``record`` say ``text``, and stay as old as it is if it does."""
    if differs(record, text):
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(text, encoding="utf-8")


@functools.cache
def is_clang() -> bool:
    """Whether the compiler is clang, under whatever name: its -O2 makes vectors by itself."""
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    try:
        said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    except OSError:  # setuptools will say so
        return False
    return "clang" in said.stdout


def compile_flags(name: str) -> list[str]:
    """The compiler's flags for a module of the core, or for a file of kernels."""
    if sys.platform == "win32":
        return windows_flags(name)
    flags = FLAGS[FLAVOUR]
    if FLAVOUR != "release" and name.startswith("kernels/"):
        return [*flags, "-O2"]
    if FLAVOUR != "release":
        return flags
    if name in LIKE_NUMPY:
        flags = [*flags, "-ffp-contract=off"]
    if name in NO_LOOPS:
        return ["-Os", *flags]
    if name in HOT:
        return ["-O3", *flags]
    vectors = [] if is_clang() else ["-ftree-vectorize", "-fvect-cost-model=dynamic"]
    return ["-O2", *vectors, *flags]


def windows_flags(name: str) -> list[str]:
    """The same for clang-cl; Visual Studio's own compiler keeps to its defaults."""
    if clang_cl() is None or FLAVOUR != "release":
        return []
    contract = "off" if name in LIKE_NUMPY else "fast"
    flags = "-fno-math-errno", "-fno-trapping-math", f"-ffp-contract={contract}", "-fwrapv"
    return [f"/clang:{flag}" for flag in ("-Os" if name in NO_LOOPS else "-O2", *flags)]


@functools.cache
def clang_cl() -> str | None:
    """The path of clang under Visual Studio's command line, if it is there."""
    folder = Path(os.environ.get("PROGRAMFILES", "C:/Program Files"), "LLVM", "bin")
    return shutil.which("clang-cl") or shutil.which("clang-cl", path=str(folder))


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
    include = [folder] if (folder := os.environ.get("FASTNN_PYTHON_INCLUDE")) else []
    return [
        Extension(
            name,
            [source.as_posix()],
            include_dirs=[CORE.as_posix(), *include],
            define_macros=macros(),
            # Where another platform's suffix is given, it is not to be changed.
            py_limited_api=ABI == "abi3" and "SETUPTOOLS_EXT_SUFFIX" not in os.environ,
            extra_compile_args=compile_flags(name.rpartition(".")[2]),
            extra_link_args=link_flags(),
        )
        for name, source in modules.items()
    ]


def compiled() -> list[Extension]:
    """The modules as C sources, all written anew if Cython is told something else than before."""
    told = f"{FLAVOUR} {DIRECTIVES}"
    record = C_SOURCES / "settings.txt"
    modules = cythonize(
        extensions(),
        include_path=[SOURCE.as_posix()],
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=SHARED,
        build_dir=C_SOURCES.as_posix(),
        emit_linenums=FLAVOUR != "release",  # for reports that name a line of the .pyx
        force=differs(record, told) or None,
        # A child that is not forked would run this file again.
        nthreads=CORES if multiprocessing.get_start_method() == "fork" else 0,
    )
    note(record, told)
    note(KERNELS_RECORD, settings())
    note(RECORD, f"{ABI} {os.environ.get('FASTNN_PYTHON_INCLUDE')} {settings()}")
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

    def build_extensions(self) -> None:
        if self.compiler.compiler_type == "msvc":
            self.choose_clang()
        super().build_extensions()

    def choose_clang(self) -> None:
        """Have clang compile for Visual Studio, or say what it is like without."""
        compiler = self.compiler
        if clang_cl() is None:
            self.warn(NO_CLANG)
            return
        compiler.initialize()
        compiler.cc = clang_cl()
        # Optimization by the linker is for Visual Studio's own objects.
        compiler.compile_options = [each for each in compiler.compile_options if each != "/GL"]

    def build_extension(self, ext: Extension) -> None:
        if ext.name == KERNELS:
            ext.extra_objects = self.objects(ext)
        super().build_extension(ext)

    def objects(self, ext: Extension) -> list[str]:
        with ThreadPoolExecutor(CORES) as pool:
            return list(pool.map(lambda unit: self.object(ext, unit), kernel_units()))

    def object(self, ext: Extension, unit: str) -> str:
        folder = KERNEL_OBJECTS.as_posix()
        (name,) = self.compiler.object_filenames([unit], output_dir=folder)
        headers = [path for path in ext.depends if path.endswith(".h")]
        if self.force or newer_group([unit, KERNELS_RECORD.as_posix(), *headers], name):
            self.compiler.compile(
                [unit],
                output_dir=folder,
                include_dirs=ext.include_dirs,
                extra_postargs=compile_flags(Path(unit).relative_to(CORE).as_posix()),
            )
        return name


class BuildPython(build_py):
    """Adds the examples to the package, where ``fastnn experiments`` finds them."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # which finds them beside the package
            for source in sorted(Path("examples").glob("*.py")):
                self.copy_file(source.as_posix(), self._example(source))

    def _example(self, source: Path) -> str:
        folder = Path(self.build_lib, "fastnn", "experiments")
        self.mkpath(folder.as_posix())
        return (folder / source.name).as_posix()

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        examples = [self._example(source) for source in sorted(Path("examples").glob("*.py"))]
        return [*super().get_outputs(include_bytecode), *examples]


MODULES.mkdir(parents=True, exist_ok=True)
setup(
    ext_modules=compiled(),
    cmdclass={"build_ext": BuildExtensions, "build_py": BuildPython},
    options={
        "build": {"build_base": MODULES.as_posix()},
        "build_ext": {"parallel": CORES},
        "bdist_wheel": {"py_limited_api": OLDEST} if ABI == "abi3" else {},
        # The flavours may be built at the same time; only the release makes distributions.
        "egg_info": {"egg_base": "." if FLAVOUR == "release" else BUILD.as_posix()},
    },
)
