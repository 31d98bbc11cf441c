"""Data sets compared, example by example and by their statistics; the findings are in words."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

import fluentml as fml
from tests.conftest import Run, run_and_watch
from tests.messages import message_of, problems_of

SAME = {"identifiers": ["trip_id"]}


def write(folder: Path, rows: list[tuple]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [",".join(map(str, row)) for row in [("trip_id", "fare", "company", "hour"), *rows]]
    (folder / "trips.csv").write_text("\n".join(lines) + "\n")
    return folder


def trips(count: int, *, fare: float = 10, company: str = "Blue") -> list[tuple]:
    rng = random.Random(1)
    return [
        (id, f"{rng.gauss(fare, 2):.3f}", company if id % 5 else "Checker", id % 24)
        for id in range(count)
    ]


# -- what the chain says ---------------------------------------------------------------------------

P = fml.PipelineDef("p").from_csv("here", split={"train": 1, "eval": 1}).generate_statistics()
OTHER = fml.from_csv("there", split={"all": 1})


def test_other_data_are_brought_along():
    graph = P.compare_examples(OTHER, **SAME).compare_statistics(OTHER, thresholds={"a": 0.1}).graph
    assert [node.id for node in graph.nodes] == [
        "CsvExampleGen",
        "StatisticsGen",
        "ExampleDiff_examples",
        "ExampleDiff",
        "DistributionValidator_statistics_examples",
        "DistributionValidator_statistics",
        "DistributionValidator",
    ]
    reads = {
        node.id: {key: str(w.channel) for key, w in node.inputs.items()} for node in graph.nodes
    }
    assert reads["ExampleDiff"] == {
        "examples": "CsvExampleGen.examples",
        "baseline_examples": "ExampleDiff_examples.examples",
    }
    assert reads["DistributionValidator"] == {
        "statistics": "StatisticsGen.statistics",
        "baseline_statistics": "DistributionValidator_statistics.statistics",
    }
    assert fml.Graph.from_json(graph.to_json()) == graph


def test_statistics_of_another_source_are_none_of_the_chain_s():
    graph = P.generate_statistics(examples=OTHER, id="Others").infer_schema().graph
    assert str(graph["Others"].inputs["examples"].channel) == "Others_examples.examples"
    assert str(graph["SchemaGen"].inputs["statistics"].channel) == "StatisticsGen.statistics"


def test_two_splits_of_one_source_can_be_compared():
    graph = P.compare_examples(**SAME, split_pairs=[("train", "eval")]).graph
    assert {str(wire.channel) for wire in graph["ExampleDiff"].inputs.values()} == {
        "CsvExampleGen.examples"
    }


@pytest.mark.parametrize(
    ("verb", "arguments", "message"),
    [
        (
            P.compare_examples,
            {},
            "compare_examples() needs identifiers=, the features that tell which two examples are "
            'the same one, for example identifiers=["trip_id"].',
        ),
        (
            P.compare_examples,
            SAME,
            "compare_examples() needs other data to compare with.\n"
            'Hint: name them, compare_examples(fluentml.from_csv("serving/"), …), or two splits of '
            'the chain\'s own: split_pairs=[("train", "eval")].',
        ),
        (
            P.compare_examples,
            {**SAME, "split_pairs": [("train", "train")]},
            "compare_examples() needs other data to compare with.\n"
            'Hint: name them, compare_examples(fluentml.from_csv("serving/"), …), or two splits of '
            'the chain\'s own: split_pairs=[("train", "eval")].',
        ),
        (
            P.compare_examples,
            {**SAME, "against": "there"},
            "compare_examples() takes a step that reads the data set, not 'there'.\n"
            "Hint: write against=fluentml.from_csv('there'), or another fluentml.from_… step.",
        ),
        (
            P.compare_examples,
            {**SAME, "split_pairs": ["train"]},
            'compare_examples(): split_pairs= takes pairs of splits, for example [("train", '
            "\"eval\")], not ['train'].",
        ),
        (
            P.compare_examples,
            {**SAME, "against": OTHER, "inputs": {"baseline_examples": "CsvExampleGen.examples"}},
            "compare_examples() takes other data or inputs={'baseline_examples': …}, not both.",
        ),
        (
            P.compare_statistics,
            {"against": OTHER},
            'compare_statistics() needs thresholds=, for example thresholds={"fare": 0.1}.',
        ),
        (
            P.compare_statistics,
            {"against": OTHER, "num_examples": (2, 1)},
            "compare_statistics() has num_examples=(2.0, 1.0); it is (least, greatest), each a "
            "multiple of the other data's number, or None.",
        ),
        (
            P.compare_statistics,
            {"against": OTHER, "thresholds": {"fare": 1}},
            "compare_statistics(): thresholds= gives 'fare' the threshold 1; a distance lies "
            "between 0 (alike) and 1.",
        ),
        (
            P.generate_statistics,
            {"examples": OTHER, "inputs": {"examples": "CsvExampleGen.examples"}, "id": "B"},
            "generate_statistics() takes examples= or inputs={'examples': …}, not both.",
        ),
        (
            fml.PipelineDef("p").generate_statistics,
            {"examples": OTHER},
            "generate_statistics() has examples= and needs an id= of its own: without, other "
            "steps take these for the chain's own statistics.",
        ),
    ],
)
def test_what_cannot_be_is_refused(verb, arguments, message):
    assert message_of(fml.DefinitionError, verb, **arguments) == message


def test_check_knows_the_splits_and_columns_of_both(tmp_path: Path):
    here, there = write(tmp_path / "here", trips(3)), write(tmp_path / "there", trips(3))
    (there / "trips.csv").write_text("id,fare\n1,2\n")
    other = fml.from_csv(there, split={"all": 1})
    pipeline = (
        fml.PipelineDef("p")
        .from_csv(here)
        .generate_statistics()
        .compare_examples(other, **SAME, ignore=["far"], split_pairs=[("trian", "eval")])
        .compare_statistics("nowhere", thresholds={"fares": 0.1}, split_pairs=[("tset", "all")])
    )
    problems = problems_of(pipeline)
    assert [problem.splitlines()[0] for problem in problems] == [
        "compare_examples() reads the split 'trian', and from_csv() does not make it.",
        "compare_examples() reads the split 'eval', and from_csv() does not make it.",
        "compare_examples(): ignore= names 'far', which is no column of the CSV.",
        "compare_examples(): identifiers= names 'trip_id', which is no column of the CSV.",
        "compare_statistics(against=…) reads the folder 'nowhere', and it does not exist.",
        "compare_statistics() reads the split 'tset', and from_csv() does not make it.",
        "compare_statistics(): thresholds= names 'fares', which is no column of the CSV.",
    ]
    assert problems[1].splitlines()[1:] == [
        "It makes: 'all'.",
        "Hint: rename the split there, or say which to read with split_pairs=.",
    ]


@pytest.mark.tfx
def test_tfx_gets_the_configs_that_one_writes_by_hand():
    from tfx.proto import distribution_validator_pb2, example_diff_pb2

    by_hand = example_diff_pb2.ExampleDiffConfig()
    skew = by_hand.paired_example_skew
    skew.identifier_features.append("trip_id")
    skew.ignore_features.append("hour")
    skew.float_round_ndigits, skew.skew_sample_size = 2, 5
    skew.confusion_config.add(feature_name="company")
    validator = distribution_validator_pb2.DistributionValidatorConfig()
    whole = validator.default_slice_config
    whole.num_examples_comparator.min_fraction_threshold = 0.5
    plain = {"ignore": ["hour"], "float_digits": 2, "samples": 5, "confusion": ["company"]}
    pairs = [("train", "all")]
    lowered = (
        P.compare_examples(OTHER, **SAME, **plain, split_pairs=pairs)
        .compare_examples(OTHER, config=by_hand, split_pairs=pairs, id="ByHand")
        .compare_statistics(OTHER, num_examples=(0.5, None), split_pairs=pairs)
        .compare_statistics(OTHER, config=validator, split_pairs=pairs, id="ByHandToo")
        .to_tfx()
    )
    given = {component.id: component.exec_properties for component in lowered.components}
    assert given["ExampleDiff"] == given["ByHand"]
    assert given["ExampleDiff"]["example_diff_config"] == by_hand
    assert given["ExampleDiff"]["include_split_pairs"] == '[["train", "all"]]'
    assert given["DistributionValidator"]["distribution_validator_config"] == validator
    assert given["ByHandToo"] == {**given["DistributionValidator"], "choose_measure": 0}


# -- what a run finds ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of 60 trips here and 61 rows there, 49 pairs are compared; 13 of them differ."""
    folder = tmp_path_factory.mktemp("compared")
    rows = trips(60)
    there = [[*row] for row in rows[10:]]
    for row in there[:5]:
        row[1] = float(row[1]) + 1
    for row in there[5:8]:
        row[1] = f"{float(row[1]) + 0.001:.3f}"
    for row in there[8:12]:
        row[2] = "Green"
    there[12][3] = ""
    more = [(70 + n, 10.5, "Green", 3) for n in range(9)]
    there += [there[-1], *more, ("", 10.5, "Green", 3)]
    other = fml.from_csv(write(folder / "there", there), split={"all": 1})
    return run_and_watch(
        fml.PipelineDef("trips", root=folder / "artifacts")
        .from_csv(write(folder / "here", rows), split={"train": 1})
        .generate_statistics()
        .compare_examples(other, **SAME, ignore=["hour"], confusion=["company"], samples=20)
        .compare_examples(
            **SAME,
            float_digits=1,
            duplicates=True,
            samples=0,
            inputs={"baseline_examples": "ExampleDiff_examples.examples"},
            id="Rounded",
        )
        .compare_statistics(
            other, thresholds={"fare": 0.1, "company": 0.1, "hour": 0.9}, num_examples=(1.5, None)
        )
    )


