"""Follow CONTRIBUTING.md's recipes in a copy of the sources: ``check_recipes.py FOLDER``.

Builds the copy in place, trains with the new activation and the new cost beside the reference, and
runs the tests that the recipes name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from recipe_steps import RECIPES, Edit

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("CONTRIBUTING.md", "pyproject.toml", "setup.py", "README.md", "LICENSE")
FOLDERS = ("fastnn", "src_cython", "tests")
NEW = "softsign or log-cosh or LOG_COSH or log_cosh or SOFTSIGN"
# What runs in the copy: pytest's words.
TESTS = (
    ["tests/test_activations.py", "tests/test_costs.py", "tests/test_stubs.py"],
    [
        "tests/test_model_parity.py",
        "tests/test_functional.py",
        "tests/test_gradients.py",
        "-k",
        NEW,
    ],
    ["tests/test_docstrings.py"],
)
TRIAL = """
import numpy as np
import fastnn
from fastnn import reference

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(60, 4)), rng.normal(size=(60, 2))
for cost in (fastnn.LogCoshCost, fastnn.QuadraticCost):
    nets = [kind([4, 7, 5, 2], cost, activation="softsign", output="identity", rng=1)
            for kind in (fastnn.Network, reference.Network)]
    runs = [net.fit(X, Y, epochs=5, batch_size=8, learning_rate=0.1) for net in nets]
    assert runs[0]["training_cost"][-1] < runs[0]["training_cost"][0]
    np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, rtol=0, atol=1e-12)
    np.testing.assert_allclose(runs[0]["training_cost"], runs[1]["training_cost"], rtol=1e-12)
    net, step = nets[0], 1e-6
    for l, gradient in enumerate(net.gradients(X, Y).weights):
        costs = []
        for sign in (1, -1):
            net.weights[l][0, 0] += sign * step
            costs.append(net.gradients(X, Y).cost)
            net.weights[l][0, 0] -= sign * step
        assert abs((costs[0] - costs[1]) / (2 * step) - gradient[0, 0]) < 1e-8
print("softsign and ln cosh train as the reference does")
"""


def steps_as_written(text: str, title: str) -> list[set[str]]:
    """The files that each numbered step of a recipe in CONTRIBUTING.md names."""
    section = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    steps = re.split(r"^\d+\. ", section.partition("\n\n\n")[0], flags=re.MULTILINE)[1:]
    steps[-1] = steps[-1].partition("\n\n")[0]
    return [set(re.findall(r"`([\w/]+/[\w.]+\.\w+)`", step)) for step in steps]


def apply(edit: Edit, folder: Path) -> None:
    """Make one edit, of a file whose ``line`` must stand there exactly once."""
    name, line, text = edit
    content = (folder / name).read_text(encoding="utf-8")
    if content.count(line) != 1:
        sys.exit(f".ci/recipe_steps.py: {line!r} stands {content.count(line)} times in {name}")
    new = text if text.endswith(line) else line + text
    (folder / name).write_text(content.replace(line, new), encoding="utf-8")


def follow(folder: Path) -> None:
    """Make the edits of all recipes in ``folder``, after a look at what is written of them."""
    text = (folder / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for title, steps in RECIPES.items():
        written = steps_as_written(text, title)
        followed = [{name for name, _, _ in step} for step in steps]
        if written != followed:
            sys.exit(f"{title}: CONTRIBUTING.md names {written}, recipe_steps.py {followed}")
        for step in steps:
            for edit in step:
                apply(edit, folder)


def copy(folder: Path) -> None:
    """Copy what building and testing need; modules that were built would be of other sources."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    built = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=built)
    for name in COPIED:
        shutil.copy2(ROOT / name, folder / name)


def main(folder: Path) -> None:
    copy(folder)
    follow(folder)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("FASTNN_INSTALLED_IN", None)

    def run(*command: str) -> None:
        subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=True)

    with (folder / "build.log").open("w") as log:
        build = [sys.executable, "setup.py", "build_ext", "--inplace"]
        done = subprocess.run(build, cwd=folder, env=environment, stdout=log, stderr=log)
    if done.returncode:
        sys.exit((folder / "build.log").read_text()[-4000:])
    run("-c", TRIAL)
    for words in TESTS:
        run("-m", "pytest", "-q", "-p", "no:cacheprovider", *words)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
