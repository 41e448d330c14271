"""Each example in examples/: what it says of itself is so, in a short run on small data; how its
command line takes mistakes; and whether all eyes can read its picture."""

from __future__ import annotations

import importlib.util
import math
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colour_vision import KINDS, difference
from conftest import REPOSITORY

import fastnn

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from fastnn.plot._looks import chinese_fonts

EXAMPLES = REPOSITORY / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("[!_]*.py"))
OF_MNIST = ["mnist_best", "mnist_book"]
OF_IMAGES = sorted(set(NAMES) - {"activations", "circles"})
LANGUAGES = ["en", "zh"] if chinese_fonts() else ["en"]  # those that can be drawn here
NO_WORDS = {"sigmoid", "tanh", "relu", "ReLU", "He", "L2", "ln", "randn", "MNIST"}
Run = Callable[..., Any]


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example as a module, with its folder on the path as when it is run."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that were saved since, as matplotlib has them."""
    from matplotlib.figure import Figure

    saved: list[Any] = []
    save = Figure.savefig

    def savefig(figure: Any, *arguments: Any, **options: Any) -> None:
        saved.append(figure)
        figure.half_size = options["dpi"] / 2
        save(figure, *arguments, **options)
        figure.set_dpi(options["dpi"])
        figure.draw_without_rendering()

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, figures: list[Any]) -> Run:
    """Run an example's main() in its short form; return what it measured, its picture checked."""
    monkeypatch.delenv("FASTNN_MNIST", raising=False)

    def run_quickly(name: str, *options: str) -> Any:
        picture = tmp_path / "picture.png"
        asked = [*(options or ("--quick",)), "--output", str(picture), "--language", *LANGUAGES]
        found = load(name, monkeypatch).main(asked)
        assert_picture(picture, *(picture.with_suffix(f".{each}.png") for each in LANGUAGES[1:]))
        for figure in figures[-len(LANGUAGES) :]:
            assert_readable(figure)
        if len(LANGUAGES) > 1:
            assert words_in(figures[-2]) and not words_in(figures[-1])
        return found

    return run_quickly


def words_in(figure: Any) -> set[str]:
    """The English words of a picture that are no names."""
    from matplotlib.text import Text

    texts = " ".join(text.get_text() for text in figure.findobj(Text) if text.get_visible())
    return set(re.findall("[A-Za-z]{2,}", re.sub(r"\$.*?\$", "", texts))) - NO_WORDS


def assert_picture(path: Path, *others: Path) -> None:
    names = {each.name for each in path.parent.iterdir()}
    assert names == {each.name for each in (path, *others)}  # nothing half written
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 700 and height >= 400


def assert_readable(figure: Any) -> None:
    """Titles, labels and units are there; legends lie over nothing; curves are told apart."""
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    axes_of_numbers = [axes for axes in panels if axes.axison]
    for axes in axes_of_numbers:
        place = axes.get_subplotspec()
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert axes.get_title() or not place.is_first_row()
        assert axes.get_xlabel() or not place.is_last_row()
        assert axes.get_ylabel() or not place.is_first_col() or any(map(str.isalpha, names[0]))
    texts = [
        text
        for axes in figure.axes
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label)
        if text.get_text()
    ]
    legends = [axes.get_legend() for axes in panels if axes.get_legend()]
    blocks = [figure, *figure.subfigs]
    legends += [legend for block in blocks for legend in block.legends]
    for legend in legends:
        box = legend.get_window_extent()
        assert not any(box.overlaps(axes.get_tightbbox(for_layout_only=True))
                       for axes in panels if axes.get_legend() is not legend)  # fmt: skip
        assert not any(box.overlaps(axes.get_window_extent()) for axes in panels)
        assert not any(box.overlaps(text.get_window_extent()) for text in texts)
    inside = figure.bbox.padded(1)
    for box in [each.get_window_extent() for each in [*texts, *legends]]:
        assert inside.x0 <= box.x0 and box.x1 <= inside.x1, box
        assert inside.y0 <= box.y0 and box.y1 <= inside.y1, box
    titles = [axes.title.get_window_extent() for axes in panels if axes.get_title()]
    assert not any(a.overlaps(b) for a, b in combinations(titles, 2))
    letters = [*texts, *(text for legend in legends for text in legend.get_texts())]
    letters += [label for axes in axes_of_numbers for label in axes.get_xticklabels()]
    assert min(text.get_fontsize() for text in letters) * figure.half_size / 72 > 8  # pixels
    for axes in panels:
        assert_told_apart(axes)


