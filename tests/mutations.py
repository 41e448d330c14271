"""Ways to damage files: any bytes, and what knows of JSON, archives, arrays, pickles and tables."""

from __future__ import annotations

import gzip
import io
import json
import pickletools
import struct
import zipfile
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

Mutate = Callable[[bytes, Random], bytes]

NUMBERS = [
    0,
    1,
    -1,
    2,
    3,
    127,
    255,
    256,
    2**15,
    2**16,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**62,
    2**63,
    2**64,
]
# Values in JSON as they are written there: some are none, some are too large, some are hungry.
TOKENS = [
    "0", "-0", "1", "-1", "0.5", "2", "1e999", "-1e999", "1e308", "1e-400", "1e39", "NaN",
    "Infinity", "-Infinity", "true", "false", "null", '""', '"a"', '"sigmoid"', '"\\ud800"',
    '"\\u0000"', "[]", "{}", "[[]]", "[{}]", "9" * 400, "9" * 5000, "-" + "9" * 400,
    "18446744073709551616", "4611686018427387904", "2147483648", "[" * 50 + "]" * 50, "[" * 5000,
    '{"a": ' * 50 + "1" + "}" * 50, "01", "+1", "1.", ".5", "1e", "0x1", "1_0", "'a'", "\x01",
    "[0, 0, 0]", "[" + "0, " * 500 + "0]", "\ufeff1", "\u0661",
]  # fmt: skip
MARK = "\x02%d\x03"


def several(content: bytes, rng: Random, ways: list[Mutate]) -> bytes:
    """Return ``content`` damaged once, or now and then a few times over."""
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        content = rng.choice(ways)(content, rng)
    return content


# --- any bytes


def _span(content: bytes, rng: Random, most: int = 64) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.randint(1, most))


def flip_bits(content: bytes, rng: Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        if damaged:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def set_byte(content: bytes, rng: Random) -> bytes:
    start, _ = _span(content, rng)
    byte = rng.choice(b'\0\x01\n\r",[]\x7f\x80\xfe\xff')
    return content[:start] + bytes([byte]) + content[start + 1 :]


def set_word(content: bytes, rng: Random) -> bytes:
    """Overwrite two, four or eight bytes with a number that breaks bounds."""
    start, _ = _span(content, rng)
    size = rng.choice([2, 4, 8])
    number = rng.choice([*NUMBERS, len(content), len(content) + 1]) % 256**size
    word = number.to_bytes(size, rng.choice(["little", "big"]))
    return content[:start] + word + content[start + size :]


def cut(content: bytes, rng: Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def remove(content: bytes, rng: Random) -> bytes:
    start, end = _span(content, rng)
    return content[:start] + content[end:]


def repeat(content: bytes, rng: Random) -> bytes:
    start, end = _span(content, rng)
    return content[:end] + content[start:end] * rng.choice([1, 2, 50]) + content[end:]


def insert(content: bytes, rng: Random) -> bytes:
    start, _ = _span(content, rng)
    return content[:start] + rng.randbytes(rng.choice([1, 4, 20])) + content[start:]


def splice(content: bytes, rng: Random) -> bytes:
    """Put a part of the file where another part is."""
    start, end = _span(content, rng, 200)
    to, _ = _span(content, rng)
    return content[:to] + content[start:end] + content[to:]


def lengthen(content: bytes, rng: Random) -> bytes:
    return content + rng.choice(
        [b"\0", b"\n", b" ", b"\0" * 5000, content, b"PK\x05\x06" + bytes(18)]
    )


ANY: list[Mutate] = [
    flip_bits, set_byte, set_word, cut, remove, repeat, insert, splice, lengthen,
]  # fmt: skip


# --- JSON


def _places(value: Any, within: Any = None, key: Any = None) -> list[tuple[Any, Any]]:
    """Return (holder, key) of every value in a tree; of lists, those of a few entries."""
    found = [] if within is None else [(within, key)]
    if isinstance(value, dict):
        for name, each in value.items():
            found += _places(each, value, name)
    elif isinstance(value, list):
        for i, each in enumerate(value[:40]):
            found += _places(each, value, i)
    return found


class _Tree:
    """A JSON document in which some values are written by hand."""

    def __init__(self, content: bytes) -> None:
        self.root = json.loads(content)
        self.by_hand: list[str] = []

    def hold(self, text: str) -> str:
        """Return what stands for ``text`` until the document is written."""
        self.by_hand.append(text)
        return MARK % (len(self.by_hand) - 1)

    def text(self, rng: Random) -> bytes:
        layout = rng.choice([{}, {}, {"separators": (",", ":")}, {"indent": 1}])
        text = json.dumps(self.root, **layout)
        for i, token in enumerate(self.by_hand):
            text = text.replace(json.dumps(MARK % i), token)
        return text.encode("utf-8", "surrogatepass")


def damage_tree(tree: _Tree, rng: Random) -> None:
    """Change one value, key or list of the tree."""
    places = _places(tree.root)
    if not places:
        return
    holder, key = rng.choice(places)
    keys = [(h, k) for h, k in places if isinstance(h, dict)]
    lists = [h[k] for h, k in places if isinstance(h[k], list)]
    numbers = [(h, k) for h, k in places if type(h[k]) in (int, float)]
    way = rng.randrange(10)
    if way <= 1:
        holder[key] = tree.hold(rng.choice(TOKENS))
    elif way >= 8 and numbers:
        holder, key = rng.choice(numbers)
        holder[key] = rng.choice(
            [0, 1, 2, 3, 7, 624, 2**32 - 1, 2**61, 0.25, -0.5, 1e-3, 1e30, 1e300]
        )
    elif way == 2:
        other, at = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[at]))
    elif way == 3 and keys:
        holder, key = rng.choice(keys)
        del holder[key]
    elif way == 4 and keys:
        holder, key = rng.choice(keys)
        spoilt = rng.choice([key + "_", key[:-1], key.upper(), "", "more", "table", "fastnn"])
        holder[spoilt] = holder[key] if rng.random() < 0.5 else holder.pop(key)
    elif way == 5 and keys:
        holder, key = rng.choice(keys)
        value = json.dumps(holder[key])
        holder[key] = tree.hold(f"{value}, {json.dumps(key)}: {rng.choice([value, *TOKENS[:6]])}")
    elif lists:
        _damage_list(rng.choice(lists), rng)


