"""The playground's page in headless Chromium: it trains, speaks two languages, takes tables."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("websocket", reason="websocket-client is not installed, which steers Chromium")

from chromium import PROGRAM, Page, page_of

import fastnn
from fastnn import datasets
from fastnn.datasets import TableBytes
from fastnn.playground._data import read_own
from fastnn.playground._serve import serving
from fastnn.playground._session import Session

if PROGRAM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)

PICTURES = os.environ.get("FASTNN_PLAYGROUND_PICTURES")  # a folder to keep what was seen in
DONE = (
    "[...document.querySelectorAll('.pane:not([hidden]) .status')]"
    ".every(each => each.dataset.status === 'done')"
)
TEXTS = json.loads(
    (Path(fastnn.__file__).parent / "playground" / "static" / "texts.json").read_text("utf-8")
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One page; the tests go on where the one before left it."""
    folder = tmp_path_factory.mktemp("chromium")
    with serving(Session()) as server, page_of(server.url, folder) as page:
        page.wait_for("document.body.dataset.ready === 'yes'")
        yield page


def keep(page: Page, name: str) -> None:
    """Write a picture where one was asked for."""
    if PICTURES:
        page.run("new Promise(done => setTimeout(done, 700))")
        page.picture(Path(PICTURES) / f"{name}.png")


def click(page: Page, selector: str) -> None:
    page.run(f"document.querySelector({selector!r}).click()")


def choose(page: Page, name: str, value: object) -> None:
    """Choose in a select, or type into an input."""
    page.run(
        f"(() => {{ const it = document.getElementById('control-{name}');"
        f"it.value = {json.dumps(value)}; it.dispatchEvent(new Event('change')); }})()"
    )


def number(page: Page, name: str, pane: str = "a") -> str:
    place = f"[data-pane={pane}] [data-number={name}]"
    return str(page.run(f"document.querySelector('{place}').innerText"))


def drop(page: Page, name: str, content: bytes) -> None:
    """Let go of a file over the page."""
    page.run(
        "(() => { const files = new DataTransfer();"
        f"files.items.add(new File([new Uint8Array({list(content)})], {name!r}));"
        "window.dispatchEvent(new DragEvent('drop', {dataTransfer: files, cancelable: true})); })()"
    )


def flowers() -> str:
    """A table with Chinese headers: two features, three classes around corners far apart."""
    rng = np.random.default_rng(0)
    corners = [(0, 0), (4, 0), (0, 4)]
    points = [rng.normal(corners[i % 3], 0.5) + 5 for i in range(90)]
    names = ("山鸢尾", "变色鸢尾", "维吉尼亚鸢尾")
    rows = [f"{x:.2f},{y:.2f},{names[i % 3]}" for i, (x, y) in enumerate(points)]
    return "\n".join(["花瓣长度,花瓣宽度,品种", *rows])


def hand_made(initializer: str) -> float:
    """The test accuracy of the same training by hand."""
    net = fastnn.Network(
        [2, 8, 8, 2], fastnn.LogLikelihoodCost, activation="tanh", initializer=initializer, rng=0
    )
    history = net.fit(
        *datasets.circles(), epochs=100, batch_size=10, optimizer="adam", learning_rate=0.01,
        validation_data=datasets.circles(seed=2),
    )  # fmt: skip
    return float(history[-1]["validation_accuracy"])


def is_painted(page: Page) -> list[int]:
    """How many colours each picture that is seen has."""
    return page.run(
        "[...document.querySelectorAll('.pane:not([hidden]) canvas')].map(c => new Set("
        "new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)"
        ").size)"
    )  # type: ignore[no-any-return]


def test_it_loads(page: Page) -> None:
    assert page.run("document.title") == "fastnn playground"
    assert page.run("document.getElementById('notice').hidden")
    page.wait_for("document.querySelector('[data-number=epochs]')?.innerText === '0'")
    assert all(colours > 3 for colours in is_painted(page))
    keep(page, "1-start")


def test_two_settings_train_to_their_known_accuracies(page: Page) -> None:
    choose(page, "epochs", 6)  # 1, 2, 5, 10, 20, 50, 100
    page.wait_for("document.querySelector('#control-epochs').ariaValueText === '100'")
    click(page, "#compare")
    page.wait_for("document.querySelector('[data-pane=b] [data-number=epochs]') !== null")
    click(page, ".tab[data-pane=b]")
    choose(page, "initializer", "zeros")
    page.wait_for("document.querySelector('#control-initializer').value === 'zeros'")
    page.run("document.getElementById('speed').value = 'fast'")
    page.run("document.getElementById('speed').dispatchEvent(new Event('change'))")
    click(page, "#run")
    page.wait_for(DONE)
    assert number(page, "epochs") == number(page, "epochs", "b") == "100"
    assert number(page, "test_score") == f"{100 * hand_made('xavier_normal'):.1f} %"
    assert number(page, "test_score", "b") == f"{100 * hand_made('zeros'):.1f} %" == "50.0 %"
    assert all(colours > 3 for colours in is_painted(page))
    keep(page, "2-two-settings")


