"""Bad CSV files are told before anything runs, with file and line."""

from __future__ import annotations

import pytest

import fluentml as fml
from tests.messages import problems_of

P = fml.PipelineDef("test")
HEADER = b"fare,tips\n"


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


SOUND = {
    "plain": HEADER + b"1,2\n",
    "no newline at the end": HEADER + b"1,2",
    "windows": b"fare,tips\r\n1,2\r\n",
    "blank lines": HEADER + b"\n1,2\n\n\n3,4\n",
    "quoted": HEADER + b'"a, b",2\n"a ""b""",3\n',
    "a cell of two lines": HEADER + b'"a\nb",2\n3,4\n',
    "missing values": HEADER + b",\n",
    "other letters": "fare,Größe\n1,ü\n".encode(),
    "one column": b"fare\n1\n",
    "an unnamed column": b",fare\n0,1\n",
    "whole numbers, then others": HEADER + b"1,2\n" * 200 + b"1.5,2e3\n",
    "few numbers": HEADER + b"1,2\n" * 19 + b"A1,2\n",
    "codes": HEADER + b"12,1\nA12,1\n" * 200,
    "a word now and then": HEADER + b"NaN,1\n" * 200 + b"old,1\n" * 2 + b",1\n" * 9,
    "NaN": HEADER + b"nan,1\n" + b"1,1\n" * 200 + b"inf,1\n",
}


@pytest.mark.parametrize("content", SOUND.values(), ids=SOUND)
def test_sound_files(data, content):
    (data / "a.csv").write_bytes(content)
    assert problems_of(P.from_csv("data")) == []


UNSOUND = {
    "empty": (
        b"",
        "cannot read 'data/a.csv', which is empty.",
        "write a header and rows to it, or take it away.",
    ),
    "no rows": (
        HEADER + b"\n",
        "finds a header in 'data/a.csv', and no rows.",
        "add rows, or name files that have some.",
    ),
    "no header": (
        b"\nfare,tips\n1,2\n",
        "takes the first line for the header, and it is empty.\n  data/a.csv:1",
        "write the names of the columns into it.",
    ),
    "duplicate": (
        b"fare,tips,fare\n1,2,3\n",
        "finds the column 'fare' more than once.\n  data/a.csv:1: fare,tips,fare",
        "give every column a name of its own; the first line is the header.",
    ),
    "long": (
        HEADER + b"1,2\n\n1,2,3\n",
        "finds a row of 3 cells under a header of 2.\n  data/a.csv:4: 1,2,3",
        'give every row a cell per column; a cell with a comma goes in quotes: "a, b".',
    ),
    "short after a cell of two lines": (
        HEADER + b'"a\nb",2\n7\n',
        "finds a row of 1 cells under a header of 2.\n  data/a.csv:4: 7",
        'give every row a cell per column; a cell with a comma goes in quotes: "a, b".',
    ),
    "latin": (
        HEADER + b"1,2\nZ\xfcrich,3\n",
        "reads UTF-8, and this is not.\n  data/a.csv:3: Z\N{REPLACEMENT CHARACTER}",
        "write the file again in UTF-8.",
    ),
    "utf-16": (
        "fare,tips\n1,2\n".encode("utf-16"),
        "reads UTF-8, and this is UTF-16.\n  data/a.csv:1",
        "write the file again in UTF-8.",
    ),
    "a mark": (
        "fare,tips\n1,2\n".encode("utf-8-sig"),
        "would take the byte order mark of this file for part of its first column's name.\n"
        "  data/a.csv:1: \ufefffare,tips",
        'write the file again in plain UTF-8 (not "utf-8-sig").',
    ),
    "semicolons": (
        b"fare;tips\n1;2\n",
        "reads cells between commas, and the header has none.\n  data/a.csv:1: fare;tips",
        "write the files with commas between the cells.",
    ),
    "long, and far down": (
        HEADER + b"1,2\n" * 5000 + b"1,2,3\n",
        "finds a row of 3 cells under a header of 2.\n  data/a.csv:5002: 1,2,3",
        'give every row a cell per column; a cell with a comma goes in quotes: "a, b".',
    ),
    "open quote": (
        HEADER + b'1,2\n"3,4\n5,6\n',
        'finds a quote that opens and never closes.\n  data/a.csv:3: "3,4',
        'close it; a quote within a cell is written twice: "".',
    ),
}


