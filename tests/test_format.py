"""Files of every format so far are read, and ``docs/format.md`` says what is in them."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY
from golden_files import GOLDEN, INPUTS, NETWORKS, trained_on

import fastnn
from fastnn import dropout, normalization, optimizers
from fastnn._model import saved_keys, storage
from fastnn._model.table_info import TableInfo

FILES = sorted(path.name for path in GOLDEN.glob("format*") if path.suffix != ".expected")
DOCUMENT = REPOSITORY / "docs" / "format.md"
needs_document = pytest.mark.skipif(not DOCUMENT.is_file(), reason="docs/ is not beside the tests")


def tolerance(net: fastnn.Network) -> float:
    """Of sums that another instruction set rounds in another way."""
    return 1e-5 if net.dtype == np.float32 else 1e-11


def expected(name: str) -> dict[str, Any]:
    content = (GOLDEN / name).with_suffix(".expected").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(content)
    return found


def test_there_is_a_file_of_each_kind() -> None:
    number = storage.FORMAT
    names = {f"format{number}-{name}{end}" for name in NETWORKS for end in (".json", ".npz")}
    assert names <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_an_old_file_gives_what_its_network_gave(name: str) -> None:
    net = fastnn.load(GOLDEN / name)
    told = expected(name)
    close = {"rtol": tolerance(net), "atol": tolerance(net)}
    np.testing.assert_allclose(net.predict(INPUTS), told["outputs"], **close)
    np.testing.assert_allclose(trained_on(net).parameters, told["trained_on"], **close)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".json")])
def test_an_old_file_has_to_the_bit_what_the_other_one_has(name: str, tmp_path: Path) -> None:
    in_json, in_npz = (fastnn.load((GOLDEN / name).with_suffix(end)) for end in (".json", ".npz"))
    assert storage.to_json(in_json) == storage.to_json(in_npz)
    np.testing.assert_array_equal(in_json.parameters, in_npz.parameters)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".json")])
def test_saved_again_an_old_file_keeps_all_that_it_had(name: str) -> None:
    old = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    new = json.loads(storage.to_json(fastnn.load(GOLDEN / name)))
    assert new.pop("version") == fastnn.__version__
    old.pop("version", None)
    assert {key: new.get(key) for key in old} == old


def test_a_file_of_the_book_is_read() -> None:
    net = fastnn.load(GOLDEN / "book.json")
    assert net.training_state.optimizer is None and type(net.cost) is type
    np.testing.assert_allclose(net.predict(INPUTS), expected("format1-book.json")["outputs"])


def section(title: str) -> str:
    found: str = DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2]
    assert found, title
    return found.partition("\n## ")[0]


def keys_of(title: str) -> list[str]:
    """The names in the first cells of a section's tables."""
    return re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)


@needs_document
def test_the_document_names_each_key_once() -> None:
    keys = [*saved_keys.JSON.required, *saved_keys.JSON.optional]
    assert sorted(keys_of("Keys")) == sorted(keys)
    vectors = keys_of("The .npz file")
    assert sorted(vectors) == ["options", "parameters", "running", "slots"]
    training = [*saved_keys.TRAINING.required, *saved_keys.TRAINING.optional]
    assert sorted(keys_of("Training")) == sorted(training)
    assert sorted(keys_of("Table")) == sorted(field.name for field in dataclasses.fields(TableInfo))


@needs_document
def test_the_document_names_each_object_with_its_fields() -> None:
    """In the order of the dataclass, those that are keywords only behind a bar."""
    text = section("Objects")
    kinds = {**normalization.NAMES, **optimizers.NAMES}
    for name, kind in kinds.items():
        fields = dataclasses.fields(kind)  # type: ignore[arg-type]
        always = [field.name for field in fields if not field.kw_only]
        later = [field.name for field in fields if field.kw_only]
        cells = (", ".join(f"`{each}`" for each in names) for names in (always, later))
        row = f"| `{name}` | {' | '.join(cells)} |"
        assert re.sub(" +", " ", row) in text, row
    for field in dataclasses.fields(dropout.Dropout):
        assert f"`{field.name}`" in section("Keys")


@needs_document
def test_the_example_of_the_document_is_a_file(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```", section("An example"), re.M | re.S)
    path = tmp_path / "example.json"
    path.write_text(example, encoding="utf-8")
    net = fastnn.load(path)
    assert json.loads(storage.to_json(net)).keys() >= json.loads(example).keys()
    assert net.predict([[1.0, 0.0]]).shape == (1, 1)
    assert f'"fastnn": {storage.FORMAT}' in example