def test_the_python_that_is_shown_does_the_same(page: Page) -> None:
    click(page, ".tab[data-pane=a]")
    click(page, "#show-program")
    page.wait_for("document.getElementById('program').open")
    names: dict[str, Any] = {}
    exec(page.run("document.getElementById('program-text').innerText"), names)
    accuracy = names["history"][-1]["validation_accuracy"]
    assert number(page, "test_score") == f"{100 * accuracy:.1f} %"
    keep(page, "3-program")
    click(page, "#close-program")


def lines_seen(page: Page) -> set[str]:
    """The lines of the page, and the choices of its selects."""
    seen = page.run(
        "document.body.innerText + '\\n' +"
        "[...document.querySelectorAll('option')].map(o => o.text).join('\\n')"
    )
    return {line.strip() for line in seen.splitlines() if line.strip()}


def test_the_language_changes_and_no_english_is_left(page: Page) -> None:
    english = {words for key, words in TEXTS["en"].items() if words != TEXTS["zh"][key]}
    assert len(lines_seen(page) & english) > 40
    click(page, "#language")
    page.wait_for("document.documentElement.lang === 'zh-CN'")
    seen = lines_seen(page)
    assert seen & english == set()
    assert {"学习曲线", "学习率", "批量归一化", "运行", "双月"} <= seen
    keep(page, "4-two-settings-zh")
    click(page, "#compare")
    page.wait_for("!document.body.classList.contains('two')")
    page.wait_for(  # the pictures are drawn anew for their new size
        "[...document.querySelectorAll('[data-pane=a] canvas')]"
        ".every(each => Math.abs(each.width - each.getBoundingClientRect().width) < 1)"
    )
    assert page.run("document.querySelector('[data-pane=a] .letter').hidden")


NUMBERS = "\n".join(f"{i % 7},{i}.5" for i in range(30))
# Tables that are refused, and what is asked for with them: one for each thing that is said.
BAD_TABLES: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("甲,乙\n", {}),
    ("甲,乙\n" + "\n".join(f"{i},类{i // 4}" for i in range(124)), {}),
    ("\n".join(",".join([f"{i}.5"] * 5001 + [f"类{i}"]) for i in (1, 2)), {}),
    ("1," * 2**18 + "1", {}),
    ("甲,乙\n1,x\n2,y,3\n", {}),
    ("甲,乙\n1,x\n,y\n2,x\n", {}),
    ("甲,乙\n1,x\n二,y\n3,x\n4,y\n", {}),
    ("1,x\n2,y\n二,x\n", {"header": False}),
    ("甲,乙\n1,x\n2,\n3,y\n", {}),
    ("\n".join(f"{i},{i % 5}.5,{i % 2}" for i in range(20)), {}),
    (",甲,乙\n1,1,x\n1,2,y\n", {}),
    ("label,甲,乙\n0,1.5,2.5\n1,1.5,3.5\n0,2.5,3.5\n", {}),
    ("NA,\n1,2\n3,4\n", {}),
    ("2010,2011\n1.5,2.5\n2.5,3.5\n3.5,1.5\n", {}),
    (",乙\na,1\nb,2\n", {}),
    (",甲,乙\na,1,x\nb,2,y\n", {"target": "0"}),
    ("甲,3\n1,4\n2,5\n", {}),
    ("甲,乙\n" + "\n".join(f"{i},t{i}" for i in range(70000)), {}),
    ("甲;乙\n1,5;2\n2.5;3\n1,5;4\n", {"header": True}),
    ("甲\n1\n2\n", {}),
    ("甲,乙\n1,1e17\n2,2e17\n3,1e17\n", {"task": "classification"}),
    ("甲,乙\n1,x\n2,x\n", {}),
    ("甲,乙\n1,2.5\n2,2.5\n", {"task": "regression"}),
    ("甲,乙\n1,x\n2,y\n", {"task": "regression"}),
    ("甲,乙\n" + "\n".join(f"{i},名{i}" for i in range(30)), {}),
    ("甲,乙\n1,5\n2,9\n3,17\n", {}),
    ("\ufeff甲,乙\n1,x\n2,y\n", {"encoding": "gbk"}),
    ("甲,乙\n1,x\n2,é\n", {"encoding": "ascii"}),
    ('甲,乙\n1,"x\n2,y\n', {}),
    ("甲,乙\n1,x\0\n2,y\n", {}),
    ("甲,甲,乙\n1,2,x\n2,3,y\n", {"target": "甲"}),
    ("甲,乙\n1,x\n2,y\n", {"target": "丙"}),
    ("甲,乙\n1,x\n2,y\n", {"target": "7"}),
    ("甲,乙\n1,x\n2," + "y" * 200_000 + "\n", {}),
]


