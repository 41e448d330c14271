"""The platforms and Pythons that wheels are built for, and what each is called by whom."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOT_MADE", "PLATFORMS", "PYTHONS", "Platform", "Target"]


@dataclass(frozen=True)
class Platform:
    """Where wheels run.

    Attributes
    ----------
    zig : str
        The compiler's name for it, with the oldest system that it is built for.
    tag : str
        The wheel's.
    suffix : str
        Of modules, with the place of Python's version in it.
    stable_suffix : str
        Of modules for the stable ABI.
    """

    zig: str
    tag: str
    suffix: str
    stable_suffix: str = ".abi3.so"

    @property
    def is_windows(self) -> bool:
        return self.tag.startswith("win")

    @property
    def is_linux(self) -> bool:
        return "linux" in self.tag


def _linux(machine: str) -> dict[str, Platform]:
    glibc, musl = f"manylinux_2_17_{machine}", f"musllinux_1_2_{machine}"
    gnu_suffix = f".cpython-{{}}-{machine}-linux-gnu.so"
    musl_suffix = f".cpython-{{}}-{machine}-linux-musl.so"
    return {
        f"manylinux-{machine}": Platform(f"{machine}-linux-gnu.2.17", glibc, gnu_suffix),
        f"musllinux-{machine}": Platform(f"{machine}-linux-musl", musl, musl_suffix),
    }


def _windows(machine: str, arm_or_amd: str) -> Platform:
    tag = f"win_{arm_or_amd}"
    return Platform(f"{machine}-windows-gnu", tag, f".cp{{}}-{tag}.pyd", ".pyd")


def _macos(machine: str, oldest: str, name: str) -> Platform:
    tag = f"macosx_{oldest.replace('.', '_')}_{name}"
    return Platform(f"{machine}-macos.{oldest}", tag, ".cpython-{}-darwin.so")


PLATFORMS = {
    **_linux("x86_64"),
    **_linux("aarch64"),
    "windows-amd64": _windows("x86_64", "amd64"),
    "windows-arm64": _windows("aarch64", "arm64"),
    "macos-arm64": _macos("aarch64", "11.0", "arm64"),
    "macos-x86_64": _macos("x86_64", "11.0", "x86_64"),
}

# From a wheel's ABI to the Python whose headers it is compiled with.
PYTHONS = {"cp310": "3.10", "abi3": "3.11", "cp314t": "3.14"}
# There is no such Python.
NOT_MADE = {("windows-arm64", "cp310")}


@dataclass(frozen=True)
class Target:
    """A platform, an ABI and Python's headers for it."""

    platform: Platform
    abi: str
    include: str

    @property
    def suffix(self) -> str:
        if self.abi == "abi3":
            return self.platform.stable_suffix
        return self.platform.suffix.format(self.abi.removeprefix("cp"))

    @property
    def tag(self) -> str:
        return self.platform.tag

    @property
    def tags(self) -> tuple[str, str]:
        """The wheel's tags of Python and of the ABI."""
        if self.abi == "abi3":
            return f"cp{PYTHONS['abi3'].replace('.', '')}", "abi3"
        return self.abi.removesuffix("t"), self.abi

    @property
    def python_dll(self) -> str:
        """The name of Windows' library that holds Python."""
        return "python3" if self.abi == "abi3" else f"python{self.abi.removeprefix('cp')}"
