"""Tables as people have them: encodings, delimiters, headers, indexes, targets, and their lines."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from peak_memory import peak_of
from refusals import assert_one_line

from fastnn import datasets
from fastnn.datasets import TableBytes, read_table

FLOWERS = [
    [5.1, 3.5, 1.4, 0.2, "setosa"],
    [4.9, 3.0, 1.4, 0.2, "setosa"],
    [7.0, 3.2, 4.7, 1.4, "versicolor"],
    [6.4, 3.2, 4.5, 1.5, "versicolor"],
    [6.3, 3.3, 6.0, 2.5, "virginica"],
    [5.8, 2.7, 5.1, 1.9, "virginica"],
]
X = np.array([row[:4] for row in FLOWERS])
NAMES = ("setosa", "versicolor", "virginica")


def write(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return path


def lines(rows: list[list], delimiter: str = ",", header: str | None = None) -> str:
    text = [delimiter.join(map(str, row)) for row in rows]
    return "\n".join([*([] if header is None else [header]), *text, ""])


def numbered(rows: list[list], start: int = 0) -> list[list]:
    return [[i, *row] for i, row in enumerate(rows, start=start)]


# --- headers and indexes


@pytest.mark.parametrize(
    ("header", "with_index", "names"),
    [
        ("0,1,2,3,4", False, ("0", "1", "2", "3")),
        (",0,1,2,3,4", True, ("0", "1", "2", "3")),
        ("0,1,2,3,target", False, ("0", "1", "2", "3")),
        (",0,1,2,3,target", True, ("0", "1", "2", "3")),
        ("Unnamed: 0,a,b,c,d,target", True, ("a", "b", "c", "d")),
        (",a,b,c,d,target", True, ("a", "b", "c", "d")),
        ('"","a","b","c","d","target"', True, ("a", "b", "c", "d")),
        ("1_1,1_2,2_1,2_2,3_1", False, ("1_1", "1_2", "2_1", "2_2")),
        ('"a\nb",c,d,e,f', False, ("a\nb", "c", "d", "e")),
        (None, False, None),
    ],
)
@pytest.mark.parametrize("labels", ["texts", "numbers"])
def test_headers_and_indexes(header, with_index, names, labels: str, tmp_path: Path) -> None:
    rows = FLOWERS if labels == "texts" else [[*row[:4], NAMES.index(row[4])] for row in FLOWERS]
    path = write(tmp_path / "a.csv", lines(numbered(rows) if with_index else rows, header=header))
    table = read_table(path)
    assert np.array_equal(table.X, X)
    assert table.y.tolist() == [0, 0, 1, 1, 2, 2]
    assert table.feature_names == names
    assert table.classes == (NAMES if labels == "texts" else (0, 1, 2))
    X_csv, y_csv = datasets.load_csv(path)
    assert np.array_equal(X_csv, X) and y_csv.tolist() == [0, 0, 1, 1, 2, 2]


def test_an_index_may_be_in_any_order(tmp_path: Path) -> None:
    rows = [[i, *row] for i, row in zip([73, 18, 118, 78, 3, 40], FLOWERS, strict=True)]
    assert np.array_equal(
        read_table(write(tmp_path / "a.csv", lines(rows, header=",a,b,c,d,e"))).X, X
    )


def test_an_index_by_name_or_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", lines(numbered(FLOWERS), header="id,a,b,c,d,e"))
    for index in ("id", 0, -6, True):
        assert np.array_equal(read_table(path, index=index).X, X)
    assert read_table(path, index=False).feature_names == ("id", "a", "b", "c", "d")
    nameless = write(tmp_path / "b.csv", lines(numbered(FLOWERS), header=",a,b,c,d,e"))
    assert read_table(nameless, index=False).X.shape == (6, 5)


def test_a_named_column_that_counts_is_a_feature_and_said(tmp_path: Path) -> None:
    rows = numbered([FLOWERS[i % 6] for i in range(12)], 1)
    table = read_table(write(tmp_path / "a.csv", lines(rows, header="id,a,b,c,d,e")))
    assert table.feature_names == ("id", "a", "b", "c", "d")
    (said,) = table.layout.suspicions()
    assert "'id' counts the rows" in said and "--index id" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        # small whole numbers may be a row as well as pandas' header
        ("0,1,2\n1,0,1\n2,1,0\n0,2,1\n", "line 1: are '0,1,2' names of columns, or a row"),
        ("0,1\n1,0\n0,0\n1,1\n", "line 1: are '0,1' names"),
        # years above measurements
        ("2019,2020,2021\n1.5,2.5,0\n2.5,3.5,1\n1.5,3.5,0\n", "line 1: are '2019,2020,2021' names"),
        ("2019,2020,y\n1.5,2.5,0\n2.5,3.5,1\n", "line 1, column 3: 'y' is not a number"),
        ("2019,2020,y\n1.5,2.5,a\n2.5,3.5,b\n", "line 1, column 3: 'y' is not a number"),
        # a wrong field in the first row
        ("1,x,0\n1,2,0\n1,3,1\n", "line 1, column 2: 'x' is not a number"),
        ("150,4,setosa\n1,2,0\n1,2,1\n", "line 1, column 3: 'setosa' is not a number"),
        ("7,8,9\n1,2,a\n3,4,b\n", "line 1: are '7,8,9' names of columns, or a row"),
        ("nan,,\n1,2,0\n1,2,1\n", "line 1: are these names of columns, or a row of missing values"),
        # a first column without a name that is no index; one without any header that counts
        (",a,b\n1,2,0\n1,3,1\n", "its first column has no name: an index, or a feature"),
        (",a,b\n1.5,2,0\n2.5,3,1\n", "its first column has no name: an index, or a feature"),
        (
            "".join(f"{i},{i / 2},{i % 2}\n" for i in range(10)),
            "its first column counts 0, 1, 2, ...: an index, or a feature",
        ),
        # a target that is not at the end
        ("label,a,b\n0,2,3\n1,2,4\n", "is the target its last column, 'b', or column 0, 'label'"),
    ],
)
def test_doubt_asks(content: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(ValueError) as caught:
        read_table(path)
    assert words in str(caught.value) and "say which: --" in str(caught.value)
    assert_one_line(caught.value)


def test_doubt_is_ended_by_an_answer(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "0,1,2\n1,0,1\n2,1,0\n0,2,1\n")
    assert read_table(path, header=True).X.tolist() == [[1, 0], [2, 1], [0, 2]]
    assert read_table(path, header=False).X.tolist() == [[0, 1], [1, 0], [2, 1], [0, 2]]
    counting = write(tmp_path / "b.csv", "".join(f"{i},{i / 2},{i % 2}\n" for i in range(10)))
    assert read_table(counting, index=0).X.shape == (10, 1)
    assert read_table(counting, index=False).X.shape == (10, 2)
    first = write(tmp_path / "c.csv", "label,a,b\n0,2,3\n1,2,4\n")
    assert read_table(first, "label").X.tolist() == [[2, 3], [2, 4]]


def test_a_header_without_names_of_many_columns(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 20))
    rows = [[*row, i % 2] for i, row in enumerate(pixels.tolist())]
    table = read_table(write(tmp_path / "a.csv", lines(rows, header=",".join(map(str, range(21))))))
    assert np.array_equal(table.X, pixels)


# --- encodings, delimiters, decimal marks


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_are_found(encoding: str, tmp_path: Path) -> None:
    rows = [[1, 2.5, "猫"], [3, 4, "狗"], [5, 6.5, "猫"]]
    path = write(tmp_path / "a.csv", lines(rows, header="长度,宽度,类"), encoding)
    table = read_table(path)
    assert table.feature_names == ("长度", "宽度") and table.target_name == "类"
    assert table.classes == ("狗", "猫") and table.y.tolist() == [1, 0, 1]


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "big5", "utf-16-le", "utf-16-be", "cp037"])
def test_encodings_that_are_named(encoding: str, tmp_path: Path) -> None:
    rows = [[1, 2.5, "a"], [3, 4, "b"]] if encoding == "cp037" else [[1, 2.5, "貓"], [3, 4, "狗"]]
    path = write(tmp_path / "a.csv", lines(rows, header="x,y,z"), encoding)
    table = read_table(path, encoding=encoding)
    assert table.X.tolist() == [[1, 2.5], [3, 4]] and set(table.classes) == {r[2] for r in rows}


@pytest.mark.parametrize(
    ("encoding", "given", "words"),
    [
        ("gbk", None, "expected UTF-8 text"),
        ("gbk", "utf-8", "expected UTF-8 text"),
        ("utf-8-sig", "gbk", "starts with the mark of UTF-8 text"),
        ("utf-16", "utf-8", "starts with the mark of UTF-16 text"),
        ("utf-8", "no such", "encoding='no such': expected the name of an encoding"),
        ("utf-8", "hex", "encoding='hex': expected the name of an encoding"),
        ("utf-8", "utf-16-le", "expected UTF-16-LE text"),
    ],
)
def test_a_wrong_encoding(encoding: str, given: str | None, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "长度,宽度,类x\n1,2,0\n3,4,1\n", encoding)
    with pytest.raises(ValueError) as caught:
        read_table(path, encoding=given)
    assert words in str(caught.value) and "encoding" in str(caught.value)
    assert_one_line(caught.value)


def test_utf_16_without_its_mark_is_hinted_at(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "1,2,0\n3,4,1\n", "utf-16-le")
    with pytest.raises(ValueError, match=r"line 1: characters of value 0.*--encoding"):
        read_table(path)


@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".tsv", ".Txt"])
@pytest.mark.parametrize(
    ("delimiter", "decimal"),
    [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), (" ", ".")],
)
@pytest.mark.parametrize("header", [True, False])
def test_delimiters(delimiter, decimal, suffix: str, header: bool, tmp_path: Path) -> None:
    text = [[*(str(x).replace(".", decimal) for x in row[:4]), row[4]] for row in FLOWERS]
    path = write(
        tmp_path / f"a{suffix}",
        lines(text, delimiter, delimiter.join("abcde") if header else None),
    )
    table = read_table(path)
    assert np.array_equal(table.X, X) and table.classes == NAMES
    assert (table.feature_names is not None) == header
    split = datasets.load(path, test_fraction=0.2, validation_fraction=0)
    assert len(split.train[0]) == 5


def test_numbers_alone_with_decimal_commas(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "1,5;2,25;0\n-3,5e1;,5;1\n")
    assert datasets.load_csv(path)[0].tolist() == [[1.5, 2.25], [-35, 0.5]]


def test_a_delimiter_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "1,5\t2\n2,5\t0\n")
    assert read_table(path, delimiter="tab", task="regression").X.tolist() == [[1.5], [2.5]]
    with pytest.raises(ValueError, match=r"delimiter='\|': expected ',', ';', 'tab' or 'space'"):
        read_table(path, delimiter="|")


def test_both_decimal_marks_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "1.5;2;0\n3;1,5;1\n")
    with pytest.raises(
        ValueError, match=r"decimal commas \(line 2\) and decimal points \(line 1\)"
    ):
        read_table(path)
    thousands = write(tmp_path / "b.csv", "1.234,5;2;0\n3;1,5;1\n")
    with pytest.raises(ValueError, match="decimal commas"):
        read_table(thousands, header=False)


def test_a_quoted_comma_between_commas_is_no_decimal_mark(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'a,b,c\n"1,234",2,0\n3,4,1\n')
    with pytest.raises(ValueError, match=r"line 2, column 1: '1,234'; expected a finite number"):
        read_table(path)


def test_quotes_and_spaces(tmp_path: Path) -> None:
    content = 'a,"b, in ""cm""",c\r\n"1", 2.5 ," x, y "\r\n\r\n"3","4","z"\r\n'
    table = read_table(write(tmp_path / "a.csv", content))
    assert table.feature_names == ("a", 'b, in "cm"')
    assert table.X.tolist() == [[1, 2.5], [3, 4]] and table.classes == ("x, y", "z")