@pytest.mark.parametrize(("content", "said", "hint"), UNSOUND.values(), ids=UNSOUND)
def test_unsound_files(data, content, said, hint):
    (data / "a.csv").write_bytes(content)
    assert problems_of(P.from_csv("data")) == [f"from_csv() {said}\nHint: {hint}"]
    assert problems_of(P.from_csv("data", split={"train": "a*"})) != []


@pytest.mark.parametrize("content", [UNSOUND[name][0] for name in UNSOUND if name != "a mark"])
def test_what_is_unsound_alone_is_told_once_among_others(data, content):
    (data / "a.csv").write_bytes(content)
    (data / "b.csv").write_bytes(HEADER + b"1,2\n")
    assert len(problems_of(P.from_csv("data"))) == (0 if content == UNSOUND["no rows"][0] else 1)


TEXT = "from_csv() finds text among numbers, and TFX would read the numbers as text too."
MEND = "Hint: mend the rows (a missing value is an empty cell); where text is meant, write mixed="


@pytest.mark.parametrize("value", ["N/A", " ", "-", "1.234,5", "0x1F"])
@pytest.mark.parametrize("above", [19, 3000])
def test_a_little_text_among_numbers(data, value, above):
    rows = [b"1,2\n"] * above + [f'"{value}",2\n'.encode()] + [b",2.5\n", b"3,\n"] * 20
    (data / "a.csv").write_bytes(HEADER + b"".join(rows))
    place = f"data/a.csv:{above + 2}: 'fare' is {value!r} (1 such among {above + 20} numbers)"
    assert problems_of(P.from_csv("data")) == [f'{TEXT}\n  {place}\n{MEND}["fare"].']
    assert problems_of(P.from_csv("data", mixed=["fare"])) == []


def test_a_column_that_changes_half_way(data):
    """However many there are: a column that began with numbers is meant to hold some."""
    (data / "a.csv").write_bytes(HEADER + b"1,2\n" * 100 + b"x,y\n" * 900)
    (data / "b.csv").write_bytes(HEADER + b"x,y\n" * 900)
    assert problems_of(P.from_csv("data")) == [
        f"{TEXT}\n"
        "  data/a.csv:102: 'fare' is 'x' (1800 such among 100 numbers)\n"
        "  data/a.csv:102: 'tips' is 'y' (1800 such among 100 numbers)\n"
        f'{MEND}["fare", "tips"].'
    ]
    # Each split by files has its own types.
    assert problems_of(P.from_csv("data", split={"train": "b*"})) == []


def test_a_file_of_another_type(data):
    (data / "a.csv").write_bytes(HEADER + b"1,2\n" * 200)
    (data / "b.csv").write_bytes(HEADER + b"none,2\n" * 3)
    (problem,) = problems_of(P.from_csv("data"))
    assert "  data/b.csv:2: 'fare' is 'none' (3 such among 200 numbers)" in problem


def test_mixed_names_columns(data):
    (data / "a.csv").write_bytes(HEADER + b"1,2\n")
    assert problems_of(P.from_csv("data", mixed=("fare", "tip"))) == [
        "from_csv(): mixed='tip' is no column of the CSV.\n"
        "The columns: 'fare', 'tips'.\n"
        "Hint: did you mean 'tips'?"
    ]


@pytest.mark.parametrize("value", ["", " ", "NaN", "nan"])
def test_a_label_that_is_missing(data, value):
    (data / "a.csv").write_bytes(HEADER + b"1,2\n" * 5000 + f"1,{value}\n".encode() * 7)
    trained = P.from_csv("data", mixed=["tips"]).train("json.loads")
    assert problems_of(trained) == []
    assert problems_of(trained.evaluate_model("fare", metrics=["AUC"])) == []
    places = "".join(f"  data/a.csv:{line}\n" for line in range(5002, 5007))
    assert problems_of(trained.evaluate_model("tips", metrics=["AUC"])) == [
        "evaluate_model(): label='tips' is empty or NaN in 7 rows of the CSV, and nothing can be "
        f"learned from such a row.\n{places}Hint: fill it in, or take these rows out."
    ]