def _damage_list(values: list[Any], rng: Random) -> None:
    way = rng.randrange(5)
    if way == 0 and values:
        del values[rng.randrange(len(values))]
    elif way == 1 and values:
        values.insert(rng.randrange(len(values)), values[rng.randrange(len(values))])
    elif way == 2:
        values[:] = [list(values)]
    elif way == 3:
        values *= 3
    else:
        values.clear()


def json_tree(content: bytes, rng: Random) -> bytes:
    """Change the values of a JSON document; any bytes of what is none."""
    try:
        tree = _Tree(content)
    except (ValueError, RecursionError):
        return flip_bits(content, rng)
    for _ in range(rng.choice([1, 1, 2, 4])):
        damage_tree(tree, rng)
    return tree.text(rng)


JSON = [json_tree] * 12 + ANY


# --- arrays and archives

DTYPES = [
    "<f8", "<f4", ">f8", "<f2", "<f16", "|O", "<U1", "<U0", "<U999999999", "|S0", "|V8", "<i8",
    "|b1", "<c16", "M8[s]", "f8,f8", "(3,)f8", "|u1", "", "junk", "\\d",
]  # fmt: skip
SHAPES = [
    "()", "(0,)", "(1,)", "(-1,)", "(5,)", "(2, 3)", "(1000000000000,)", "(2305843009213693952,)",
    "5", "(True,)", "(1.0,)", "('5',)", "((5,),)", "(5", "(0, 10**9)", "(" + "1," * 40 + ")",
]  # fmt: skip


def npy_header(content: bytes, rng: Random) -> bytes:
    """Change what the header of a .npy file says; what follows stays."""
    if content[:6] != b"\x93NUMPY" or len(content) < 12:
        return flip_bits(content, rng)
    (length,) = struct.unpack("<H", content[8:10])
    header, rest = content[10 : 10 + length].decode("latin-1"), content[10 + length :]
    way = rng.randrange(6)
    descr = header.split("'descr': ")[-1].split(", 'fortran")[0]
    shape = header.split("'shape': ")[-1].split(", }")[0]
    if way == 0:
        header = header.replace(descr, repr(rng.choice(DTYPES)))
    elif way == 1:
        header = header.replace(shape, rng.choice(SHAPES))
    elif way == 2:
        header = header.replace("False", rng.choice(["True", "None", "0"]))
    elif way == 3:
        junk = [
            "[1, 2]",
            "{" * 300,
            "(" * 9000,
            "1" * 9000,
            "__import__('os')._exit(3)",
            "{'descr': '<f8'}",
        ]
        header = rng.choice(junk)
    elif way == 4:
        rest = rng.choice(
            [b"", rest[:-1], rest + b"\0", rest * 3, bytes(len(rest)), b"\xff" * len(rest)]
        )
    version = rng.choice([1, 1, 1, 2, 3]) if way == 5 else 1
    text = header.encode("latin-1")
    size = rng.choice([*NUMBERS, len(text)]) if way == 5 else len(text)
    packed = struct.pack("<H" if version == 1 else "<I", size % (2**16 if version == 1 else 2**32))
    return b"\x93NUMPY" + bytes([version, 0]) + packed + text + rest


