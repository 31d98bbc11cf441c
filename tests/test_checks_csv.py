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
    "bad, but far down": HEADER + b"1,2\n" * 100 + b"1\n",
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
