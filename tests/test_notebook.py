"""Functions of a notebook's cells, in a real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")


def run_cells(folder: Path, *cells: str) -> list[str]:
    """Run a notebook's cells; return what each printed."""
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    options = {"timeout": 600, "resources": {"metadata": {"path": str(folder)}}}
    nbclient.NotebookClient(notebook, **options).execute()
    return [
        "".join(output.text for output in cell.outputs if output.output_type == "stream")
        for cell in notebook.cells
    ]


CHAIN = 'import fluentml as fml\nchain = fml.PipelineDef("n").from_csv("data")'
SHOW = "print(open(chain.train(run_fn).components[-1].module).read())"
SCALED = "def scaled(x):\n    return x * UNITS"
RUN_FN = "def run_fn(fn_args):\n    return scaled(DOUBLE)"
HEADER = "# Taken by fluentml from the notebook: edit it there.\n"


def test_metric_and_slice_functions(tmp_path: Path):
    printed = run_cells(
        tmp_path,
        CHAIN,
        "COST = 1",
        "def profit(labels, predictions):\n    return (labels - COST).sum()",
        "def night(row):\n    return row['hour'] < 6",
        "chain = chain.evaluate_model('y', metrics=[profit], slices=[night])",
        "print(open(chain.components[-1].module).read())",
    )
    written, _, more = printed[5].partition("\n\n\n# As evaluate_model() of the pipeline says.\n")
    assert written == (
        f"{HEADER}\nCOST = 1\n\n\ndef profit(labels, predictions):\n"
        "    return (labels - COST).sum()\n\n\ndef night(row):\n    return row['hour'] < 6"
    )
    assert "function = staticmethod(profit)" in more
    assert "[night], eval_shared_model" in more


def test_cells(tmp_path: Path):
    printed = run_cells(
        tmp_path,
        CHAIN,
        "%%time\nUNITS = 8",
        "DOUBLE = UNITS * 2\nWORDS = []",
        SCALED,
        RUN_FN,
        SHOW,
        # Edited and run again, it stands where it stood.
        "UNITS = 9",
        SCALED,
        RUN_FN.replace("(DOUBLE)", "(DOUBLE), WORDS"),
        "WORDS.append('a')",
        SHOW,
        # It now begins with what came later.
        "def logged(function):\n    return function",
        f"@logged\n{SCALED}",
        SHOW,
        "run_fn = lambda fn_args: nothing",
        f"try:\n    {SHOW}\nexcept ValueError as error:\n    print(error)",
    )
    assert printed[5] == (
        f"{HEADER}\nUNITS = 8\n\nDOUBLE = UNITS * 2\n\n\n{SCALED}\n\n\n{RUN_FN}\n\n"
    )
    assert printed[10] == (
        f"{HEADER}\nWORDS = ['a']\n\nUNITS = 9\n\nDOUBLE = UNITS * 2\n\n\n{SCALED}\n\n\n"
        f"{RUN_FN}, WORDS\n\n"
    )
    decorated = printed[13]
    assert decorated.index("def logged") < decorated.index("@logged") < decorated.index("scaled(x)")
    assert printed[15] == (
        "train() cannot write 'run_fn' into a module: it uses 'nothing', which nothing in the "
        "notebook defines.\n"
        "  used at In [15]:1: run_fn = lambda fn_args: nothing\n"
        "Hint: define or import it.\n"
    )


@pytest.mark.tfx
def test_a_run(tmp_path: Path):
    (tmp_path / "data").mkdir()
    rows = "".join(f"{n}.5,{n % 2}\n" for n in range(60))
    (tmp_path / "data" / "rows.csv").write_text("size,kind\n" + rows)
    (tmp_path / "columns.py").write_text('LABEL = "kind"\n')
    printed = run_cells(
        tmp_path,
        """import fluentml as fml
from columns import LABEL
STEPS = 3""",
        """def preprocessing_fn(inputs):
    import tensorflow_transform as tft

    return {"size_xf": tft.scale_to_z_score(inputs["size"]), LABEL: inputs[LABEL]}""",
        """def build(features):
    import keras

    model = keras.Model(features, keras.layers.Dense(1)(features["size_xf"]))
    model.compile("adam", loss="mse")
    return model""",
        """def run_fn(fn_args):
    from fluentml.training import inputs, read_examples, save

    train, _ = read_examples(fn_args, LABEL, batch_size=4)
    model = build(inputs(fn_args, LABEL))
    model.fit(train, steps_per_epoch=STEPS)
    save(model, fn_args, LABEL)""",
        """before = (
    fml.PipelineDef("n").cache().from_csv("data").generate_statistics().infer_schema()
    .preprocess(preprocessing_fn)
)
result = before.train(run_fn).run(quiet=True)
print(*(node.state for node in result.nodes.values()))""",
        # An edit of what it uses.
        """def build(features):
    return 1 / 0""",
        """try:
    before.train(run_fn).run(quiet=True)
except fml.RunError as error:
    print(*(node.state for node in error.result.nodes.values()))
    print(error)""",
    )
    assert printed[4] == "done done done done done\n"
    assert printed[6].startswith(
        "cached cached cached cached failed\n"
        "Trainer failed: ZeroDivisionError: division by zero\n"
        "  In [4]:5 in run_fn\n"
        "    model = build(inputs(fn_args, LABEL))\n"
        "  In [6]:2 in build\n"
        "    return 1 / 0\n"
        "The full log: "
    )


@pytest.mark.tfx
def test_nothing_is_logged_into_the_cell(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("a,b\n" + "1,2\n" * 30)
    cells = [
        CHAIN,
        "import logging; logging.warning('of the user')",  # which sets logging up
        "chain.run();",
        "print(chain.plan())",
    ]
    *_, ran, planned = run_cells(tmp_path, *cells)
    assert [line.split()[0] for line in ran.splitlines() if line] == ["n", "log:"]
    assert "HIT" in planned