def test_quotes_after_many_plain_lines(tmp_path: Path) -> None:
    plain = "".join(f"{i}.5,2,{i % 2}\n" for i in range(40_000))
    table = read_table(write(tmp_path / "a.csv", f'x,y,z\n{plain}"7.5","2","1"\n'))
    assert table.X.shape == (40_001, 2) and table.X[-1].tolist() == [7.5, 2]
    path = write(tmp_path / "b.csv", f'x,y,z\n{plain}"7.5","2","1"\n1,x,0\n')
    with pytest.raises(ValueError, match="line 40003, column 2: 'x'"):
        read_table(path)


# --- lines and columns of what is wrong


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "a,b,c\n1,2,0\n\n1,x,1\n",
            "line 4, column 2: 'x'; expected a finite number in column 'b'",
        ),
        ('"a\na",b,c\n1,2,0\n1,x,1\n', "line 4, column 2: 'x'; expected a finite number"),
        (
            "a,b,c\n1,,0\n1,2,1\n",
            "line 2, column 2: ''; expected a finite number in column 'b', not",
        ),
        (
            "a,b,c\n1,NA,0\n1,2,1\n",
            "line 2, column 2: 'NA'; expected a finite number in column 'b'",
        ),
        (
            "a,b,c\n1,2,x\n1,2,\n",
            "line 3, column 3: ''; expected the name of a class in column 'c'",
        ),
        ("a,b,c\n1,2,x\n1,2,nan\n", "line 3, column 3: 'nan'; expected the name of a class"),
        ("a,b,c\n1,2,0\n1,2\n", "line 3: 2 columns; expected 3"),
        ("a,b,c\n1,2,0\n1,2,3,\n", "line 3: 4 columns; expected 3"),
        ("a,b,c\n1,2,x\n1,2\n", "line 3: 2 columns; expected 3"),
        (
            'a,b,c\n1,2,0\n1,"2,1\n',
            "line 3, column 2: '2,1\\n' is not a number, but a field with open",
        ),
        ("a,b,c\n1,1e999,0\n1,2,1\n", "line 2, column 2: '1e999'"),
        ("a,b,c\n1,1_1,0\n1,2,1\n", "line 2, column 2: '1_1'"),
        ("a,b,c\n1,٣,0\n1,2,1\n", "line 2, column 2: '٣'"),
        ("a,b,c\n1,2,0\n1,3,0\n", "column 2 'c': every row has the class 0; expected two"),
        ("a\n1\n2\n", "one column; expected features and a label"),
        (",a\n0,1\n1,2\n", "no column is left for features"),
    ],
)
def test_what_is_wrong_is_named(content: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(ValueError) as caught:
        read_table(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert_one_line(caught.value)


def test_targets_by_name_and_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", lines(FLOWERS, header="a,b,c,d,species"))
    for target in ("species", 4, -1, None, "4", "-1"):
        assert read_table(path, target).classes == NAMES
    assert read_table(path, "a", index="species").target_name == "a"
    for target in ("kind", 5, -6, 1.0, True, "5"):
        with pytest.raises(ValueError, match=r"target=.*: expected a whole number from -5 to 4"):
            read_table(path, target)
    twice = write(tmp_path / "b.csv", lines(FLOWERS, header="a,b,c,d,a"))
    with pytest.raises(ValueError, match="target='a': expected a number, as columns 0, 4 have"):
        read_table(twice, "a")
    # pandas' own names are names first: '4' is column 5, after the index
    pandas = write(tmp_path / "c.csv", lines(numbered(FLOWERS), header=",0,1,2,3,4"))
    assert read_table(pandas, "4").classes == NAMES
    with pytest.raises(ValueError, match="expected another column than the index"):
        read_table(pandas, 0)


# --- classes or amounts


def target(values: list, tmp_path: Path, **options: object) -> datasets.Table:
    rows = [[0.5 * i, value] for i, value in enumerate(values)]
    return read_table(write(tmp_path / "a.csv", lines(rows, header="a,b")), **options)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 1] * 5, (0, 1)),
        ([1.0, 2.0, 3.0] * 4, (1, 2, 3)),
        ([-1, 1] * 3, (-1, 1)),
        ([10, 200, 3000] * 5, (10, 200, 3000)),
        (["b", "a", "c"] * 2, ("a", "b", "c")),
        (["1", "2", "3+"] * 3, ("1", "2", "3+")),
        ([0, 1, 2, 0], (0, 1, 2)),
        (list(range(20)) * 3, tuple(range(20))),
    ],
)
def test_classes_are_found(values: list, classes: tuple, tmp_path: Path) -> None:
    table = target(values, tmp_path)
    assert (table.task, table.classes) == ("classification", classes)
    assert [classes[i] for i in table.y] == [classes[classes.index(v)] for v in values]
    assert [type(label) for label in table.classes] == [type(label) for label in classes]


