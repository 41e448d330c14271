"""The C kernels compiled for 64-bit ARM, and an emulator of its processor that runs them.

zig's clang (``ziglang``) compiles and Unicorn (``unicorn``) emulates; both come from PyPI.
"""

from __future__ import annotations

import ctypes
import math
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

CORE = Path(__file__).parents[1] / "src_cython" / "fastnn" / "_core"
ARM = ("-target", "aarch64-linux-musl")
# Those flags of setup.py that decide what is computed.
FLAGS = ("-g0", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", f"-I{CORE}")
# What the kernels ask of a C library, and where they return to: there the emulator asks Python.
OUTSIDE = ("memcpy", "memset", "exp", "log", "returned")
STUB = '__asm__(".globl {0}\\n{0}: ret\\n");\n'
DATA, STACK, ROOM = 0x2000_0000, 0x4000_0000, 1 << 22
GUARD = 64  # bytes around each array that no kernel may change

Argument = np.ndarray | np.floating | int | None


def zig(*words: str) -> None:
    """Run zig's C compiler."""
    command = [sys.executable, "-m", "ziglang", "cc", *words]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def objects(folder: Path, *more: str) -> list[str]:
    """Compile all kernels, and return the names of the object files."""

    def compile_one(source: Path) -> str:
        name = str(folder / f"{source.stem}.o")
        zig("-O1", *FLAGS, *more, "-c", str(source), "-o", name)
        return name

    folder.mkdir()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(compile_one, sorted(CORE.glob("kernels/*.c"))))


class Plain:
    """This machine, with the kernels as compilers without vectors make them, a number at a time."""

    def __init__(self, folder: Path) -> None:
        name = str(folder / "plain.so")
        zig("-shared", *objects(folder / "plain", "-fPIC", "-DFASTNN_NO_VECTORS"), "-o", name)
        self._library = ctypes.CDLL(name)

    def table(self, name: str, begin: int, size: int) -> list[int]:
        """Return ``size`` pointers of a table, from the one at ``begin`` on."""
        return list((ctypes.c_size_t * (begin + size)).in_dll(self._library, name))[begin:]

    def call(self, address: int, *arguments: Argument, result: type | None = None) -> Any:
        """Call a kernel; arrays are changed where they are."""
        number = {"float64": ctypes.c_double, "float32": ctypes.c_float}
        words = [
            ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray)
            else number[a.dtype.name](a) if isinstance(a, np.floating)
            else ctypes.c_void_p(a)
            for a in arguments
        ]  # fmt: skip
        returns = {None: None, float: ctypes.c_double, int: ctypes.c_int}[result]
        return ctypes.CFUNCTYPE(returns)(address)(*words)


