"""Files that are written whole or not at all: permissions, leftovers, links, full disks."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

import fastnn
from fastnn._common import files as _files
from fastnn._common.files import open_regular, shown, write_whole

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such thing")


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def leftover(target: Path) -> Path:
    """Return a file as a killed process leaves it."""
    descriptor, temporary = _files._create_beside(target, 0o600)
    os.write(descriptor, b"half")
    os.close(descriptor)
    return temporary


# --- permissions


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666, 0o604, 0o755, 0o4755])
def test_permissions_of_an_old_file_are_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    mask = os.umask(0o077)
    try:
        write_whole(path, b"new")
    finally:
        os.umask(mask)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


@posix
@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077, 0o000])
def test_a_new_file_is_as_open_would_make_it(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "file", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


@posix
def test_what_is_half_written_is_no_more_readable_than_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o600)
    seen: list[int] = []
    create = _files._create_beside

    def look(target: Path, mode: int) -> tuple[int, Path]:
        descriptor, temporary = create(target, mode)
        seen.append(stat.S_IMODE(temporary.stat().st_mode))
        return descriptor, temporary

    monkeypatch.setattr(_files, "_create_beside", look)
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(
        stat.S_IMODE(os.fstat(descriptor).st_mode)))  # fmt: skip
    write_whole(path, b"new")
    assert seen[:2] == [0o600, 0o600]


# --- the disk


@posix
def test_the_file_and_its_folder_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append(("folder" if is_folder else "file", (tmp_path / "file").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(tmp_path / "file", b"new")
    assert synced == [("file", False), ("folder", True)]


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no such device")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.npz"
    net = fastnn.Network([20, 30, 10], rng=0)
    net.save(path)
    old = path.read_bytes()
    create = _files._create_beside

    def full(target: Path, mode: int) -> tuple[int, Path]:
        descriptor, temporary = create(target, mode)
        device = os.open("/dev/full", os.O_WRONLY)
        os.dup2(device, descriptor)
        os.close(device)
        return descriptor, temporary

    monkeypatch.setattr(_files, "_create_beside", full)
    with pytest.raises(OSError, match="No space left") as caught:
        fastnn.Network([20, 30, 10], rng=1).save(path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert (path.read_bytes(), names(tmp_path)) == (old, ["net.npz"])


@pytest.mark.parametrize("failing", ["os.fsync", "pathlib.Path.replace"])
def test_errors_name_the_file_that_was_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "another")

    with monkeypatch.context() as patch:
        patch.setattr(failing, fail)
        with pytest.raises(PermissionError, match=r"Permission denied: .*file'$"):
            write_whole(tmp_path / "file", b"new")
    assert names(tmp_path) == []


# --- what is left behind


def test_leftovers_of_the_same_target_are_removed(tmp_path: Path) -> None:
    path, other = tmp_path / "net.json", tmp_path / "net2.json"
    left, others = [leftover(path) for _ in range(3)], leftover(other)
    alike = [
        tmp_path / name
        for name in (
            ".net.json.0123456789abcdef",
            ".net.json.0123.fastnn-tmp",
            ".net.json.0123456789abcdeg.fastnn-tmp",
            "net.json.0123456789abcdef.fastnn-tmp",
            ".net.json.0123456789abcdef.fastnn-tmp.bak",
        )
    ]
    for each in alike:
        each.write_text("the user's own")
    write_whole(path, b"new")
    assert not any(each.exists() for each in left)
    assert set(tmp_path.iterdir()) == {path, others, *alike}
    assert path.read_bytes() == b"new"


@posix
def test_what_another_writes_at_the_same_time_stays(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    descriptor, temporary = _files._create_beside(path, 0o600)
    write_whole(path, b"first")
    assert temporary.exists()
    os.close(descriptor)
    write_whole(path, b"second")
    assert not temporary.exists()


@posix
def test_a_file_taken_for_a_leftover_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may look between the moment it is made and the moment it is locked."""
    fcntl = pytest.importorskip("fcntl")
    path, lock, removed = tmp_path / "file", fcntl.flock, []

    def slow(descriptor: int, how: int) -> None:
        if not removed and how == fcntl.LOCK_EX:
            (there,) = tmp_path.iterdir()
            there.unlink()
            removed.append(there)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    write_whole(path, b"new")
    assert removed and names(tmp_path) == ["file"]


@posix
def test_killed_savers_leave_nothing_for_long(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    program = f"""
        import fastnn, os
        from pathlib import Path

        replace = Path.replace
        def die(self, target):
            print("now", flush=True)
            import time; time.sleep(60)
        Path.replace = die
        fastnn.Network([20, 30, 10], rng=0).save({str(path)!r})
    """
    for _ in range(2):
        run = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
        )
        assert run.stdout is not None
        assert run.stdout.readline() == "now\n"
        run.send_signal(signal.SIGKILL)
        run.wait(timeout=60)
        run.stdout.close()
        assert len(names(tmp_path)) == 1  # that of the one before is gone already
    fastnn.Network([3, 2], rng=0).save(path)
    assert names(tmp_path) == ["net.json"]
    assert fastnn.load(path).sizes == [3, 2]


@posix
def test_many_writers_do_not_remove_each_others_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([i]) * 10_000 for i in range(4)]
    failed: list[BaseException] = []

    def write(content: bytes) -> None:
        try:
            for _ in range(50):
                write_whole(path, content)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert path.read_bytes() in contents
    assert names(tmp_path) == ["file"]


# --- where it is written


@posix
def test_a_chain_of_links_is_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    target = tmp_path / "data" / "target"
    (tmp_path / "middle").symlink_to(Path("data") / "target")
    (tmp_path / "link").symlink_to("middle")
    for content in (b"new", b"newer"):
        write_whole(tmp_path / "link", content)
        assert target.read_bytes() == content and (tmp_path / "link").is_symlink()
    assert names(tmp_path / "data") == ["target"]


@posix
def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links") as caught:
        write_whole(tmp_path / "a", b"new")
    assert caught.value.errno == errno.ELOOP
    assert names(tmp_path) == ["a", "b"] and (tmp_path / "a").is_symlink()


def test_a_folder_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", b"new")
    assert names(tmp_path) == ["folder"] and names(tmp_path / "folder") == []


def test_a_folder_that_cannot_be_listed_may_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listdir(folder: Any) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(os, "listdir", listdir)
    write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_file_system_without_locks_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def flock(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    left = leftover(tmp_path / "file")
    monkeypatch.setattr(fcntl, "flock", flock)
    write_whole(tmp_path / "file", b"new")
    assert names(tmp_path) == sorted([left.name, "file"])  # it may be another's


# --- what is read


def test_ordinary_files_are_opened_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with open_regular(tmp_path / "file", "a file") as file:
        assert file.read() == b"content"
    with pytest.raises(FileNotFoundError, match="none"):
        open_regular(tmp_path / "none", "a file")
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        open_regular(tmp_path, "a file")


@posix
def test_sockets_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.chdir(tmp_path)  # their names must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("there")
        with pytest.raises(ValueError, match="there: not an ordinary file; expected a net"):
            open_regular("there", "a net")


def test_names_are_shown_on_one_line_without_escape_sequences() -> None:
    assert shown("net.json") == "net.json"
    assert shown("größe \u82b1.json") == "größe \u82b1.json"
    assert shown("\x1b[31m\n\x7f\u2028.json") == r"\x1b[31m\n\x7f\u2028.json"
