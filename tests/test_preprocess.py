"""preprocess(): its splits, its statistics, and what it takes over from the last run."""

from __future__ import annotations

import json
import pickle
import random
from pathlib import Path

import pytest

import fluentml as fml
from tests.conftest import Run, run_and_watch
from tests.messages import message_of, problems_of

CSV = fml.PipelineDef("p").from_csv("d", split={"train": 1, "eval": 1, "test": 1})
P = CSV.generate_statistics().infer_schema()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"splits_to_analyze": ["train", "eval"]},
            "preprocess() has splits_to_analyze= and would transform no split; name those too: "
            "splits_to_transform=['train', 'eval'].",
        ),
        ({"splits_to_analyze": []}, "preprocess() needs a split in splits_to_analyze=."),
        (
            {"stats_options_updater_fn": "m.stats_options_updater_fn"},
            "preprocess() takes stats_options_updater_fn= with an import path; in a module file "
            "TFX finds the function by that name.",
        ),
        (
            {"analyzer_cache": True, "inputs": {"analyzer_cache": "Other.cache"}},
            "preprocess() takes analyzer_cache= or inputs={'analyzer_cache': …}, not both.",
        ),
    ],
)
def test_what_cannot_be_is_refused(parameters, message):
    assert message_of(fml.DefinitionError, P.preprocess, "m.py", **parameters) == message


def test_options_for_statistics_that_are_not_made_are_refused():
    options = {"stats_options_updater_fn": "m.f", "disable_statistics": True}
    assert message_of(fml.DefinitionError, P.preprocess, "m.fn", **options) == (
        "preprocess() has stats_options_updater_fn= and disable_statistics=True."
    )


def test_outputs_that_are_not_made_cannot_be_read():
    pipeline = P.preprocess("m.py", disable_statistics=True, analyzer_cache=False).infer_schema(
        inputs={"statistics": "Transform.pre_transform_stats"}, id="Two"
    )
    assert message_of(fml.WiringError, lambda: pipeline.graph) == (
        "infer_schema() takes 'statistics' from 'Transform.pre_transform_stats', and 'Transform' "
        "has no output 'pre_transform_stats'.\n"
        "Its outputs: 'transform_graph', 'transformed_examples'.\n"
        "Hint: did you mean 'transform_graph' or 'transformed_examples'?"
    )


def test_the_cache_of_the_last_run_is_brought_along():
    graph = P.preprocess("m.py", analyzer_cache=True).graph
    assert str(graph["Transform"].inputs["analyzer_cache"].channel) == (
        "Transform_previous_cache.analyzer_cache"
    )
    assert "Transform_previous_cache" not in P.preprocess("m.py").graph.to_text()