def complaint(content: str, options: dict[str, Any]) -> str:
    with pytest.raises((ValueError, TypeError, OSError, OverflowError)) as refused:
        read_own(TableBytes("表.csv", content.encode()), options)
    return str(refused.value)


def in_chinese(page: Page, details: list[str]) -> list[str]:
    """What the page makes of them."""
    script = (
        f"import(new URL('texts.js', location.href)).then(m => {json.dumps(details)}.map(m.said))"
    )
    return page.run(script)  # type: ignore[no-any-return]


def test_whatever_a_table_is_refused_for_is_said_in_chinese(page: Page) -> None:
    details = [complaint(content, options) for content, options in BAD_TABLES]
    for detail, chinese in zip(details, in_chinese(page, details), strict=True):
        plain = re.sub(r"'[^']*'|UTF-\d+|UTF|GBK|ASCII|LSUV|表.csv", "", chinese)
        assert re.search("[\u4e00-\u9fff]", plain), detail
        assert re.findall("[A-Za-z]{2,}", plain) == [], (detail, chinese)
        if line := re.search(r", line (\d+)", detail.split(": ")[0]):
            assert f"第 {line[1]} 行" in chinese
    assert in_chinese(page, ["something new"]) == ["程序库只有英文说明：something new"]


def test_a_setting_that_cannot_be_trained_is_refused_in_chinese(page: Page) -> None:
    choose(page, "normalization", "batch")
    page.wait_for("document.querySelector('#control-normalization').value === 'batch'")
    choose(page, "batch_size", 0)  # the first of its stops, 1
    page.wait_for("document.querySelector('#control-batch_size').ariaValueText === '1'")
    click(page, "#run")
    page.wait_for("document.querySelector('.status').dataset.status === 'failed'")
    status = page.run("document.querySelector('.status').innerText")
    assert status.startswith(TEXTS["zh"]["status.failed"]) and "批量大小至少为 2" in status
    keep(page, "5-bad-setting-zh")
    choose(page, "normalization", "none")
    page.wait_for("document.querySelector('.status').dataset.status === 'ready'")


def test_a_bad_table_is_refused_in_words(page: Page) -> None:
    before = number(page, "test_score")
    drop(page, "bad.csv", "甲,乙\n1,x\n二,y\n3,x\n4,y\n".encode())
    page.wait_for("!document.getElementById('notice').hidden")
    assert (
        page.run("document.getElementById('notice-words').innerText")
        == (TEXTS["zh"]["error_table"])
    )
    detail = page.run("document.getElementById('notice-detail').innerText")
    assert detail == "原因：bad.csv，第 3 行第 1 列：'二' 不是数字；'甲' 这一列应全是数字。"
    assert number(page, "test_score") == before
    keep(page, "5-bad-table-zh")


def test_a_table_with_chinese_headers_in_gbk_is_learnt(page: Page) -> None:
    drop(page, "花.csv", flowers().encode("gbk"))
    page.wait_for(f"document.body.innerText.includes({TEXTS['zh']['error_encoding']!r})")
    choose(page, "encoding", "gbk")
    page.wait_for("document.querySelector('.summary').innerText.startsWith('2-16-3')")
    page.wait_for("document.getElementById('notice').hidden")
    click(page, "#run")
    page.wait_for(DONE)
    assert number(page, "test_score") == "100.0 %"
    assert all(colours > 3 for colours in is_painted(page))
    keep(page, "6-own-table-zh")


def test_a_narrow_window_clips_nothing(page: Page) -> None:
    page.size(400, 860)
    page.wait_for("innerWidth === 400")
    keep(page, "7-narrow-zh")
    too_wide = page.run(
        "[...document.querySelectorAll('button, select, input, dd, dt, p, canvas, figure')]"
        ".filter(each => each.getBoundingClientRect().right > innerWidth + 0.5)"
        ".map(each => each.outerHTML.slice(0, 80))"
    )
    assert too_wide == []
    assert page.run("document.documentElement.scrollWidth") <= 400
    page.size(1280, 800)


@pytest.mark.parametrize("data", ["spirals", "digits"])
def test_other_data_are_shown(data: str, page: Page) -> None:
    if data == "digits":
        pytest.importorskip("sklearn")
    choose(page, "data", data)
    page.wait_for(f"document.querySelector('#control-data').value === '{data}'")
    page.wait_for("document.querySelector('.status').dataset.status === 'ready'")
    click(page, "#step")
    page.wait_for("document.querySelector('[data-number=epochs]').innerText === '1'")
    assert all(colours > 3 for colours in is_painted(page))
    if PICTURES:
        click(page, "#run")
        page.wait_for(DONE)
        keep(page, f"8-{data}-zh")
