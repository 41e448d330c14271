"""Show the playground in headless Chromium: ``python docs/playground_picture.py docs/_static``.

Two networks after 100 epochs on two circles, from Xavier's weights and from zeros, in
``playground.png``, and in ``playground.zh_CN.png``, which Sphinx takes for the Chinese page.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from chromium import Page, page_of

from fastnn.playground._serve import serving
from fastnn.playground._session import Session

EPOCHS = "6"  # on the slider: 1, 2, 5, 10, 20, 50, 100
DONE = (
    "[...document.querySelectorAll('.pane:not([hidden]) .status')]"
    ".every(each => each.dataset.status === 'done')"
)


def choose(page: Page, control: str, value: str) -> None:
    """Choose in a select, or move a slider."""
    page.run(
        f"(() => {{ const it = document.getElementById({control!r});"
        f" it.value = {value!r}; it.dispatchEvent(new Event('change')); }})()"
    )


def click(page: Page, selector: str) -> None:
    page.run(f"document.querySelector({selector!r}).click()")


def wait(page: Page) -> None:
    """Let the pictures be drawn for their new size or language."""
    page.run("new Promise(done => setTimeout(done, 1500))")


def train_two(page: Page) -> None:
    """Train both panes to their last epoch."""
    page.wait_for("document.body.dataset.ready === 'yes'")
    choose(page, "control-epochs", EPOCHS)
    page.wait_for("document.querySelector('#control-epochs').ariaValueText === '100'")
    click(page, "#compare")
    page.wait_for("document.querySelector('[data-pane=b] [data-number=epochs]') !== null")
    click(page, ".tab[data-pane=b]")
    choose(page, "control-initializer", "zeros")
    page.wait_for("document.querySelector('#control-initializer').value === 'zeros'")
    choose(page, "speed", "fast")
    click(page, "#run")
    page.wait_for(DONE)


def main(folder: Path) -> None:
    with (
        TemporaryDirectory() as browser,
        serving(Session()) as server,
        page_of(server.url, Path(browser), height=900) as page,
    ):
        train_two(page)
        wait(page)
        page.picture(folder / "playground.png")
        click(page, "#language")
        page.wait_for("document.documentElement.lang === 'zh-CN'")
        wait(page)
        page.picture(folder / "playground.zh_CN.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