def test_check_knows_which_splits_there_are_before_and_after(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/data.csv").write_text("fare\n1\n")
    (tmp_path / "m.py").write_text("def preprocessing_fn(inputs): ...\ndef run_fn(fn_args): ...\n")
    start = fml.PipelineDef("p").from_csv(tmp_path / "data").generate_statistics().infer_schema()
    module = tmp_path / "m.py"
    pipeline = start.preprocess(
        module, splits_to_analyze=["trian"], splits_to_transform=["train"]
    ).train(module)
    assert problems_of(pipeline) == [
        "preprocess() reads the split 'trian', and from_csv() does not make it.\n"
        "It makes: 'train', 'eval'.\n"
        "Hint: rename the split there, or say which to read with splits_to_analyze=.",
        "train() reads the split 'eval', and preprocess() does not make it.\n"
        "It makes: 'train'.\n"
        "Hint: rename the split there, or say which to read with eval_splits=.",
    ]


def test_check_knows_that_the_package_of_a_function_is_not_installed(tmp_path: Path):
    (tmp_path / "data.csv").write_text("fare\n1\n")
    start = fml.PipelineDef("p").from_csv(tmp_path).generate_statistics().infer_schema()
    options = {"stats_options_updater_fn": "nowhere.stats.options"}
    assert problems_of(start.preprocess("tests.preprocessing.preprocessing_fn", **options)) == [
        "preprocess() takes stats_options_updater_fn from 'nowhere.stats.options': no package "
        "'nowhere' is installed here.\n"
        "Hint: name a file that ends in .py, or an import path: 'package.module.options'."
    ]


# -- what runs find --------------------------------------------------------------------------------

MEAN = "    return {'fare_xf': tft.scale_to_z_score(inputs['fare'])"
CODE = f"import tensorflow_transform as tft\n\ndef preprocessing_fn(inputs):\n{MEAN}"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A run, the same again, one with an analyzer more, and that one again."""
    folder = tmp_path_factory.mktemp("preprocess")
    rng = random.Random(1)
    rows = [f"{rng.gauss(10, 2):.2f},{rng.choice(['Blue', 'Green'])}" for _ in range(60)]
    (folder / "data").mkdir()
    (folder / "data/rides.csv").write_text("\n".join(["fare,company", *rows]) + "\n")
    pipeline = (
        fml.PipelineDef("rides", root=folder / "artifacts")
        .cache()
        .from_csv(folder / "data", split={"train": 1, "eval": 1, "test": 1})
        .generate_statistics()
        .infer_schema()
        .preprocess(
            folder / "ride_features.py",
            splits_to_analyze=["train", "eval"],
            splits_to_transform=["train", "test"],
            analyzer_cache=True,
            disable_statistics=True,
        )
    )
    described = pipeline.preprocess(
        "tests.preprocessing.preprocessing_fn",
        stats_options_updater_fn="tests.preprocessing.stats_options_updater_fn",
        analyzer_cache=False,
        id="Described",
    )
    more = "\n            ,'company_xf': tft.compute_and_apply_vocabulary(inputs['company'])"
    found = []
    for chain, code in ((described, ""), (pipeline, ""), (pipeline, more), (pipeline, more)):
        (folder / "ride_features.py").write_text(f"{CODE}{code}}}\n")
        found.append(run_and_watch(chain, quiet=True))
    return found


@pytest.mark.tfx
def test_an_unchanged_step_is_taken_over_as_a_whole(runs: list[Run]):
    states = [run.result.nodes["Transform"].state for run in runs]
    assert states == ["done", "cached", "done", "cached"]


@pytest.mark.tfx
def test_only_what_is_new_is_computed(runs: list[Run]):
    """What the second `preprocessing_fn` has in common with the first is found, not computed."""
    (first,), (third,) = (runs[n].result.artifacts("updated_analyzer_cache") for n in (0, 2))
    log = Path(runs[2].result.log).read_text()
    assert "Reading the following analysis cache entry keys" in log
    spans = [path.name for path in Path(first.uri).iterdir()]
    assert len(spans) == 2  # train and eval
    for span in spans:
        before, after = (
            pickle.loads((Path(artifact.uri) / span / "MANIFEST").read_bytes())
            for artifact in (first, third)
        )
        # An entry that had been computed again would have another number.
        assert before
        assert before.items() < after.items()
        for number in before.values():
            name = f"{number}-00000-of-00001.gz"
            kept = [(Path(a.uri) / span / name).read_bytes() for a in (first, third)]
            assert kept[0] == kept[1]


@pytest.mark.tfx
def test_only_the_splits_that_are_named_are_transformed(runs: list[Run]):
    (examples,) = runs[0].result.artifacts("Transform.transformed_examples")
    assert json.loads(examples.properties["split_names"]) == ["train", "test"]
    assert {path.name for path in Path(examples.uri).iterdir()} == {"Split-train", "Split-test"}
    outputs = runs[0].result.nodes["Transform"].outputs
    assert "pre_transform_stats" not in outputs
    assert "updated_analyzer_cache" not in runs[0].result.nodes["Described"].outputs


@pytest.mark.tfx
def test_a_function_changes_the_options_of_the_statistics(runs: list[Run]):
    import tensorflow_data_validation as tfdv

    (artifact,) = runs[0].result.artifacts("Described.pre_transform_stats")
    (file,) = Path(artifact.uri).rglob("FeatureStats.pb")
    (dataset,) = tfdv.load_stats_binary(str(file)).datasets
    (fare,) = [feature for feature in dataset.features if feature.path.step[0] == "fare"]
    standard = fare.num_stats.histograms[0]
    assert len(standard.buckets) == 3
