"""Wrong functions of the user's: each is shown as the user's own line, with a hint.

`# here` stands in the line that has to be named.
"""

from __future__ import annotations

import inspect
import runpy
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.errors import DefinitionError
from tests.messages import problems_of

# -- known before anything runs --------------------------------------------------------------------

GOOD = """
def preprocessing_fn(inputs):
    import tensorflow_transform as tft

    return {"size_xf": inputs["size"], "kind_xf": tft.compute_and_apply_vocabulary(inputs["kind"])}
"""
BUILDER = """
def build_model(hp, features):
    import keras

    model = keras.Model(features, keras.layers.Dense(3)(features["size_xf"]))
    model.compile("adam", "mse")
    return model
"""
FUNCTIONS = """
def gain(labels, predictions):
    return 1.0


def night(row):
    return row["size"] > 2
"""

BEFORE = {
    "preprocessing_fn returns nothing": (
        GOOD.replace("return {", "outputs = {").replace("(inputs):", "(inputs):  # here"),
        "preprocess() calls preprocessing_fn(inputs), which returns nothing.",
        "end it with: return outputs",
    ),
    "preprocessing_fn misspells a column": (
        GOOD.replace('inputs["kind"])}', 'inputs["knid"])}  # here'),
        "preprocess(): preprocessing_fn reads the column 'knid', which does not exist.",
        "did you mean 'kind'?",
    ),
    "preprocessing_fn pops what is not there": (
        GOOD.replace("    return", "    day = inputs.pop('day')  # here\n    return"),
        "preprocess(): preprocessing_fn reads the column 'day', which does not exist.",
        "take one of these.",
    ),
    "preprocessing_fn has another parameter": (
        GOOD.replace("(inputs):", "(inputs, more):  # here"),
        "preprocess() calls preprocessing_fn(inputs), and script.py defines "
        "preprocessing_fn(inputs, more).",
        "write def preprocessing_fn(inputs); further parameters need defaults.",
    ),
    "preprocessing_fn makes no label": (
        GOOD.replace('"kind_xf"', '"king_xf"'),
        "train(): label='kind_xf' is no feature of the training examples.",
        "did you mean 'king_xf'?",
    ),
    "build_model returns nothing": (
        BUILDER.replace("    return model\n", "").replace("features):", "features):  # here"),
        "train() calls build_model(hp, features), which returns nothing.",
        "end it with: return model",
    ),
    "build_model asks for a feature that is not there": (
        BUILDER.replace('features["size_xf"]))', 'features["sice_xf"]))  # here'),
        "train(): build_model reads the feature 'sice_xf', which does not exist.",
        "did you mean 'size_xf'?",
    ),
    "build_model asks for the label": (
        BUILDER.replace('features["size_xf"]))', 'features["kind_xf"]))  # here'),
        "train(): build_model reads the feature 'kind_xf', which does not exist.",
        "take one of these.",
    ),
    "a metric returns nothing": (
        FUNCTIONS.replace("return 1.0", "print(1.0)").replace(
            "predictions):", "predictions):  # here"
        ),
        "evaluate_model() calls gain(labels, predictions), which returns nothing.",
        "end it with: return float(…)",
    ),
    "a slice reads what is not there": (
        FUNCTIONS.replace('row["size"] > 2', 'row["sizes"] > 2  # here'),
        "evaluate_model(): night reads the column 'sizes', which does not exist.",
        "did you mean 'size'?",
    ),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    kinds = ["cat", "dog", "cow"]
    rows = "".join(f"{size / 7:.2f},{kinds[size % 3]}\n" for size in range(30))
    (tmp_path / "data/rows.csv").write_text(f"size,kind\n{rows}")
    return tmp_path


def chain(text: str, label: str = "kind_xf", **evaluation) -> fml.PipelineDef:
    """Return a chain of the functions of a script: those of `text`, and else good ones."""
    Path("script.py").write_text(text)
    names = {}
    for number, other in enumerate((GOOD, BUILDER, FUNCTIONS)):
        Path(f"other{number}.py").write_text(other)
        names |= runpy.run_path(f"other{number}.py")
    names |= runpy.run_path("script.py")
    return (
        fml.PipelineDef("wrong")
        .from_csv("data")
        .generate_statistics()
        .infer_schema()
        .preprocess(names["preprocessing_fn"])
        .train(names["build_model"], label="kind_xf", epochs=1)
        .evaluate_model(label, metrics=[names["gain"]], slices=[names["night"]], **evaluation)
    )


@pytest.mark.parametrize("name", BEFORE)
def test_it_is_known_before_anything_runs(here: Path, name: str):
    text, what, hint = BEFORE[name]
    assert not problems_of(chain(GOOD))
    (problem,) = problems_of(chain(text))
    lines = problem.splitlines()
    assert (lines[0], lines[-1]) == (what, f"Hint: {hint}")
    marked = [n for n, line in enumerate(text.splitlines(), 1) if line.endswith("# here")]
    assert [f"script.py:{n}" in problem for n in marked] == [True] * len(marked)
    assert marked or "label" in name


@pytest.mark.parametrize(
    "body",
    [
        "return helper(inputs)",
        "inputs['new'] = 1\n    return {'x': inputs['new']}",
        "try:\n        return {'x': inputs['maybe']}\n    except KeyError:\n        return {}",
        "return {'x': inputs['maybe']} if 'maybe' in inputs else {}",
        "inputs = helper(inputs)\n    return {'x': inputs['new']}",
        "return {name: inputs[name] for name in NAMES}",
        "def inner(inputs):\n        return inputs['other']\n    return {'x': inner({})}",
        "raise NotImplementedError",
        "yield inputs['size']",
        "...",
    ],
)
def test_what_is_not_certain_is_left_to_the_run(here: Path, body: str):
    helper = "NAMES = ['a']\n\n\ndef helper(inputs):\n    return inputs\n"
    text = f"{helper}\n\ndef preprocessing_fn(inputs):\n    {body}\n"
    # What it does return may well be known.
    assert not [p for p in problems_of(chain(text)) if p.startswith("preprocess()")]


def test_words_are_no_numbers(here: Path):
    assert problems_of(chain(GOOD, "kind")) == [
        "evaluate_model(): label='kind' is text, and the model predicts numbers of 'kind_xf'.\n"
        'Hint: judge those: evaluate_model("kind_xf", …); or the predicted words, by a function: '
        'prediction="label".'
    ]
    assert not problems_of(chain(GOOD, "kind", prediction="label"))
    same = GOOD.replace('"kind_xf"', '"kind"')
    assert not [p for p in problems_of(chain(same, "kind")) if p.startswith("evaluate_model")]


def test_a_slice_has_no_column_of_its_name(here: Path):
    (problem,) = problems_of(chain(FUNCTIONS.replace("def night", "def size") + "\nnight = size\n"))
    assert problem == (
        "evaluate_model() slices by the function 'size', which has the name of a column.\n"
        "  script.py:6: def size(row):\n"
        "Hint: call the function otherwise: the slices go by its name."
    )


# -- known once TFX traces it, before an example is read -------------------------------------------


def no_dict(inputs):  # here
    return inputs["size"]


def sometimes_nothing(inputs):  # here
    return inputs if len(inputs) > 9 else None


def truth(inputs):
    size = inputs["size"]
    if size > 0.5:  # here
        size = 2 * size
    return {"size_xf": size}


def by_numpy(inputs):
    import numpy as np

    return {"size_xf": np.log(inputs["size"])}  # here


def text_as_number(inputs):
    import tensorflow_transform as tft

    return {"kind_xf": tft.scale_to_z_score(inputs["kind"])}  # here


def constant(inputs):  # here
    return {"one": 1.0}


def whole(inputs):  # here
    import tensorflow as tf

    return {"mean": tf.reduce_mean(inputs["size"])}


def computed_name(inputs):
    return {name: inputs[f"{name}_"] for name in ("size",)}  # here


TRACED = {
    no_dict: (
        "preprocessing_fn returns one tensor, not a dict of tensors by feature.",
        'write return {"…": …}.',
    ),
    sometimes_nothing: (
        "preprocessing_fn returns None, not a dict of tensors by feature.",
        "end it with: return outputs",
    ),
    truth: (
        "preprocessing_fn asks in Python whether a tensor is true, and it has no value yet.",
        "write tf.where(condition, a, b) in place of if, and & for and.",
    ),
    by_numpy: (
        "preprocessing_fn gives a tensor to NumPy or to Python, and it has no value yet.",
        "call TensorFlow's function: tf.math.log in place of np.log.",
    ),
    text_as_number: (
        "preprocessing_fn reckons with a column of text.",
        "make numbers of it first: tft.compute_and_apply_vocabulary(…).",
    ),
    constant: (
        "preprocessing_fn returns a float for 'one', not a tensor.",
        'make a value of each example: tf.fill(tf.shape(inputs["…"]), 1.0).',
    ),
    whole: (
        "preprocessing_fn returns one number for 'mean', not one of each example.",
        'spread it: tf.fill(tf.shape(inputs["…"]), mean).',
    ),
    computed_name: (
        "preprocessing_fn reads the column 'size_', which does not exist.",
        "did you mean 'size'?",
    ),
}


def marked(function) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(n for n, line in enumerate(lines) if line.endswith("# here\n"))


@pytest.mark.tfx
@pytest.mark.parametrize("function", TRACED)
def test_a_traced_function_is_told_by_its_line(function):
    import tensorflow as tf

    from fluentml.executors.transform import checked
    from fluentml.local.failure import user_frames

    what, hint = TRACED[function]

    @tf.function(autograph=False)
    def trace(size, kind):
        return checked(function)({"size": size, "kind": kind})

    columns = [tf.TensorSpec([None, 1], dtype) for dtype in (tf.float32, tf.string)]
    with pytest.raises(DefinitionError) as caught:
        trace.get_concrete_function(*columns)
    assert (caught.value.what, caught.value.hint) == (what, hint)
    assert user_frames(caught.value, [__file__])[-1].line == marked(function)


@pytest.mark.tfx
def test_a_good_function_is_left_alone():
    import tensorflow as tf

    from fluentml.executors.transform import checked

    size = tf.ones([2, 1])
    assert checked(lambda inputs: {"x": inputs["size"]})({"size": size})["x"] is size
    with pytest.raises(ZeroDivisionError):
        checked(lambda inputs: 1 / 0)({"size": size})


@pytest.mark.tfx
def test_a_run_shows_the_line_and_the_hint(here: Path):
    with pytest.raises(fml.RunError) as caught:
        fml.PipelineDef("wrong").from_csv("data").generate_statistics().infer_schema().preprocess(
            truth
        ).run(quiet=True)
    what, place, code, *_, hint = str(caught.value).splitlines()
    assert what == f"Transform failed: {TRACED[truth][0]}"
    assert place == f"  {__file__}:{marked(truth)} in truth"
    assert code == "    if size > 0.5:  # here"
    assert hint == f"Hint: {TRACED[truth][1]}"