def assert_told_apart(axes: Any) -> None:
    """No two curves of a panel merge, in grey or for any kind of colour vision."""
    from matplotlib.colors import to_hex

    curves = [line for line in axes.lines if not line.get_label().startswith("_")]
    curves += [bars.lines[0] for bars in axes.containers]
    for a, b in combinations(curves, 2):
        shapes = [(c.get_linestyle(), c.get_linewidth(), c.get_marker(), c.get_dashes())
                  if hasattr(c, "get_dashes") else
                  (c.get_linestyle(), c.get_linewidth(), c.get_marker())
                  for c in (a, b)]  # fmt: skip
        assert shapes[0] != shapes[1], (a, b)
        colours = to_hex(a.get_color()), to_hex(b.get_color())
        merge = min(difference(*colours, kind) for kind in KINDS) < 15
        assert not merge or a.get_linestyle() != b.get_linestyle(), (a, b)


def test_activations(run: Run) -> None:
    outputs = run("activations")
    spread = {
        key: (float(layers[0].std()), float(layers[-1].std())) for key, layers in outputs.items()
    }
    assert len(spread) == 2 * 4 * 5
    plain = {key[1:]: value for key, value in spread.items() if key[0].startswith("without")}
    assert plain["σ = 0.01", "tanh", 10][1] < 1e-9  # died out
    for activation in ("sigmoid", "tanh", "relu"):  # the same to every input
        layers = outputs["without normalization", "σ = 0.01", activation, 5]
        assert layers[-1].std(axis=0).max() < 1e-4 < layers[0].std(axis=0).min()
    assert plain["σ = 1", "tanh", 10][1] > 0.9  # at both ends
    for layer in outputs["without normalization", "σ = 1", "sigmoid", 5]:
        assert np.mean(np.abs(layer - 0.5) > 0.45) > 0.5
    assert plain["σ = 1", "relu", 10][1] > 1e6  # exploded
    assert plain["σ = √(1/n)", "tanh", 10][1] > 0.1
    first, last = plain["σ = √(2/n)", "relu", 10]
    assert 0.5 < last / first < 2
    assert plain["σ = √(1/n)", "relu", 10][1] < 0.1
    normalized = [value for key, value in spread.items() if key[0].startswith("with batch")]
    assert all(0.9 < last / first < 1.1 for first, last in normalized)


