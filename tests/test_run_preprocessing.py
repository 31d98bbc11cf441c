"""run_preprocessing(): rows in, features out, as a pipeline's Transform would make them."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.testing import run_preprocessing
from tests.conftest import Run
from tests.messages import message_of

pytestmark = pytest.mark.tfx

COMPANIES = ["Blue", "Green", "Blue", "Blue"]
ROWS = [
    {"fare": float(fare), "company": company, "tags": ["a", "b"][: number % 3]}
    for number, (fare, company) in enumerate(zip((1, 2, 3, 6), COMPANIES, strict=True))
]
ROWS[1]["miles"] = 4


def scaled(inputs):
    """One analyzer of each kind; a column that misses values; one that holds several."""
    import tensorflow_transform as tft

    from fluentml.training import fill_missing

    return {
        "fare_xf": tft.scale_to_0_1(inputs["fare"]),
        "company_xf": tft.compute_and_apply_vocabulary(inputs["company"]),
        "miles_xf": fill_missing(inputs["miles"], -1),
        "tags_xf": inputs["tags"],
    }


def test_features_of_rows_as_a_frame():
    features = run_preprocessing(scaled, ROWS)
    assert features["fare_xf"].tolist() == pytest.approx([0, 0.2, 0.4, 1])
    assert features["company_xf"].tolist() == [0, 1, 0, 0]
    assert features["miles_xf"].tolist() == [-1, 4, -1, -1]
    assert features["tags_xf"].tolist() == [[], ["a"], ["a", "b"], []]


def paired(inputs):
    """No analyzer at all."""
    import tensorflow as tf

    fare, miles = inputs["fare"], inputs["miles"]
    is_dense = not isinstance(miles, tf.SparseTensor)
    return {
        "pair": tf.concat([fare, -fare], axis=1),
        "is_dense": tf.zeros_like(fare, tf.int64) + int(is_dense),
    }


@pytest.mark.parametrize("form", ["dicts", "columns", "pandas", "arrow"])
def test_every_form_of_rows_is_the_same(form: str):
    import pandas
    import pyarrow

    columns = {"fare": [1.5, 2.5], "miles": [4, None]}
    rows = {
        "dicts": [{"fare": 1.5, "miles": 4}, {"fare": 2.5}],
        "columns": columns,
        "pandas": pandas.DataFrame(columns),
        "arrow": pyarrow.table(columns),
    }
    features = run_preprocessing(paired, rows[form])
    assert features["pair"].tolist() == [[1.5, -1.5], [2.5, -2.5]]
    assert features["is_dense"].tolist() == [0, 0]


def test_a_full_column_is_dense_and_whole_numbers_become_fractions_among_them():
    features = run_preprocessing(paired, [{"fare": 1, "miles": 4}, {"fare": 2.5, "miles": 5}])
    assert features["pair"].tolist() == [[1, -1], [2.5, -2.5]]
    assert features["is_dense"].tolist() == [1, 1]


def test_a_schema_says_what_the_rows_cannot(tmp_path: Path):
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    text = """
        feature { name: "fare" type: FLOAT shape { dim { size: 1 } } presence { min_fraction: 1 } }
        feature { name: "miles" type: INT presence { min_count: 1 } }
    """
    (tmp_path / "schema.pbtxt").write_text(text)
    schema = text_format.Parse(text, schema_pb2.Schema())
    for given in (schema, tmp_path, tmp_path / "schema.pbtxt"):
        features = run_preprocessing(paired, [{"fare": 2, "miles": 4}], given)
        assert features["pair"].tolist() == [[2, -2]]
        assert features["is_dense"].tolist() == [0]
    chain = fml.PipelineDef("p", root=tmp_path).from_csv(tmp_path)
    imported = chain.with_imported_schema(tmp_path / "schema.pbtxt").preprocess(paired)
    assert run_preprocessing(imported, [{"fare": 2, "miles": 4}])["is_dense"].tolist() == [0]
    for row, message in (
        (
            {"miles": 4},
            "The schema says that every example has 'fare', and the rows have no such column.\n"
            "Theirs: 'miles'.\n"
            "Hint: give each row a value: {'fare': …}.",
        ),
        (
            {"fare": "much"},
            "The schema says that 'fare' holds numbers, and the rows have string.\n"
            "Hint: write numbers, or pass another schema.",
        ),
        (
            {"fare": 1, "miles": 0.5},
            "The schema says that 'miles' holds whole numbers, and the rows have double.\n"
            "Hint: write whole numbers, or pass another schema.",
        ),
    ):
        assert message_of(fml.DefinitionError, run_preprocessing, paired, [row], schema) == message


def test_declared_features_and_a_curated_schema_of_a_pipeline(tmp_path: Path):
    (tmp_path / "data.csv").write_text("fare,company\n1,Blue\n")
    chain = fml.PipelineDef("p", root=tmp_path).from_csv(tmp_path)
    chain = chain.generate_statistics().infer_schema().curate_schema(optional=["fare"])
    features = run_preprocessing(
        chain.preprocess(numeric=["fare"], categorical={"company": None}),
        [{"fare": 1.0, "company": "Blue"}, {"fare": 3.0, "company": "Blue"}],
    )
    assert features["fare_xf"].tolist() == pytest.approx([-1, 1])
    assert features["company_xf"].tolist() == [0, 0]


def test_a_function_of_a_pipeline_finds_the_files_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "scale_of_miles.py").write_text("SCALE = 3.0\n")
    (tmp_path / "script.py").write_text(
        "def late(inputs):\n"
        "    from scale_of_miles import SCALE\n"
        "    return {'x': inputs['fare'] * SCALE}\n"
        "def add(schema):\n"
        "    schema.feature[0].ClearField('shape')\n"
        "    return schema\n"
        "def wrong(inputs):\n"
        "    return {'x': inputs['fare'] + 'text'}\n"
    )
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(tmp_path / "script.py"))
    chain = fml.PipelineDef("p", root=tmp_path).from_csv(tmp_path).generate_statistics()
    plain = chain.infer_schema().preprocess(names["late"])
    assert run_preprocessing(plain, [{"fare": 1.0}])["x"].tolist() == [3]
    assert "scale_of_miles" not in sys.modules
    sparse = chain.infer_schema().curate_schema(names["add"]).preprocess(names["late"])
    assert run_preprocessing(sparse, [{"fare": 1.0}])["x"].tolist() == [[3]]
    wrong = chain.infer_schema().preprocess(names["wrong"])
    told = message_of(fml.DefinitionError, run_preprocessing, wrong, [{"fare": 1.0}])
    assert "\n  script.py:8 in wrong\n    return {'x': inputs['fare'] + 'text'}\n" in told


def test_a_module_that_cannot_be_loaded_is_told_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("features.py").write_text("import math\nSCALE = math.sqr(2)\n")
    assert message_of(fml.DefinitionError, run_preprocessing, "features.py", ROWS) == (
        "preprocessing_fn(inputs) failed: AttributeError: module 'math' has no attribute 'sqr'\n"
        "  features.py:2 in <module>\n"
        "    SCALE = math.sqr(2)\n"
        "Hint: mend the module: it fails before the function is called."
    )


def test_a_module_file_finds_those_beside_it_and_gets_its_config(tmp_path: Path):
    (tmp_path / "scale_of_fares.py").write_text("SCALE = 10.0\n")
    (tmp_path / "features.py").write_text(
        "from scale_of_fares import SCALE\n"
        "def preprocessing_fn(inputs, custom_config):\n"
        "    return {'x': inputs['fare'] * SCALE * custom_config.get('more', 1.0)}\n"
    )
    module = tmp_path / "features.py"
    assert run_preprocessing(module, [{"fare": 1.0}])["x"].tolist() == [10]
    chain = fml.PipelineDef("p", root=tmp_path).from_csv(tmp_path)
    chain = chain.generate_statistics().infer_schema()
    configured = chain.preprocess(module, custom_config={"more": 2.0})
    assert run_preprocessing(configured, [{"fare": 1.0}])["x"].tolist() == [20]


def test_the_features_are_those_of_a_pipeline(first_run: Run):
    """Of 2,600 trips, the ones with missing values included: every feature of every trip."""
    import numpy
    import pandas

    raw = _rows(first_run, "CsvExampleGen.examples")
    assert any(value is None for row in raw for value in row.values())
    known = pandas.DataFrame(_rows(first_run, "transformed_examples"))
    features = run_preprocessing(first_run.pipeline, raw)
    assert features.shape == known.shape
    assert len(known) > 2000
    assert {*features} == {*known}
    for name in known:
        # Beam adds the numbers up in batches of its own.
        numpy.testing.assert_allclose(features[name], known[name], rtol=1e-4, atol=1e-5)


def _rows(run: Run, output: str) -> list[dict[str, object]]:
    """Return the split "train" of an output, in the order of its files."""
    import tensorflow as tf

    (artifact, *_) = run.result.artifacts(output)
    files = sorted(map(str, Path(artifact.uri, "Split-train").iterdir()))
    examples = [
        tf.train.Example.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(files, "GZIP")
    ]
    return [
        {name: _value(feature) for name, feature in example.features.feature.items()}
        for example in examples
    ]


def _value(feature):
    kind = feature.WhichOneof("kind")
    values = [*getattr(feature, kind).value] if kind else []
    texts = [value.decode() if isinstance(value, bytes) else value for value in values]
    return texts[0] if len(texts) == 1 else texts or None


# -- wrong ones ------------------------------------------------------------------------------------


def misspelt(inputs):
    return {"x": inputs["fair"]}


def unfilled(inputs):
    return {"x": inputs["miles"] * 0.5}


def silent(inputs):
    inputs["fare"] * 2


def truths(inputs):
    return {"x": inputs["fare"] > 1}


def overall(inputs):
    import tensorflow_transform as tft

    return {"x": tft.mean(inputs["fare"])}


def by_numpy(inputs):
    import numpy

    return {"x": numpy.log(inputs["fare"])}


def to_numbers(inputs):
    import tensorflow as tf

    return {"x": tf.strings.to_number(inputs["company"])}


def line_of(function, number: int = 1) -> int:
    return function.__code__.co_firstlineno + number


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            misspelt,
            "misspelt(inputs) failed: KeyError: 'fair'\n"
            f"  tests/test_run_preprocessing.py:{line_of(misspelt)} in misspelt\n"
            '    return {"x": inputs["fair"]}\n'
            "Hint: did you mean 'fare'?",
        ),
        (
            unfilled,
            "unfilled(inputs) failed: TypeError: Expected int64, but got 0.5 of type 'float'.\n"
            f"  tests/test_run_preprocessing.py:{line_of(unfilled)} in unfilled\n"
            '    return {"x": inputs["miles"] * 0.5}\n'
            "Hint: 'miles' may miss values, and so is sparse: "
            "fluentml.training.fill_missing(inputs['miles']) is dense.",
        ),
        (
            silent,
            "silent(inputs) returned nothing.\n"
            'Hint: end it with a dict of features: return {"fare_xf": …}.',
        ),
        (
            truths,
            "truths(inputs) returns 'x' as bool; a feature holds 'int64', 'float32', 'string'.\n"
            "Hint: tf.cast(…, tf.int64).",
        ),
        (
            overall,
            "overall(inputs) returns 'x' as one number for all rows.\n"
            "Hint: give every row its own: inputs[…] - x, for instance.",
        ),
    ],
)
def test_a_wrong_function_is_shown_by_its_line(function, message, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    assert message_of(fml.DefinitionError, run_preprocessing, function, ROWS) == message


def test_what_is_no_operation_of_a_graph_is_told():
    told = message_of(fml.DefinitionError, run_preprocessing, by_numpy, ROWS)
    assert f"test_run_preprocessing.py:{line_of(by_numpy, 3)} in by_numpy" in told
    assert told.endswith("have no values yet: compute with functions of tf and tft.")


def test_values_that_an_operation_cannot_take_are_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    told = message_of(fml.DefinitionError, run_preprocessing, to_numbers, ROWS)
    assert told == (
        "to_numbers(inputs) failed: the operation StringToNumber: StringToNumberOp could not "
        "correctly convert string: Blue\n"
        f"  tests/test_run_preprocessing.py:{line_of(to_numbers, 0)} in to_numbers\n"
        "Hint: an operation cannot take a value of these rows, although it can take its type."
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [],
            "run_preprocessing() got 0 rows and 0 columns.\n"
            "Hint: give it a row: means and vocabularies are those of the rows that it gets.",
        ),
        (
            {"fare": 1.5},
            "run_preprocessing() takes a list per column, and 'fare' is 1.5.\n"
            "Hint: for one row write a list of one dict: [{…}].",
        ),
        (
            {"fare": [1], "miles": [1, 2]},
            "run_preprocessing() takes as many values in every column.\n"
            "There are: 'fare' 1, 'miles' 2.\n"
            "Hint: write None where a value is missing.",
        ),
        (
            [{"fare": 1}, {"fare": "much"}],
            "run_preprocessing() cannot give the column 'fare' one type: it has 'int', 'str'.\n"
            "Hint: write numbers, or text, or lists of them; None where a value is missing.",
        ),
        (
            [(1, 2)],
            "run_preprocessing() takes a dict per row, and row 1 is (1, 2).\n"
            'Hint: name the columns: [{"fare": 12.5, "company": "Blue"}, …].',
        ),
        (
            "data.csv",
            "run_preprocessing() takes a list of dicts, a dict of columns, a pandas DataFrame or a "
            "pyarrow Table, not a value of the type str.\n"
            'Hint: write [{"fare": 12.5, "company": "Blue"}, …].',
        ),
    ],
)
def test_rows_that_are_none_are_refused(rows, message):
    assert message_of(fml.DefinitionError, run_preprocessing, paired, rows) == message


def test_what_is_no_function_is_refused(tmp_path: Path):
    (tmp_path / "features.py").write_text("def preprocessing(inputs): ...\n")
    plain = fml.PipelineDef("p").from_csv(tmp_path)
    for wrong, message in (
        (
            plain,
            "run_preprocessing() takes a pipeline with one preprocess().\n"
            "Pipeline 'p' has: none.\n"
            "Hint: pass the function itself.",
        ),
        (
            3,
            "run_preprocessing() takes a function or a pipeline first, not 3.\n"
            "Hint: write run_preprocessing(preprocessing_fn, rows).",
        ),
        (
            lambda inputs, scale: inputs,
            "TFX calls <lambda>(inputs), and it is <lambda>(inputs, scale).\n"
            "Hint: further parameters need defaults; custom_config is the one that TFX fills.",
        ),
        (
            tmp_path / "features.py",
            f"'{tmp_path}/features.py' does not define preprocessing_fn().\n"
            "Its functions: 'preprocessing'.\n"
            "Hint: did you mean 'preprocessing'?",
        ),
        (
            "nowhere.features.fn",
            "There is no function 'nowhere.features.fn': No module named 'nowhere'.\n"
            "Hint: pass the function itself, its file, or its import path: 'package.module.fn'.",
        ),
    ):
        assert message_of(fml.DefinitionError, run_preprocessing, wrong, ROWS) == message


def test_a_schema_that_is_none_is_refused(tmp_path: Path):
    assert message_of(fml.DefinitionError, run_preprocessing, paired, ROWS, 3) == (
        "run_preprocessing() takes schema= as a file or a schema_pb2.Schema, not a value of the "
        "type int.\n"
        "Hint: leave it out: it is then inferred of the rows."
    )
    missing = str(tmp_path / "schema.pbtxt")
    assert message_of(fml.DefinitionError, run_preprocessing, paired, ROWS, missing) == (
        f"run_preprocessing() cannot read the schema '{missing}': No such file or directory.\n"
        "Hint: name a schema.pbtxt, or the folder of a Schema artifact."
    )


@pytest.mark.tfx
def test_a_session_of_tests_ends_well(tmp_path: Path):
    """TensorFlow 2.21 crashes at the end of a process unless it is kept from it."""
    (tmp_path / "test_sizes.py").write_text(
        "import tensorflow_transform as tft\n"
        "from fluentml.testing import run_preprocessing\n\n\n"
        "def scaled(inputs):\n"
        '    return {"x_xf": tft.scale_to_z_score(inputs["x"])}\n\n\n'
        "def test_sizes():\n"
        '    rows = [{"x": 1.0}, {"x": 3.0}]\n'
        '    assert run_preprocessing(scaled, rows)["x_xf"].tolist() == [-1, 1]\n'
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