@pytest.mark.tfx
def test_pairs_of_examples_are_counted_by_what_differs(compared: Run):
    (exact, rounded) = compared.result.comparisons
    assert (exact.node, exact.splits) == ("ExampleDiff", "train against all")
    # One identifier stands twice there: its pairs are not compared.
    assert (exact.pairs, exact.compared, exact.duplicates) == (51, 49, 1)
    # TFX's files call what is here the base; the counts tell that it is not the other way round.
    assert (exact.only_here, exact.only_there) == (10, 9)
    assert (exact.unidentified_here, exact.unidentified_there) == (0, 1)
    assert [(f.feature, f.equal, f.changed) for f in exact.features] == [
        ("fare", 41, 8),
        ("company", 45, 4),
    ]
    assert rounded.compared == 51
    assert {f.feature: (f.changed, f.only_here, f.only_there) for f in rounded.features} == {
        "fare": (5, 0, 0),
        "company": (4, 0, 0),
        "hour": (0, 1, 0),
    }


@pytest.mark.tfx
def test_pairs_that_differ_can_be_read(compared: Run):
    exact, rounded = compared.result.comparisons
    assert len(exact.samples) == 12
    assert rounded.samples == ()
    said = {str(pair) for pair in exact.samples}
    assert "trip_id 18: company is 'Blue' here and 'Green' there" in said
    assert "trip_id 15: fare is 11.076 here and 11.077 there" in said
    green = {here: n for (here, there), n in exact.confusion["company"].items() if there == "Green"}
    assert green == {"Blue": 3, "Checker": 1}