def test_circles(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    runs = run("circles")
    zeros, large, he = (runs[name].costs for name in ("zeros", "randn · 10", "He"))
    np.testing.assert_allclose(zeros, math.log(2), rtol=0, atol=1e-12)
    assert 1e3 < large[0] < 1e4 and max(large[1:]) < 1  # sure answers are wrong, then fewer
    assert he[0] > he[1] > he[2] and he[2] < zeros[2]
    # What plain NumPy computes with the same weights.
    np.testing.assert_allclose(he[:2], [0.8830537463419756, 0.6879825919728133], rtol=1e-9)
    assert large[0] == pytest.approx(1773.5859549373833, rel=1e-9)  # ln(1 + e^z) - y z
    assert runs["zeros"].test_accuracy == 0.5
    assert he[-1] < 0.5 * large[-1] and large[-1] < zeros[-1]  # as after 15,000 steps
    assert f"He: cost at step 2000 is {he[2]:.14f}" in capsys.readouterr().out


def test_the_full_circles_are_those_of_the_readme(run: Run, figures: list[Any]) -> None:
    runs = run("circles", "--seed", "3")
    readme = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
    zeros, large, he = (runs[name] for name in ("zeros", "randn · 10", "He"))
    assert len(he.costs) == 16
    assert f"zeros stay at ln 2 = {zeros.costs[-1]:.4f}" in readme
    assert f"end at {large.costs[-1]:.3f}" in readme
    assert f"end at {he.costs[-1]:.4f} with" in readme
    assert f"has {100 * he.test_accuracy:.1f} % of new points right" in readme
    costs = figures[-len(LANGUAGES)].axes[0]
    names = [text.get_text() for text in costs.get_legend().get_texts()]
    assert names[0] == "ln 2 = 0.693" and "randn · 10 (1774 at step 0)" in names
    assert list(costs.lines[0].get_ydata()) == [math.log(2)] * 2


def test_a_seed_gives_other_networks(run: Run) -> None:
    first, same = run("circles"), run("circles", "--quick", "--seed", "3")
    other = run("circles", "--quick", "--seed", "4")
    assert first["He"].costs == same["He"].costs
    assert first["He"].costs[0] != other["He"].costs[0]


def test_overfitting(run: Run) -> None:
    results = run("overfitting")
    assert all(len(runs) == 2 for runs in results.values())
    ends = {name: [run.columns for run in runs] for name, runs in results.items()}
    for plain in ends["no cure"]:
        assert len(plain["epoch"]) == 300
        # By heart, the wrong labels among them, and too long.
        assert plain["training_accuracy"][-1] > 0.99
        assert plain["training_cost"][-1] < 0.1 * min(plain["validation_cost"])
        assert plain["validation_cost"][-1] > 1.5 * min(plain["validation_cost"])
        assert plain["validation_accuracy"][-1] < max(plain["validation_accuracy"]) - 0.05
    for name in ("L2", "dropout"):
        for plain, cured in zip(ends["no cure"], ends[name], strict=True):
            assert cured["training_cost"][-1] > 2 * plain["training_cost"][-1]
    cost = {name: np.mean([run.test_cost for run in runs]) for name, runs in results.items()}
    right = {name: np.mean([run.test_accuracy for run in runs]) for name, runs in results.items()}
    for name in set(results) - {"no cure"}:
        assert cost[name] < 0.85 * cost["no cure"], name
        assert right[name] > right["no cure"] + 0.02, name
    assert all(len(columns["epoch"]) < 100 for columns in ends["early stopping"])
    for columns in ends["halving the rate"]:
        rates = columns["learning_rate"]
        assert rates[0] == 0.3 and {before / after for before, after in pairwise(rates)} == {1, 2}
        assert rates[-1] == 0.3 / 64 and len(rates) < 300  # with 1/128 none is trained


def test_quadratic_or_cross_entropy(run: Run) -> None:
    results = run("quadratic_or_cross_entropy")
    slow, fast = (results["neuron"][name] for name in ("quadratic", "cross-entropy"))
    assert slow[0] == fast[0] == pytest.approx(1 / (1 + math.exp(-4)))
    assert slow[100] > 0.9 and fast[100] < 0.1
    large, default = (results["initializer"][name] for name in ("large", "default"))
    assert large.shape == default.shape == (3, 10)
    # The first epochs are for the biases.
    assert np.mean(default[:, 4:]) > np.mean(large[:, 4:]) + 0.01
    assert all((accuracies[:, -1] > 0.8).all() for accuracies in results["cost"].values())
    costs = {name: accuracies.mean(axis=0) for name, accuracies in results["cost"].items()}
    ahead = costs["cross-entropy"] - costs["quadratic"]
    assert (ahead[:3] > 0.05).all() and abs(ahead[-1]) < ahead[0] / 2


def test_learning_rate(run: Run) -> None:
    found = run("learning_rate")
    threshold = found.threshold
    assert 0.1 < threshold.learning_rate < threshold.above < 20
    for trial in threshold.trials:
        costs = np.array(trial.costs)
        falls = len(costs) == 4 and bool((np.diff(costs) < 0).all())
        assert falls == trial.falls == (trial.learning_rate <= threshold.learning_rate)
    assert 0.01 < found.range_test.suggestion < threshold.above
    assert (np.diff(found.range_test.learning_rates) > 0).all()
    assert found.accuracies.shape == (4, 5)
    best = found.accuracies.max()
    assert best > 0.85
    assert found.accuracies[0, 0] < best and found.accuracies[0, -1] < best


def test_vanishing_gradients(run: Run) -> None:
    speeds = run("vanishing_gradients")
    ratios = {}
    for (kind, depth), norms in speeds.before.items():
        assert norms.shape == (10, depth)
        ratios[kind, depth] = float(np.exp(np.log(norms[:, -1] / norms[:, 0]).mean()))
    for depth in (2, 3, 4):
        assert (np.diff(speeds.before["sigmoid", depth]) > 0).all()
        assert 1 / 3 < ratios["ReLU", depth] < 3
        during = speeds.during[depth]
        assert during.shape == (101, depth)
        np.testing.assert_array_equal(during[0], speeds.before["sigmoid", depth][0])
        assert (np.diff(during[:20]) > 0).all()  # the first layer is the slowest
        assert during[-1].max() < 0.1 * during[0].min()  # and at last they all are slow
    assert 3 < ratios["sigmoid", 2] < 8
    assert 3 < ratios["sigmoid", 3] / ratios["sigmoid", 2] < 8
    assert 3 < ratios["sigmoid", 4] / ratios["sigmoid", 3] < 8


def test_pretraining(run: Run) -> None:
    runs = run("pretraining")
    assert len(runs.costs) == 3
    assert all(costs[-1] < costs[0] for costs in runs.costs)
    random, pretrained = (runs.accuracies[start] for start in ("random weights", "pre-trained"))
    assert random.shape == pretrained.shape == (3, 40)
    assert (pretrained.mean(axis=0)[[9, 39]] > random.mean(axis=0)[[9, 39]] + 0.05).all()
    # Noise, or strokes and spots: how much alike neighbouring pixels' weights are.
    images = {start: np.array(net.weights[0]).reshape(-1, 8, 8) for start, net in runs.nets.items()}
    alike = {
        start: np.corrcoef(image[:, :, 1:].ravel(), image[:, :, :-1].ravel())[0, 1]
        for start, image in images.items()
    }
    assert abs(alike["random weights"]) < 0.1 and alike["pre-trained"] > 0.25


def test_batch_size(run: Run) -> None:
    errors = {name: values.mean(axis=1) for name, values in run("batch_size").items()}
    batch = errors["batch norm"]
    assert batch[0] > 2 * batch[3]  # 2 rows against 16
    for name in ("no norm", "layer norm", "group norm (2)"):
        assert errors[name][0] < 1.5 * errors[name][3] and errors[name][0] < batch[0] / 2
        assert errors[name].max() < 0.2


@pytest.mark.parametrize("options", [[], ["--distort"]], ids=["plain", "distorted"])
def test_mnist_best(
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    mnist_folder: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    figures: list[Any],
) -> None:
    module = load("mnist_best", monkeypatch)
    picture = tmp_path / "best.png"
    asked = [str(mnist_folder), "--epochs", "1", "--rows", "2000", "--seeds", "0", *options]
    (accuracy,) = module.main([*asked, "--output", str(picture)])
    assert 0.7 < accuracy < 0.97
    assert f"mean of 1: {accuracy:.2%} of the test images" in capsys.readouterr().out
    assert_picture(picture)
    assert_readable(figures[-1])


def test_mnist_book(
    monkeypatch: pytest.MonkeyPatch, mnist_folder: Path, run: Run, figures: list[Any]
) -> None:
    chapter1, chapter3 = run("mnist_book", str(mnist_folder), "--quick").values()
    assert len(chapter1.test) == len(chapter3.test) == 5
    assert (np.array(chapter3.test) > chapter1.test).all()
    assert chapter3.test[-1] > 9000
    marks = [line.get_markevery() for line in figures[-1].axes[0].lines]
    assert marks == [[watch.best] for watch in (chapter1, chapter3)]
    assert chapter1.validation[chapter1.best] == max(chapter1.validation)


@pytest.mark.parametrize("name", NAMES)
def test_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load(name, monkeypatch)
    with pytest.raises(SystemExit) as stopped:
        module.main(["--help"])
    told = capsys.readouterr()
    assert stopped.value.code == 0 and told.err == ""
    assert told.out.startswith(f"usage: {name}.py ")
    assert module.__doc__.splitlines()[0] in told.out
    for option in ("--help", "--output", "--language", "--quick", "--seed"):
        assert option in told.out
    assert f"default: {name}.png" in " ".join(told.out.split())
    assert ("folder" in told.out) == (name in OF_IMAGES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--output", "curves.gif"], "--output: expected a name ending in .png, .pdf, .svg, got"),
        (["--output", "picture"], "--output: expected a name ending in .png, .pdf, .svg, got"),
        (["--output", "none/curves.png"], "--output: expected a file in a folder to write to, got"),
        (["--output", "folder.png"], "--output: expected a file in a folder to write to, got"),
        (["--seed", "-1"], "expected a whole number, 0 or more, got '-1'"),
        (["--seed", "1.5"], "expected a whole number, 0 or more, got '1.5'"),
        (["--quick", "--quack"], "unrecognized arguments: --quack"),
    ],
)
def test_wrong_arguments_are_found_before_the_work(
    name: str,
    wrong: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "folder.png").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        load(name, monkeypatch).main(wrong)
    told = capsys.readouterr()
    assert stopped.value.code == 2 and told.out == ""
    assert words in told.err.splitlines()[-1]