class Arm:
    """An emulated 64-bit ARM, with the kernels in its memory."""

    def __init__(self, folder: Path) -> None:
        import unicorn
        from unicorn import arm64_const as names

        stubs, program = folder / "stubs.c", folder / "kernels.elf"
        stubs.write_text("".join(STUB.format(name) for name in OUTSIDE))
        zig(*ARM, "-static", "-nostdlib", "-Wl,-e,returned", str(stubs),
            *objects(folder / "arm", *ARM), "-o", str(program))  # fmt: skip
        self._names = names
        self._machine = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self._symbols = self._load(program.read_bytes())
        for start in (DATA, STACK):
            self._machine.mem_map(start, ROOM)
        self._machine.reg_write(names.UC_ARM64_REG_CPACR_EL1, 3 << 20)  # NEON is switched on
        hooks: dict[str, Callable[[], None]] = {
            "memcpy": self._memcpy,
            "memset": self._memset,
            "exp": lambda: self._function(math.exp),
            "log": lambda: self._function(math.log),
        }
        for name, hook in hooks.items():
            if name in self._symbols:
                at = self._symbols[name]
                self._machine.hook_add(
                    unicorn.UC_HOOK_CODE, lambda *_, hook=hook: hook(), begin=at, end=at
                )

    def _load(self, elf: bytes) -> dict[str, int]:
        """Put an ELF program where it belongs, and return where its symbols are."""
        (programs, sections, _, _, _, n_programs, _, n_sections) = struct.unpack_from(
            "<QQIHHHHH", elf, 32
        )
        for i in range(n_programs):
            kind, _, offset, address, _, stored, size = struct.unpack_from(
                "<IIQQQQQ", elf, programs + 56 * i
            )
            if kind == 1 and size:
                begin, end = address & ~0xFFFF, (address + size + 0xFFFF) & ~0xFFFF
                self._machine.mem_map(begin, end - begin)
                self._machine.mem_write(address, elf[offset : offset + stored])
        headers = [struct.unpack_from("<IIQQQQIIQQ", elf, sections + 64 * i)
                   for i in range(n_sections)]  # fmt: skip
        symbols = {}
        for _, kind, _, _, offset, size, link, _, _, each in headers:
            for at in range(offset, offset + size, each) if kind == 2 else ():
                name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", elf, at)
                begin = headers[link][4] + name
                symbols[elf[begin : elf.index(0, begin)].decode()] = value
        return symbols

    def _register(self, name: str) -> Any:
        return self._machine.reg_read(getattr(self._names, f"UC_ARM64_REG_{name}"))

    def _set(self, name: str, value: int) -> None:
        self._machine.reg_write(getattr(self._names, f"UC_ARM64_REG_{name}"), value)

    def _memcpy(self) -> None:
        size = self._register("X2")
        if size:
            block = bytes(self._machine.mem_read(self._register("X1"), size))
            self._machine.mem_write(self._register("X0"), block)

    def _memset(self) -> None:
        block = bytes([self._register("X1") & 0xFF]) * self._register("X2")
        self._machine.mem_write(self._register("X0"), block)

    def _function(self, f: Callable[[float], float]) -> None:
        (x,) = struct.unpack("<d", struct.pack("<Q", self._register("D0")))
        self._set("D0", struct.unpack("<Q", struct.pack("<d", f(x)))[0])

    def table(self, name: str, begin: int, size: int) -> list[int]:
        """Return ``size`` pointers of a table, from the one at ``begin`` on."""
        block = self._machine.mem_read(self._symbols[name] + 8 * begin, 8 * size)
        return list(struct.unpack(f"<{size}Q", block))

    def call(self, address: int, *arguments: Argument, result: type | None = None) -> Any:
        """Call a kernel; arrays are changed where they are, and nothing around them."""
        at, places, words, n_numbers = DATA, [], [], 0
        for a in arguments:
            if isinstance(a, np.ndarray):
                guarded = b"\xa5" * GUARD + a.tobytes() + b"\xa5" * GUARD
                self._machine.mem_write(at, guarded)
                places.append((a, at))
                words.append(at + GUARD)
                at += -(-len(guarded) // 16) * 16 + a.itemsize  # one that is not aligned
            elif isinstance(a, np.floating):
                self._set(f"D{n_numbers}", int.from_bytes(a.tobytes(), "little"))
                n_numbers += 1
            else:
                words.append(a or 0)
        assert at < DATA + ROOM
        for i, word in enumerate(words[:8]):
            self._set(f"X{i}", word)
        top = STACK + ROOM - 0x1000
        self._machine.mem_write(top, struct.pack(f"<{len(words[8:])}Q", *words[8:]))
        self._set("SP", top)
        self._set("LR", self._symbols["returned"])
        self._machine.emu_start(address, self._symbols["returned"])
        for a, begin in places:
            whole = bytes(self._machine.mem_read(begin, a.nbytes + 2 * GUARD))
            assert whole[:GUARD] == whole[-GUARD:] == b"\xa5" * GUARD, "wrote beyond an array"
            a[...] = np.frombuffer(whole[GUARD:-GUARD], a.dtype).reshape(a.shape)
        if result is float:
            return struct.unpack("<d", struct.pack("<Q", self._register("D0")))[0]
        return self._register("X0") if result is int else None