@pytest.mark.parametrize(
    "values",
    [[0.5 + i for i in range(30)], [3 * i % 101 for i in range(100)], [0.1, 0.2, 0.3, 0.4]],
)
def test_amounts_are_found(values: list, tmp_path: Path) -> None:
    table = target(values, tmp_path)
    assert (table.task, table.classes) == ("regression", ())
    assert table.y.dtype == np.float64 and table.y.tolist() == values


@pytest.mark.parametrize(
    "values",
    [
        [i % 50 for i in range(1000)],  # ages?
        [0.5, 1.0] * 10,
        [3, 1, 2],
        [f"name {i}" for i in range(40)],
    ],
)
def test_in_doubt_the_task_is_asked_for(values: list, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--task classification"):
        target(values, tmp_path)
    assert target(values, tmp_path, task="classification").task == "classification"
    if isinstance(values[0], str):
        with pytest.raises(ValueError, match="'name 0'; expected numbers, as task='regression'"):
            target(values, tmp_path, task="regression")
    else:
        assert target(values, tmp_path, task="regression").y.tolist() == values


def test_tasks_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="task='guess': expected classification or regression"):
        target([0, 1], tmp_path, task="guess")
    with pytest.raises(ValueError, match="every row has 5; expected numbers that differ"):
        target([5, 5, 5], tmp_path, task="regression")
    with pytest.raises(ValueError, match="above 2\\^53"):
        target([2**60, 2**60 + 1, 2**60, 2**60 + 1], tmp_path)