def npy_numbers(content: bytes, rng: Random) -> bytes:
    """Overwrite one of the numbers of a .npy file of doubles with one that is none, or extreme."""
    if len(content) < 136:
        return flip_bits(content, rng)
    number = rng.choice([float("nan"), float("inf"), -1.0, 1e308, 1e39, -1e-320, 0.5])
    form = rng.choice(["<d", "<f"])
    size = struct.calcsize(form)
    place = 128 + size * rng.randrange(max(1, (len(content) - 128) // size))
    bits = struct.pack(form, number if abs(number) < 1e38 or form == "<d" else float("inf"))
    return content[:place] + bits + content[place + size :]


def archive_entries(options: Mutate | None) -> Mutate:
    """Return what damages the entries of a zip archive, or the archive itself.

    Parameters
    ----------
    options : callable, optional
        What damages the text in ``options.npy``.
    """

    def mutate(content: bytes, rng: Random) -> bytes:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                entries = {name: archive.read(name) for name in archive.namelist()}
        except Exception:
            return flip_bits(content, rng)
        if not entries:
            return flip_bits(content, rng)
        name = rng.choice(sorted(entries))
        way = rng.randrange(10)
        if options is not None and way <= 3 and "options.npy" in entries:
            entries["options.npy"] = _with_text(entries["options.npy"], options, rng)
        elif way <= 5:
            entries[name] = rng.choice([npy_header, npy_header, npy_numbers, *ANY])(
                entries[name], rng
            )
        elif way == 6:
            del entries[name]
        elif way == 7:
            entries[rng.choice(["more.npy", "../" + name, name.upper(), "\x1b[31m", "é.npy"])] = (
                entries[name]
            )
        elif way == 8:
            other = rng.choice(sorted(entries))
            entries[name], entries[other] = entries[other], entries[name]
        method = rng.choice([0, 0, 0, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
        return _zipped(list(entries.items()), method if way == 9 else zipfile.ZIP_STORED)

    return mutate


def _with_text(entry: bytes, mutate: Mutate, rng: Random) -> bytes:
    """Return a .npy file of one text in which the text is damaged."""
    (length,) = struct.unpack("<H", entry[8:10])
    text = entry[10 + length :].decode("utf-32-le", "replace").encode()
    changed = mutate(text, rng).decode("utf-8", "replace")
    data = changed.encode("utf-32-le", "surrogatepass")
    header = f"{{'descr': '<U{len(data) // 4}', 'fortran_order': False, 'shape': (), }}"
    padded = header.ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(padded)) + padded + data


def _zipped(entries: list[tuple[str, bytes]], method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return buffer.getvalue()


def archive_directory(content: bytes, rng: Random) -> bytes:
    """Overwrite a field of the archive's directory, of its end, or of an entry's own header."""
    signature = rng.choice([b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04"])
    places = [i for i in range(len(content)) if content.startswith(signature, i)]
    if not places:
        return set_word(content, rng)
    place = rng.choice(places) + rng.randrange(4, 46)
    size = rng.choice([2, 4])
    number = rng.choice(NUMBERS) % 256**size
    return content[:place] + number.to_bytes(size, "little") + content[place + size :]


def archive(options: Mutate | None = None) -> list[Mutate]:
    return [archive_entries(options)] * 12 + [archive_directory] * 4 + ANY


# --- idx


def idx_header(content: bytes, rng: Random) -> bytes:
    """Change the magic number or a size of an idx file."""
    damaged = bytearray(content.ljust(8, b"\0"))
    way = rng.randrange(4)
    if way == 0:
        damaged[2] = rng.choice([0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E, 0x0A, 0])
    elif way == 1:
        damaged[3] = rng.choice([0, 1, 2, 3, 4, 32, 33, 255])
    else:
        place = 4 + 4 * rng.randrange(max(1, min(4, damaged[3])))
        damaged[place : place + 4] = struct.pack(">I", rng.choice(NUMBERS) % 2**32)
    return bytes(damaged)


def inside_gzip(ways: list[Mutate]) -> Mutate:
    """Return what damages the content of a gzip file, or the file of one that is none."""

    def mutate(content: bytes, rng: Random) -> bytes:
        try:
            plain = gzip.decompress(content)
        except Exception:
            return rng.choice(ways)(content, rng)
        changed = gzip.compress(rng.choice(ways)(plain, rng), 1)
        tails = [b"", b"", b"\0", gzip.compress(bytes(100_000)), b"\x1f\x8b", changed]
        return changed + rng.choice(tails)

    return mutate


def pack(content: bytes, rng: Random) -> bytes:
    return gzip.compress(content, 1)


IDX = [idx_header] * 3 + [inside_gzip([idx_header, *ANY])] * 6 + [pack] + ANY


# --- pickles


def pickle_instructions(content: bytes, rng: Random) -> bytes:
    """Drop, repeat, exchange or spoil some instructions of a pickle."""
    try:
        starts = [place for _, _, place in pickletools.genops(content) if place is not None]
    except Exception:
        return flip_bits(content, rng)
    bounds = [*starts, len(content)]
    parts = [content[a:b] for a, b in pairwise(bounds)]
    i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
    way = rng.randrange(6)
    if way == 0:
        del parts[i]
    elif way == 1:
        parts.insert(j, parts[i])
    elif way == 2:
        parts[i], parts[j] = parts[j], parts[i]
    elif way == 3:
        parts[i] = set_word(parts[i], rng)
    elif way == 4:
        parts[i] = parts[i] * rng.choice([2, 300, 20_000 // len(parts[i]) + 1])
    else:
        names = [
            b"cposix\nsystem\n", b"cnumpy\nload\n", b"c\x1b[31m\nx\n", b"\x82\x01", b"P1\n", b"}",
            b"]", b"\x8f", b"T\xff\xff\xff\x7f", b"\x8b\xff\xff\xff\x7f", b"I1\n", b"L9999L\n",
            b"F1e999\n", b"(", b"t", b"R", b"b",
        ]  # fmt: skip
        parts.insert(i, rng.choice(names))
    return b"".join(parts)


PICKLE = [pickle_instructions] * 6 + [inside_gzip([pickle_instructions, *ANY])] * 8 + [pack] + ANY


# --- tables

FIELDS = [
    "", " ", "0", "1", "-1", "1.5", "1e999", "nan", "inf", "9" * 400, "1_000", "0x10", "1,5", '"',
    '"1"', '"a\nb"', "setosa", "é", "\u0661", "\0", "\x1b[31m", "TRUE", "1;2", "a" * 70_000,
    '"' + "a" * 140_000,
]  # fmt: skip


def table_fields(content: bytes, rng: Random) -> bytes:
    """Change fields, rows or columns of a table."""
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError:
        return set_byte(content, rng)
    i = rng.randrange(len(lines))
    separator = max(",;\t|", key=lines[i].count)
    fields = lines[i].split(separator)
    way = rng.randrange(8)
    if way <= 2:
        fields[rng.randrange(len(fields))] = rng.choice(FIELDS)
        lines[i] = separator.join(fields)
    elif way == 3:
        lines[i] = separator.join(
            fields[:-1] if rng.random() < 0.5 else [*fields, rng.choice(FIELDS)]
        )
    elif way == 4:
        lines.insert(
            rng.randrange(len(lines)), rng.choice(["", " ", "#", '"', lines[i], "\x1a", "," * 5000])
        )
    elif way == 5:
        del lines[i]
    elif way == 6:
        lines[0] = separator.join(rng.choice([*FIELDS[:20], "a", "b", "target"]) for _ in fields)
    else:
        column, text = rng.randrange(len(fields)), rng.choice(FIELDS[:20])
        lines = [_with_field(line.split(separator), column, text, separator) for line in lines]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _with_field(fields: list[str], column: int, text: str, separator: str) -> str:
    return separator.join(text if k == column else field for k, field in enumerate(fields))


def table_dialect(content: bytes, rng: Random) -> bytes:
    """Write a table with other separators, line ends, quotes or characters."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content
    way = rng.randrange(7)
    if way == 0:
        text = text.replace(",", rng.choice([";", "\t", "|", " ", ", ", ",,", "\x1f"]))
    elif way == 1:
        text = text.replace("\n", rng.choice(["\r\n", "\r", "\n\n", "\n\r", "\v", "\u2028"]))
    elif way == 2:
        text = "\n".join(
            ",".join(f'"{field}"' for field in line.split(",")) for line in text.split("\n")
        )
    elif way == 3:
        text = text.replace(".", ",").replace(",", ";", rng.randrange(5))
    elif way == 4:
        text = text * rng.choice([2, 30])
    elif way == 5:
        text = text.rstrip("\n")
    codec = rng.choice(["utf-8-sig", "utf-16", "utf-32", "gbk", "latin-1"]) if way == 6 else "utf-8"
    return text.encode(codec, "replace")


TABLE = [table_fields] * 10 + [table_dialect] * 5 + ANY