@pytest.mark.parametrize("option", ["--epochs", "--rows"])
def test_no_epoch_and_no_image_are_not_the_default(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        load("mnist_best", monkeypatch).main([option, "0"])
    assert f"{option}: expected a whole number, 1 or more, got '0'" in capsys.readouterr().err


@pytest.mark.parametrize("name", OF_IMAGES)
@pytest.mark.parametrize("by_name", [False, True], ids=["folder", "FASTNN_MNIST"])
def test_a_folder_without_mnist_is_one_line(
    name: str, by_name: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = tmp_path / "none"
    monkeypatch.setenv("FASTNN_MNIST", str(missing))
    with pytest.raises(SystemExit) as stopped:
        load(name, monkeypatch).main([] if by_name else [str(missing)])
    message = str(stopped.value)
    assert message.startswith("error: ") and "\n" not in message
    assert str(missing) in message and "no such folder" in message


@pytest.mark.parametrize("name", OF_MNIST)
def test_mnist_that_cannot_be_downloaded_is_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FASTNN_MNIST", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)  # not installed
    with pytest.raises(SystemExit, match=r"^error: pooch is needed for this .* pip install"):
        load(name, monkeypatch).main(["--quick"])


def test_without_matplotlib_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("matplotlib", "_picture"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "_picture")
    with pytest.raises(SystemExit, match=r'pip install "\.\[plot,sklearn\]"'):
        load("circles", monkeypatch)


def test_an_example_runs_as_a_program_in_any_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(fastnn.__file__).parents[1])}
    command = [sys.executable, str(EXAMPLES / "circles.py"), "--quick"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout.endswith("wrote circles.png\n")
    assert_picture(tmp_path / "circles.png")


def test_every_example_explains_itself_and_is_listed() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(NAMES) == 10
    for path in EXAMPLES.glob("[!_]*.py"):
        source = path.read_text(encoding="utf-8")
        explained = source.split('"""')[1]
        assert source.startswith('"""') and f"python examples/{path.name}" in explained
        for option in ("--output", "--quick", "--seed"):
            assert f"[{option}" in explained
        assert ("[FOLDER OF MNIST]" in explained) == (path.stem in OF_IMAGES)
        assert f"`{path.name}`" in readme