@pytest.mark.tfx
def test_the_comparisons_are_in_the_summary(compared: Run):
    assert re.search(r"ExampleDiff +[\d.]+ s  done, differences\n", compared.screen)
    lines = compared.result.summary().splitlines()
    start = lines.index(
        "ExampleDiff, train against all: 49 pairs of examples compared; 10 identifiers only here, "
        "9 only there"
    )
    assert lines[start + 1 : start + 6] == [
        "  several examples share 1 identifier",
        "  1 example there without identifier",
        "  feature  equal  changed  only here  only there",
        "  fare     41     8        0          0",
        "  company  45     4        0          0",
    ]
    assert lines[start + 6].startswith("  e.g. trip_id ")
    plain = json.loads(json.dumps(compared.result.to_dict()))
    assert plain["comparisons"][0]["confusion"]["company"][0].keys() == {"here", "there", "count"}


@pytest.mark.tfx
def test_statistics_are_compared_by_the_measure_that_fits(compared: Run):
    (validation,) = compared.result.validations
    assert validation.node == "DistributionValidator"
    measured = {d.feature: (d.measure, d.split, d.kind) for d in validation.distances}
    pair = ("train against all", "comparison")
    assert measured == {
        "fare": ("Jensen-Shannon", *pair),
        "company": ("L-infinity", *pair),
        "hour": ("Jensen-Shannon", *pair),
    }
    company, whole = sorted(validation.anomalies, key=lambda anomaly: anomaly.feature == "")
    assert str(company).startswith(
        "company (train against all): The L-infinity distance between the two is 0.2"
    )
    assert str(whole).startswith("the data (train against all): The ratio of num examples")