def test_load_csv_keeps_whole_numbers_and_takes_a_regression(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b\n1,3\n2,7\n3,3\n")
    assert datasets.load_csv(path)[1].tolist() == [3, 7, 3]
    fractions = write(tmp_path / "b.csv", "a,b\n1,3.5\n2,7\n3,3\n")
    with pytest.raises(ValueError, match=r"line 2: label 3.5 .*task='regression'"):
        datasets.load_csv(fractions)
    assert datasets.load_csv(fractions, task="regression")[1].tolist() == [3.5, 7, 3]


# --- what pandas and NumPy write


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("names", [False, True])
@pytest.mark.parametrize("options", [{}, {"sep": ";", "decimal": ","}, {"sep": "\t", "quoting": 1}])
def test_what_pandas_writes(index: bool, names: bool, options: dict, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 3))
    frame = pandas.DataFrame(values, columns=["a", "b", "c"] if names else None)
    frame["kind" if names else 3] = rng.integers(0, 3, 30)
    frame.to_csv(tmp_path / "a.csv", index=index, **options)
    table = read_table(tmp_path / "a.csv")
    assert np.array_equal(table.X, values)
    assert table.y.tolist() == frame.iloc[:, -1].tolist()


def test_what_numpy_writes(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(30, 3))
    rows = np.column_stack([values, np.arange(30) % 3])
    np.savetxt(tmp_path / "a.txt", rows)
    table = read_table(tmp_path / "a.txt")
    assert np.array_equal(table.X, values) and table.classes == (0, 1, 2)


