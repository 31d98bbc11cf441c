"""What fluentml costs, always beside plain TFX in the same run.

python -m tests.benchmarks [start] [run] [csv] [evaluate] [--rounds N] [--rows N]
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path

from fluentml import datasets
from tests.benchmarks.measure import compare, cost

REPOSITORY = Path(__file__).parents[2]

BUILD = """
from fluentml.loading import load
load("examples/taxi.py").check()
"""
TFX = "from tfx import v1"
NOTHING = ""

RUN = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
from tests.test_lowering import taxi
root = Path(sys.argv[1])
taxi(root, root / "serving").run()
"""
BY_HAND = """
import sys
sys.path.insert(0, ".")
sys.argv = ["taxi_tfx", "--root", sys.argv[1], "--min-improvement=-0.01"]
from tests.handwritten.taxi_tfx import main
main()
"""

FROM_CSV = """
import sys
import fluentml as fml
data, root = sys.argv[1:]
fml.PipelineDef("csv", root=root).from_csv(data).run(quiet=True)
"""
FROM_CSV_BY_HAND = """
import sys
from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
data, root = sys.argv[1:]
pipeline = Pipeline(
    "csv",
    root,
    components=[CsvExampleGen(input_base=data)],
    metadata_connection_config=sqlite_metadata_connection_config(root + "/metadata.db"),
    beam_pipeline_args=["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"],
)
LocalDagRunner().run(pipeline)
"""

EVALUATE = """
import sys
from google.protobuf import json_format
from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator import executor as stock
from tfx.types import standard_artifacts as kinds
from fluentml.executors import evaluator
from fluentml.lowering import IN_PROCESS_RUNNER
examples, model, folder, whose = sys.argv[1:]
def artifact(kind, uri, **properties):
    one = kind()
    one.uri = uri
    for name, value in properties.items():
        setattr(one, name, value)
    return one
config = {
    "model_specs": [
        {
            "signature_name": "serving_default",
            "label_key": "tips_xf",
            "preprocessing_function_names": ["transform_features"],
        }
    ],
    "slicing_specs": [{}, {"feature_keys": ["trip_start_hour"]}],
    "metrics_specs": [{"metrics": [{"class_name": "AUC"}, {"class_name": "BinaryAccuracy"}]}],
}
config = json_format.ParseDict(config, config_pb2.EvalConfig())
executor = {"ours": evaluator.Executor, "theirs": stock.Executor}[whose]
context = executor.Context(
    beam_pipeline_args=[IN_PROCESS_RUNNER], tmp_dir=folder + "/tmp", unique_id="1"
)
inputs = {
    "examples": [artifact(kinds.Examples, examples, split_names='["train", "eval"]')],
    "model": [artifact(kinds.Model, model)],
}
outputs = {
    "evaluation": [artifact(kinds.ModelEvaluation, folder + "/evaluation")],
    "blessing": [artifact(kinds.ModelBlessing, folder + "/blessing")],
}
properties = {
    "eval_config": json_format.MessageToJson(config),
    "example_splits": '["train", "eval"]',
}
executor(context).Do(inputs, outputs, properties)
"""


def start(rounds: int) -> None:
    """Import, build, wire and check the taxi chain, beside importing TFX and beside nothing."""
    programs = {"fluentml": BUILD, "from tfx import v1": TFX, "bare python": NOTHING}
    costs = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            costs[name].append(cost(program, [], REPOSITORY))
    compare("Import, build, wire and check", costs.pop("fluentml"), costs)


def run(rounds: int) -> None:
    """Run the whole taxi chain, beside the same pipeline by hand on TFX's LocalDagRunner."""
    ours, by_hand = [], []
    for _ in range(rounds):
        for program, costs in ((RUN, ours), (BY_HAND, by_hand)):
            with tempfile.TemporaryDirectory() as folder:
                costs.append(cost(program, [folder], REPOSITORY))
    compare("The taxi chain, start to end", ours, {"TFX by hand": by_hand})


def csv(rounds: int, rows: int) -> None:
    """Make split tf.Examples of a CSV file, and of one that is ten times as long."""
    ours, by_hand, tenfold = [], [], []
    with tempfile.TemporaryDirectory() as data:
        short, long = (_trips(Path(data, f"{n}"), n) for n in (rows, 10 * rows))
        for _ in range(rounds):
            for program, trips, costs in (
                (FROM_CSV, short, ours),
                (FROM_CSV_BY_HAND, short, by_hand),
                (FROM_CSV, long, tenfold),
            ):
                with tempfile.TemporaryDirectory() as root:
                    costs.append(cost(program, [str(trips), root], REPOSITORY))
    compare(f"CSV to split tf.Examples, {rows:,} rows", ours, {"TFX by hand": by_hand})
    compare(f"CSV to split tf.Examples, {10 * rows:,} rows", tenfold, {f"{rows:,} rows": ours})


def evaluate(rounds: int, rows: int) -> None:
    """Evaluate a model of the taxi chain, by slice, on so many trips; importing TFX included."""
    import fluentml as fml
    from examples.taxi import build_model, preprocessing_fn

    ours, by_hand = [], []
    with tempfile.TemporaryDirectory() as folder:
        trips = _trips(Path(folder, "trips"), rows)
        made = (
            fml.PipelineDef("taxi", root=folder)
            .from_csv(datasets.taxi())
            .generate_statistics()
            .infer_schema()
            .preprocess(preprocessing_fn)
            .train(build_model, label="tips_xf", batch_size=128, train_steps=300)
            .run(quiet=True)
        )
        read = fml.PipelineDef("read", root=folder).from_csv(trips).run(quiet=True)
        examples = read.nodes["CsvExampleGen"].outputs["examples"][0].uri
        model = made.nodes["Trainer"].outputs["model"][0].uri
        for _ in range(rounds):
            for whose, costs in (("ours", ours), ("theirs", by_hand)):
                with tempfile.TemporaryDirectory() as root:
                    arguments = [examples, model, root, whose]
                    costs.append(cost(EVALUATE, arguments, REPOSITORY))
    compare(f"Evaluation of {rows:,} examples", ours, {"TFX's executor": by_hand})


def _trips(folder: Path, rows: int) -> Path:
    """Write so many taxi trips into a folder; only the first column's numbers are made up."""
    folder.mkdir()
    header, *lines = (Path(datasets.taxi()) / "data.csv").read_text().splitlines(keepends=True)
    with (folder / "trips.csv").open("w") as file:
        file.write("trip," + header)
        file.writelines(f"{n},{line}" for n, line in zip(range(rows), itertools.cycle(lines)))
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", help="start, run, csv, evaluate; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; default: 3")
    parser.add_argument("--rows", type=int, default=500_000, help="of data; default: 500,000")
    arguments = parser.parse_args()
    what = arguments.what or ["start", "run", "csv", "evaluate"]
    if "start" in what:
        start(arguments.rounds)
    if "run" in what:
        run(arguments.rounds)
    if "csv" in what:
        csv(arguments.rounds, arguments.rows)
    if "evaluate" in what:
        evaluate(arguments.rounds, arguments.rows)