@pytest.mark.tfx
def test_one_day_is_compared_with_the_last(tmp_path: Path):
    """A first day has nothing to compare with; a folder is compared with like a source."""
    pipeline = (
        fml.PipelineDef("daily", root=tmp_path / "artifacts")
        .from_csv(write(tmp_path / "data", trips(60)), split={"train": 1, "eval": 1})
        .generate_statistics()
    )
    daily = {"against": "previous_run", "thresholds": {"fare": 0.2}, "fail_on": "anomalies"}
    first = run_and_watch(pipeline.compare_statistics(**daily))
    assert first.result.validations[0].is_first
    assert "done, no earlier run to compare with" in first.screen
    write(tmp_path / "data", trips(60, fare=20))
    pinned = {"thresholds": {"fare": 0.2, "company": 0.5}, "split_pairs": [("train", "eval")]}
    (before,) = first.result.artifacts("statistics")
    with pytest.raises(fml.RunError) as caught:
        (
            pipeline.compare_statistics(before.uri, **pinned, id="Pinned")
            .compare_statistics(**daily)
            .run(quiet=True, on_failure="finish")
        )
    lines = str(caught.value).splitlines()
    assert lines[0] == "DistributionValidator failed: the data have 1 anomaly."
    assert lines[1].startswith(
        "  fare (train against train, eval against eval): The approximate Jensen-Shannon"
    )
    found = {validation.node: validation for validation in caught.value.result.validations}
    assert [(d.split, d.feature, d.measure) for d in found["Pinned"].distances] == [
        ("train against eval", "company", "L-infinity"),
        ("train against eval", "fare", "Jensen-Shannon"),
    ]


@pytest.mark.tfx
def test_a_feature_or_split_that_is_not_there_is_told_before_tfx_does():
    import pandas as pd
    import tensorflow_data_validation as tfdv
    from tfx.proto import distribution_validator_pb2
    from tfx.types import standard_artifacts

    from fluentml.executors.distribution_validator import keep_one_measure, split_pairs

    config = distribution_validator_pb2.DistributionValidatorConfig()
    config.default_slice_config.feature.add().path.step.append("fares")
    now = tfdv.generate_statistics_from_dataframe(pd.DataFrame({"fare": [1.5], "tip": [1.0]}))
    assert message_of(fml.DataError, keep_one_measure, config, [now]) == (
        "thresholds= names 'fares', and the statistics have no such feature.\n"
        "They have: 'fare', 'tip'.\n"
        "Hint: did you mean 'fare'?"
    )
    here, there = standard_artifacts.ExampleStatistics(), standard_artifacts.ExampleStatistics()
    here.split_names, there.split_names = '["train", "eval"]', '["all"]'
    assert split_pairs([], here, there) == [("train", "all"), ("eval", "all")]
    assert split_pairs([], here, here) == [("train", "train"), ("eval", "eval")]
    assert message_of(fml.DataError, split_pairs, [["train", "eval"]], here, there) == (
        "split_pairs= asks for 'train' against 'eval', and not all of these splits are there.\n"
        "The statistics have 'train', 'eval'; what they are compared with has 'all'.\n"
        'Hint: say which to compare: split_pairs=[("train", "…")].'
    )