# --- memory


@pytest.mark.skipif(sys.platform != "linux", reason="measured in /proc")
@pytest.mark.parametrize("kind", ["digits", "measurements", "quoted"])
def test_memory_is_a_few_times_the_file(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    if kind == "digits":
        rows = rng.integers(0, 10, (20_000, 200))
        content = "\n".join(",".join(map(str, row)) for row in rows.tolist())
    else:
        rows = rng.normal(size=(20_000, 20)).round(3)
        quote = '"' if kind == "quoted" else ""
        text = [[f"{quote}{x}{quote}" for x in row] for row in rows.tolist()]
        content = "\n".join(
            ",".join([*row, "yes" if i % 2 else "no"]) for i, row in enumerate(text)
        )
    path = write(tmp_path / "a.csv", content)
    assert peak_of("datasets.read_table(sys.argv[1])", path) < 8 * len(content)


def test_a_header_that_promises_columns_takes_no_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "\n" * 1_000_000 + "a," * 1000 + "b\n" + "1," * 1000 + "0\n")
    with pytest.raises(ValueError, match="every row has the class 0"):
        read_table(path)


def test_too_many_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "1," * 300_000 + "1\n")
    with pytest.raises(ValueError, match="line 1: 300001 columns; expected at most 262144"):
        read_table(path)


