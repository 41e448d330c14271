"""Build the compiled core: every ``src_cython/fastnn/_core/*.pyx`` becomes ``fastnn._core.<name>``.

All are linked into one library, that of ``fastnn._core.kernels``, in which
``fastnn/_core/__init__.py`` finds the others: a tenth of the wheel would be what every library has.

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

LIBRARY = "fastnn._core.kernels"

# Single flags instead of -ffast-math: that one would change the floating-point mode of the
# whole process when it reaches the linker, and lets the compiler assume NaN away.
FLAGS = {
    "release": [
        "-g0",
        "-fno-asynchronous-unwind-tables",  # a twelfth of the wheel, for debuggers alone
        "-fno-unwind-tables",
        "-fomit-frame-pointer",  # some compilers keep it by default, and have a register less
        "-fvisibility=hidden",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-ffp-contract=fast",
        "-Wno-unused-function",  # of Cython, where strings are not compressed
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
# Of clang's, which would unroll all loops: elsewhere, those that gain by it say so.
UNROLLED = ("kernels/gemm_packed.c",)
# Names of what a module keeps to itself would be a tenth of the wheel.
STRIPPED = ["-Wl,-s"] if sys.platform == "linux" else []


PLAIN = "fastnn will use one number at a time and one thread, about half as fast as it can be"
NO_CLANG = (
    f"clang-cl was not found, and Visual Studio's own compiler has no vector types: {PLAIN}. "
    "Install LLVM (winget install LLVM.LLVM) and build again"
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
RECORD = MODULES / "settings.txt"
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
    """What Cython's C and the headers of Python ask for."""
    told = [("CYTHON_COMPRESS_STRINGS", "0")]  # a wheel compresses them better, and without code
    if ABI == "abi3":
        return [*told, ("Py_LIMITED_API", "0x030B0000"), ("CYTHON_LIMITED_API", "1")]
    return [*told, ("Py_GIL_DISABLED", "1")] if ABI.endswith("t") else told


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
    if is_clang():
        return [*clang_level(name), *flags]
    if name in NO_LOOPS:
        return ["-Os", *flags]
    if name in HOT:
        return ["-O3", *flags]
    return ["-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", *flags]


def clang_level(name: str) -> list[str]:
    if name in NO_LOOPS:
        return ["-Os"]
    return ["-O2"] if name in UNROLLED else ["-O2", "-fno-unroll-loops"]


def windows_flags(name: str) -> list[str]:
    """The same for clang-cl; Visual Studio's own compiler keeps to its defaults."""
    if clang_cl() is None or FLAVOUR != "release":
        return []
    contract = "off" if name in LIKE_NUMPY else "fast"
    flags = "-fno-math-errno", "-fno-trapping-math", f"-ffp-contract={contract}", "-fwrapv"
    return [f"/clang:{flag}" for flag in (*clang_level(name), *flags)]


@functools.cache
def clang_cl() -> str | None:
    """The path of clang under Visual Studio's command line, if it is there."""
    folder = Path(os.environ.get("PROGRAMFILES", "C:/Program Files"), "LLVM", "bin")
    return shutil.which("clang-cl") or shutil.which("clang-cl", path=str(folder))


def link_flags() -> list[str]:
    if FLAVOUR == "sanitize":
        return ["-fsanitize=address,undefined"]
    return STRIPPED if FLAVOUR == "release" else []


class Library(Extension):
    """The one library: its modules, and the files of C kernels, each by flags of its own."""

    modules: list[Extension]


def modules() -> list[Extension]:
    """What Cython compiles: a module for each source, and what they share."""
    sources = sorted(CORE.glob("*.pyx"))
    if not sources:
        raise FileNotFoundError(
            f"no .pyx file in {CORE}: the source distribution is incomplete, "
            "and without its compiled core fastnn does not work"
        )
    found = {f"fastnn._core.{source.stem}": source for source in sources}
    found[SHARED] = CORE / "_cyutility.c"
    return [Extension(name, [source.as_posix()]) for name, source in found.items()]


def library() -> Library:
    """The library, its modules as C sources, all written anew if Cython is told something else."""
    told = f"{FLAVOUR} {DIRECTIVES}"
    record = C_SOURCES / "settings.txt"
    written = cythonize(
        modules(),
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
    include = [folder] if (folder := os.environ.get("FASTNN_PYTHON_INCLUDE")) else []
    made = Library(
        LIBRARY,
        [],
        include_dirs=[CORE.as_posix(), *include],
        define_macros=macros(),
        # Where another platform's suffix is given, it is not to be changed.
        py_limited_api=ABI == "abi3" and "SETUPTOOLS_EXT_SUFFIX" not in os.environ,
        extra_link_args=link_flags(),
        depends=[path.as_posix() for path in (RECORD, *sorted(CORE.rglob("*.h")))],
    )
    made.modules = written
    made.depends += [*kernel_units(), *(source for module in written for source in module.sources)]
    return made


def kernel_units() -> list[str]:
    return [path.as_posix() for path in sorted(CORE.glob("kernels/*.c"))]


class BuildExtensions(build_ext):
    """Builds the library, each file of C by flags of its own, those that changed alone."""

    def build_extensions(self) -> None:
        if self.compiler.compiler_type == "msvc":
            self.choose_clang()
        elif "-DFASTNN_NO_VECTORS" in os.environ.get("CFLAGS", ""):
            self.warn(PLAIN)
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

    def get_export_symbols(self, ext: Library) -> list[str]:
        return [f"PyInit_{module.name.rpartition('.')[2]}" for module in ext.modules]

    def build_extension(self, ext: Library) -> None:
        ext.extra_objects = self.objects(ext)
        super().build_extension(ext)

    def copy_extensions_to_source(self) -> None:
        """Put the library beside the sources, where modules of an older build would be found."""
        suffix = self.get_ext_filename("")
        for old in Path("fastnn", "_core").glob(f"*{suffix}"):
            old.unlink()
        super().copy_extensions_to_source()

    def objects(self, ext: Library) -> list[str]:
        """Compile what has changed, and return the names of all objects."""
        names = {unit: Path(unit).relative_to(CORE).as_posix() for unit in kernel_units()}
        names |= {module.sources[0]: module.name.rpartition(".")[2] for module in ext.modules}
        with ThreadPoolExecutor(CORES) as pool:
            return list(pool.map(lambda unit: self.object(ext, *unit), names.items()))

    def object(self, ext: Library, source: str, name: str) -> str:
        """Compile one file of C, unless its object is newer than all that it depends on."""
        is_kernel = name.startswith("kernels/")
        folder = KERNEL_OBJECTS.as_posix() if is_kernel else self.build_temp
        record = KERNELS_RECORD if is_kernel else RECORD
        (made,) = self.compiler.object_filenames([source], output_dir=folder)
        headers = [path for path in ext.depends if path.endswith(".h")]
        if self.force or newer_group([source, record.as_posix(), *headers], made):
            self.compiler.compile(
                [source],
                output_dir=folder,
                include_dirs=ext.include_dirs,
                macros=ext.define_macros,
                extra_postargs=compile_flags(name),
            )
        return made


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
    ext_modules=[library()],
    cmdclass={"build_ext": BuildExtensions, "build_py": BuildPython},
    options={
        "build": {"build_base": MODULES.as_posix()},
        "bdist_wheel": {"py_limited_api": OLDEST} if ABI == "abi3" else {},
        # The flavours may be built at the same time; only the release makes distributions.
        "egg_info": {"egg_base": "." if FLAVOUR == "release" else BUILD.as_posix()},
    },
)
