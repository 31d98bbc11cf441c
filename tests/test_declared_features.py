"""preprocess(numeric=[…], …): what is written for declared features, and what it computes."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import fluentml as fml
from fluentml import datasets
from fluentml.errors import DefinitionError
from fluentml.graph import Graph
from fluentml.loading import load
from tests.conftest import EXAMPLES
from tests.messages import message_of, problems_of

P = fml.PipelineDef("p").from_csv("data").generate_statistics().infer_schema()
EVERYTHING = {
    "numeric": ["fare"],
    "log": ["miles"],
    "categorical": {"company": 2, "hour": None},
    "bucketize": {"latitude": 3},
    "text": {"review": 8},
    "dates": ["day"],
    "passthrough": ["riders"],
    "label": "tip",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


SMALL = '''\
# Written by preprocess() of fluentml. To go on by hand, copy it and name the copy there.
import tensorflow as tf
import tensorflow_transform as tft

from fluentml.training import fill_missing

# Scaled to mean 0 and variance 1; a missing number counts as the mean.
NUMERIC = ("fare", "trip_miles")
# The number of the quantile, from 0 on; a missing one has the number after the last.
BUCKETIZE = {"latitude": 10}
LABEL = "tips"


def preprocessing_fn(inputs):
    """Raw columns to features. TFX keeps this as a graph: serving runs the very same."""
    outputs = {}
    for name in NUMERIC:
        outputs[f"{name}_xf"] = fill_missing(tft.scale_to_z_score(inputs[name]))
    for name, size in BUCKETIZE.items():
        buckets = tft.bucketize(inputs[name], size)
        outputs[f"{name}_xf"] = fill_missing(buckets, size)
    # Words become the numbers of their classes, numbers stay as they are.
    label = inputs[LABEL]
    if label.dtype == tf.string:
        label = tft.compute_and_apply_vocabulary(label, vocab_filename=LABEL)
    outputs[f"{LABEL}_xf"] = label
    return outputs
'''


def test_the_function_is_written_out():
    chain = P.preprocess(numeric=["fare", "trip_miles"], bucketize={"latitude": 10}, label="tips")
    assert chain.code("Transform") == SMALL
    (step,) = chain.components[-1:]
    assert step.module.startswith("artifacts/p/_modules/")
    assert Path(step.module).name == "declared_features.py"


@pytest.mark.skipif(not importlib.util.find_spec("ruff"), reason="ruff is not installed")
def test_the_text_is_what_the_formatter_leaves_alone(here: Path):
    many = [f"a_rather_long_name_{i}" for i in range(9)]
    texts = [{**EVERYTHING, "numeric": many, "bucketize": dict.fromkeys(many[:5], 10)}]
    texts[0]["numeric"] = [*many[5:], "größe 'in \"m\\n"]
    texts += [{role: value} for role, value in EVERYTHING.items() if role != "label"]
    for i, declared in enumerate(texts):
        (here / f"m{i}.py").write_text(P.preprocess(**declared).code("Transform"))
    common = ["--isolated", "--line-length", "100", str(here)]
    for command in (["format", "--check"], ["check", "--select", "E,F,B,UP,SIM"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *common],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_the_spec_keeps_the_declarations():
    chain = P.preprocess(**EVERYTHING)
    graph = chain.graph
    assert Graph.from_json(graph.to_json()) == graph
    assert hash(chain) == hash(P.preprocess(**EVERYTHING))
    assert [*graph["Transform"].component.features.made()] == [
        *("fare_xf", "miles_xf", "company_xf", "hour_xf", "latitude_xf", "review_xf"),
        *("day_weekday_xf", "day_month_xf", "day_hour_xf", "riders_xf", "tip_xf"),
    ]


def test_what_differs_is_another_module():
    one, other = (P.preprocess(categorical={"a": n}).components[-1].module for n in (2, 3))
    assert one != other
    assert P.preprocess(categorical={"a": 2}).components[-1].module == one


WRONG = {
    "twice": ({"numeric": ["a", "a"]}, "preprocess(): numeric= names 'a' twice."),
    "in two roles": (
        {"numeric": ["a"], "categorical": {"a": 3}},
        "preprocess() names 'a' in numeric= and categorical=; a feature has one role.",
    ),
    "the label too": (
        {"log": ["a"], "label": "a"},
        "preprocess() names 'a' in log= and label=; a feature has one role.",
    ),
    "empty": ({"categorical": ["a", ""]}, "preprocess(): categorical= names a feature ''."),
    "empty label": (
        {"numeric": ["a"], "label": ""},
        "preprocess(): label= names a feature ''.",
    ),
    "no text": ({"categorical": [["a"]]}, "preprocess(): categorical= names a feature ['a']."),
    "no list": (
        {"numeric": "fare"},
        "preprocess() cannot use numeric='fare'.\nHint: it takes a list.",
    ),
    "no vocabulary": (
        {"categorical": {"a": 0}},
        "preprocess() cannot use categorical={'a': 0}.\nHint: it takes 1 or more.",
    ),
    "one bucket": (
        {"bucketize": {"a": 1}},
        "preprocess() cannot use bucketize={'a': 1}.\nHint: it takes 2 or more.",
    ),
    "no buckets": (
        {"bucketize": ["a"]},
        "preprocess() cannot use bucketize=['a'].\nHint: it takes a dict.",
    ),
    "half a word": (
        {"text": {"a": 2.5}},
        "preprocess() cannot use text={'a': 2.5}.\nHint: it takes a whole number.",
    ),
    "only a label": (
        {"label": "y"},
        "preprocess() names a label and no feature to predict it from.",
    ),
    "one name for two": (
        {"numeric": ["day_hour"], "dates": ["day"]},
        "preprocess() would make two features 'day_hour_xf'; rename a column.",
    ),
    "nothing": (
        {},
        "preprocess() got neither a function nor features.\n"
        "Hint: give it preprocessing_fn(inputs), a module file, or for instance "
        'numeric=["fare"], categorical={"company": 40}, label="tips".',
    ),
    "both": (
        {"module": "m.py", "numeric": ["a"]},
        "preprocess() takes a function or module, or numeric= and the like, not both.\n"
        "Hint: leave the one out, or make the feature in the function.",
    ),
    "configured": (
        {"numeric": ["a"], "custom_config": {"b": 1}},
        "preprocess() takes custom_config= with a function or module of yours.\n"
        "Hint: print the one that it writes, by `fluentml show FILE Transform`, and pass an "
        "edited copy.",
    ),
    "runtime parameter": (
        {"bucketize": {"a": fml.param("buckets", 3)}},
        "preprocess() takes bucketize= as it is, not param('buckets', 3): the module that it "
        "writes holds the value.\n"
        "Hint: write the value itself.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_in_the_chain(name):
    parameters, message = WRONG[name]
    assert message_of(DefinitionError, P.preprocess, **parameters) == message


def test_check_knows_the_columns_and_what_is_made_of_them(here: Path):
    (here / "data").mkdir()
    (here / "data/rides.csv").write_text("fare,company,tips\n1,Blue,2\n")
    (here / "m.py").write_text("def run_fn(fn_args): ...\n")
    chain = P.preprocess(numeric=["fares"], categorical=["company"], label="tip").train("m.py")
    judged = chain.evaluate_model("company_x", metrics=["AUC"])
    columns = "The columns: 'fare', 'company', 'tips'.\n"
    assert problems_of(judged) == [
        "preprocess(): numeric= names 'fares', which is no column of the CSV.\n"
        f"{columns}"
        "Hint: did you mean 'fare'?",
        "preprocess(): label= names 'tip', which is no column of the CSV.\n"
        f"{columns}"
        "Hint: did you mean 'tips'?",
        "evaluate_model(): label='company_x' is no column of the CSV and preprocessing_fn makes "
        "none of that name.\n"
        f"{columns}"
        "Hint: did you mean 'company'?",
    ]
    good = P.preprocess(numeric=["fare"], label="tips").train("m.py")
    assert problems_of(good.evaluate_model("tips_xf", metrics=["AUC"])) == []


def test_check_looks_at_the_values(here: Path):
    (here / "data").mkdir()
    rows = "1,Blue,2,2024-01-01\n2,Red,,2024-01-02\n,3,4,\n"
    (here / "data/rides.csv").write_text(f"fare,company,tips,day\n{rows}")
    good = P.preprocess(numeric=["fare"], categorical=["company"], dates=["day"], label="tips")
    empty = (
        "preprocess(): label='tips' is empty or NaN in 1 row of the CSV, and nothing can be "
        "learned from such a row.\n"
        "  data/rides.csv:3\n"
        "Hint: fill it in, or take these rows out."
    )
    (here / "m.py").write_text("def run_fn(fn_args): ...\n")
    assert problems_of(good.train("m.py")) == [empty]
    assert problems_of(P.preprocess(log=["company"], text={"fare": 10})) == [
        "preprocess(): text= names 'fare', which has numbers only.\n"
        "Hint: take a column of text, or name it in numeric= or categorical=.",
        "preprocess(): log= names 'company', which is text.\n"
        "  data/rides.csv:2: 'company' is 'Blue'\n"
        "Hint: take a column of numbers, or name it in categorical= or text=.",
    ]


def test_code_is_that_of_any_step(here: Path):
    (here / "m.py").write_text("def run_fn(fn_args): ...\n")
    chain = P.train("m.py").tune("tests.preprocessing.tuner_fn").train("n.py", id="Other")
    assert chain.code("Trainer") == "def run_fn(fn_args): ...\n"
    assert chain.code("Tuner") == (Path(__file__).parent / "preprocessing.py").read_text()
    assert message_of(DefinitionError, chain.code, "SchemaGen") == (
        "'SchemaGen' calls no code of yours.\n"
        "Steps that do: 'Tuner', 'Trainer', 'Other'.\n"
        "Hint: take one of these."
    )
    assert message_of(DefinitionError, chain.code, "Other") == (
        "train() calls 'n.py', which cannot be read here.\n"
        "Hint: name a Python file or an installed module; `fluentml check` tells more."
    )


# -- what it computes ------------------------------------------------------------------------------

ROWS = [
    # Every column but the label can miss values; the last row misses them all.
    (1.0, 0.0, "Blue", 7, 1.0, "Good, good RIDE", "2024-02-29", 1, "no"),
    (3.0, 9.0, "Blue", 7, 2.0, "-", "2024-03-03T23:59:00Z", 2, "no"),
    (5.0, -1.0, "Green", 8, 3.0, "Größe", "2024-13-01", 3, "yes"),
    (3.0, 99.0, "Green", 7, 4.0, "ride", "1999-12-31 08:00", 4, "no"),
    (3.0, 9.0, "Red", 8, 5.0, "ride", "yesterday", 5, "no"),
    (3.0, 9.0, "Blue", 8, 6.0, "ride", "2024-07-01", 6, "yes"),
    (None,) * 8 + ("no",),
]
COLUMNS = ("fare", "miles", "company", "hour", "latitude", "review", "day", "riders", "tip")


@pytest.fixture(scope="module", params=["can miss values", "all there"])
def made(request, tmp_path_factory):
    """The transformed features of the rows, by name; without the last row where all are there."""
    import numpy as np
    import tensorflow as tf
    import tensorflow_transform as tft

    folder = tmp_path_factory.mktemp("declared")
    (folder / "data").mkdir()
    rows = ROWS[: 6 if request.param == "all there" else 7]
    with (folder / "data/rows.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    chain = fml.PipelineDef("p", root=folder).from_csv(folder / "data", split={"train": "*.csv"})
    chain = chain.generate_statistics().infer_schema()
    result = chain.preprocess(**EVERYTHING, disable_statistics=True).run(quiet=True)
    (graph,), (examples,) = map(result.artifacts, ("transform_graph", "transformed_examples"))
    spec = tft.TFTransformOutput(graph.uri).transformed_feature_spec()
    assert {name: one.shape for name, one in spec.items()} == {
        name: [8 if name == "review_xf" else 1]
        for name in chain.preprocess(**EVERYTHING).components[-1].features.made()
    }
    files = [str(path) for path in Path(examples.uri).glob("Split-train/*")]
    records = [*tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()]
    values = {name: one.numpy() for name, one in tf.io.parse_example(records, spec).items()}
    # The riders number the rows; where they are missing, they are 0.
    order = np.argsort([riders or len(ROWS) for (riders,) in values["riders_xf"]])
    return {name: one[order] for name, one in values.items()}


def firsts(values) -> list:
    return values[:6, 0].tolist()


@pytest.mark.tfx
def test_numbers_are_scaled_by_those_that_there_are(made):
    assert firsts(made["fare_xf"]) == pytest.approx([-1.732, 0, 1.732, 0, 0, 0], abs=1e-3)
    # Logarithms of 1, 10, 1 (for -1), 100, 10, 10: 0, 1, 0, 2, 1, 1 times the same.
    root = (2.833333 / 6) ** 0.5
    scaled = [(x - 5 / 6) / root for x in (0, 1, 0, 2, 1, 1)]
    assert firsts(made["miles_xf"]) == pytest.approx(scaled, abs=1e-3)
    assert made["riders_xf"][:6, 0].tolist() == [1, 2, 3, 4, 5, 6]
    for name in ("fare_xf", "miles_xf", "riders_xf"):
        assert made[name][6:].tolist() in ([], [[0]])


@pytest.mark.tfx
def test_words_and_codes_are_numbered(made):
    assert firsts(made["company_xf"]) == [0, 0, 1, 1, 2, 0]
    assert made["company_xf"][6:].tolist() in ([], [[2]])
    assert sorted({*firsts(made["hour_xf"])}) == [0, 1]
    assert made["hour_xf"][6:].tolist() in ([], [[2]])
    assert firsts(made["latitude_xf"]) == [0, 0, 1, 1, 2, 2]
    assert made["latitude_xf"][6:].tolist() in ([], [[3]])
    assert firsts(made["tip_xf"]) == [0, 0, 1, 0, 0, 1]


@pytest.mark.tfx
def test_words_of_texts_are_counted(made):
    counts = made["review_xf"]
    assert counts.sum(axis=1).tolist()[:6] == [3, 0, 1, 1, 1, 1]
    # "Good, good RIDE" has one word twice, and the other is that of the fourth row.
    (ride,) = counts[3].nonzero()[0]
    assert counts[0][ride] in (1, 3)
    assert not counts[6:].any()


@pytest.mark.tfx
def test_dates_have_three_parts(made):
    assert firsts(made["day_weekday_xf"]) == [4, 7, 0, 5, 0, 1]
    assert firsts(made["day_month_xf"]) == [2, 3, 0, 12, 0, 7]
    assert firsts(made["day_hour_xf"]) == [0, 23, 0, 8, 0, 0]
    assert not made["day_month_xf"][6:].any()


@pytest.mark.tfx
def test_declared_features_and_a_builder_are_a_whole_pipeline(here: Path):
    """Iris with no function of its own but build_model: from CSV to a pushed model."""
    iris = load(str(EXAMPLES / "iris.py"))
    sys.modules.pop("iris", None)
    (Path("pipeline.py")).write_text(
        (EXAMPLES / "iris.py")
        .read_text()
        .replace(
            ".preprocess(preprocessing_fn)",
            '.preprocess(numeric=SIZES, label="variety")',
        )
        .replace("pipeline = (", f"SIZES = {sizes()!r}\npipeline = (")
    )
    chain = load("pipeline.py")
    assert [type(step) for step in chain.components] == [type(step) for step in iris.components]
    result = chain.run(quiet=True)
    assert result.metrics["SparseCategoricalAccuracy"] > 0.85
    assert Path(result.pushed_model).is_dir()


def sizes() -> list[str]:
    (file,) = Path(datasets.iris()).glob("*.csv")
    return [name for name in file.read_text().split("\n")[0].split(",") if name != "variety"]