def test_names_that_could_steer_a_terminal_are_escaped(tmp_path: Path) -> None:
    for content in ("a\x1b[31m,b,c\nx\x1b]0;y,2,0\n", "a,b,c\n1,\x1b[2J,0\n"):
        path = write(tmp_path / "e\x1b[31m.csv", content)
        with pytest.raises(ValueError) as caught:
            read_table(path)
        assert "\x1b" not in str(caught.value) and "\\x1b" in str(caught.value)


def test_an_npz_name_that_could_steer_a_terminal_is_escaped(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"X\x1b[31m": np.ones(3)})
    with pytest.raises(ValueError) as caught:
        datasets.load_npz(tmp_path / "a.npz")
    assert "\x1b" not in str(caught.value) and "X\\x1b[31m" in str(caught.value)


# --- .npz files that say more than they hold


def npz(path: Path, header: bytes, data: bytes = b"", compression: int = 8) -> Path:
    import zipfile

    y = io.BytesIO()
    np.save(y, np.zeros(4))
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("X.npy", b"\x93NUMPY" + header + data)
        archive.writestr("y.npy", y.getvalue())
    return path


def declared(shape: tuple[int, ...], version: bytes = b"\1\0") -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return version + len(text).to_bytes(2 if version == b"\1\0" else 4, "little") + text


@pytest.mark.skipif(sys.platform != "linux", reason="measured in /proc")
def test_a_version_2_header_that_lies_takes_no_memory(tmp_path: Path) -> None:
    header = b"\2\0" + (3_000_000_000).to_bytes(4, "little")
    path = npz(tmp_path / "a.npz", header, b" " * 100_000_000)
    code = """
try:
    datasets.load_npz(sys.argv[1])
except ValueError as error:
    assert "X: damaged header" in str(error), error
"""
    assert peak_of(code, path) < 20_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="measured in /proc")
def test_a_zip_bomb_is_refused_by_its_name(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", declared((4, 12_500_000)), bytes(400_000_000))
    assert path.stat().st_size < 500_000
    code = """
try:
    datasets.load_npz(sys.argv[1])
except ValueError as error:
    assert "X: float64 of shape (4, 12500000); expected at most" in str(error), error
else:
    raise SystemExit("read")
"""
    assert peak_of(code, path) < 20_000_000


def test_what_is_packed_well_is_read(tmp_path: Path) -> None:
    X_packed = np.zeros((2000, 784))
    X_packed[:, 300:400] = np.random.default_rng(0).integers(0, 256, (2000, 100))
    y = np.eye(10)[np.arange(2000) % 10]
    np.savez_compressed(tmp_path / "a.npz", X=X_packed, y=y)
    assert X_packed.nbytes > 20 * (tmp_path / "a.npz").stat().st_size
    found, labels = datasets.load_npz(tmp_path / "a.npz")
    assert np.array_equal(found, X_packed) and labels.tolist() == (np.arange(2000) % 10).tolist()


def test_a_list_of_entries_too_long_to_read(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for i in range(20_000):
            archive.writestr(f"entry {i:050}", b"")
    with pytest.raises(ValueError, match="it lists far too many entries"):
        datasets.load_npz(tmp_path / "a.npz")


# --- what is no file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_bytes_are_read_as_the_file_that_holds_them(encoding: str, tmp_path: Path) -> None:
    content = "".join(["长,宽,种\r\n", *["1,2.5,甲\r\n3,4.5,乙\r\n"] * 20]).encode(encoding)
    (tmp_path / "a.csv").write_bytes(content)
    told = {"encoding": encoding} if encoding == "gbk" else {}
    of_file = read_table(tmp_path / "a.csv", **told)
    of_bytes = read_table(TableBytes("a.csv", content), **told)
    assert np.array_equal(of_bytes.X, of_file.X) and np.array_equal(of_bytes.y, of_file.y)
    assert of_bytes.classes == ("乙", "甲") and of_bytes.feature_names == ("长", "宽")


def test_bytes_are_refused_by_the_name_that_came_with_them() -> None:
    with pytest.raises(ValueError, match=r"^sent\.csv, line 3, column 1: 'x'"):
        read_table(TableBytes("sent.csv", b"a,b\n1,2\nx,3\n4,5\n"))
    with pytest.raises(TypeError, match="TableBytes: expected a name and bytes, got str and str"):
        TableBytes("a.csv", "a,b")  # type: ignore[arg-type]