def test_a_label_is_needed_where_models_learn(data):
    for split in ("train", "eval", "later"):
        (data / f"{split}.csv").write_bytes(HEADER + b"1,2\n")
    split = {"train": "train*", "eval": "eval*", "later": "later*"}
    pipeline = P.from_csv("data", split=split).train("json.loads")
    pipeline = pipeline.evaluate_model("tips", metrics=["AUC"], thresholds={"AUC": 0.5})
    (data / "later.csv").write_bytes(HEADER + b"1,\n")
    assert problems_of(pipeline) == []
    for name in ("train", "eval"):
        (data / f"{name}.csv").write_bytes(HEADER + b"1,2\n\n3,\n")
        (problem,) = problems_of(pipeline)
        assert "is empty or NaN in 1 row of the CSV" in problem
        assert f"\n  data/{name}.csv:4\n" in problem
        (data / f"{name}.csv").write_bytes(HEADER + b"1,2\n")
    # A data set of its own needs it as well, and does not do away with the other.
    (data / "held").mkdir()
    (data / "held/a.csv").write_bytes(HEADER + b"1,\n")
    held = P.from_csv("data", split=split).train("json.loads")
    held = held.evaluate_model("tips", metrics=["AUC"], examples=fml.from_csv("data/held"))
    (data / "train.csv").write_bytes(HEADER + b"1,\n")
    assert [problem.splitlines()[1] for problem in problems_of(held)] == [
        "  data/train.csv:2",
        "  data/held/a.csv:2",
    ]
    (data / "train.csv").write_bytes(HEADER + b"1,2\n")
    # What is to be predicted has none.
    (data / "new").mkdir()
    (data / "new/a.csv").write_bytes(HEADER + b"1,\n")
    assert problems_of(pipeline.bulk_infer(fml.from_csv("data/new", split={"new": 1}))) == []


def test_a_great_file_is_looked_at_in_part(data, monkeypatch):
    from fluentml.checks import _csv

    monkeypatch.setattr(_csv, "BYTES", 2000)
    (data / "a.csv").write_bytes(HEADER + b"1,2\n" * 1000 + b"1,2,3\n")
    assert problems_of(P.from_csv("data")) == []
    # The first rows of every file are looked at.
    for rows, count in ((98, 1), (1000, 0)):
        (data / "b.csv").write_bytes(HEADER + b"1,2\n" * rows + b"1,2,3\n")
        assert len(problems_of(P.from_csv("data"))) == count


def test_different_headers_in_one_split(data):
    (data / "a.csv").write_bytes(HEADER + b"1,2\n")
    (data / "b.csv").write_bytes(b"tips,fare\n1,2\n")
    assert problems_of(P.from_csv("data")) == [
        "from_csv() reads files with different headers into one split.\n"
        "  data/a.csv:1: fare,tips\n"
        "  data/b.csv:1: tips,fare\n"
        "Hint: give them the same columns in the same order."
    ]
    assert problems_of(P.from_csv("data", split={"train": "a*", "eval": "b*"})) == []


def test_only_the_span_that_is_read_is_looked_at(data):
    for span, content in {1: b"", 2: HEADER + b"1,2\n"}.items():
        (data / f"s{span}.csv").write_bytes(content)
    assert problems_of(P.from_csv("data", pattern="s{SPAN}.csv")) == []
    assert len(problems_of(P.from_csv("data", pattern="s{SPAN}.csv", span=1))) == 1


def test_the_column_to_partition_on(data):
    (data / "a.csv").write_bytes(HEADER + b"1,2\n")
    assert problems_of(P.from_csv("data", partition_on="tips")) == []
    assert problems_of(P.from_csv("data", partition_on="tip")) == [
        "from_csv(): partition_on='tip' is no column of the CSV.\n"
        "The columns: 'fare', 'tips'.\n"
        "Hint: did you mean 'tips'?"
    ]
