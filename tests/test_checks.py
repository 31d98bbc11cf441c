import datetime
from pathlib import Path

import pytest

import fluentml as fml
from tests.messages import problems_of

P = fml.PipelineDef("test")
GOOD = {
    "preprocess": "def preprocessing_fn(inputs):\n    return inputs\n",
    "train": "def run_fn(fn_args): ...\n",
    "tune": "def tuner_fn(fn_args): ...\n",
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in a folder that holds `data/trips.csv`, and nothing else."""
    monkeypatch.chdir(tmp_path)
    put("data/trips.csv", "fare,tips,hour\n1,2,3\n")
    return tmp_path


def put(path, text=""):
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


def lines(*texts):
    return "\n".join(texts)


def one_problem(pipeline):
    problems = problems_of(pipeline)
    assert len(problems) == 1, problems
    return problems[0]


DATA = P.from_csv("data")
SCHEMA = DATA.generate_statistics().infer_schema()


def test_a_sound_chain_has_no_problem():
    put("m.py", "".join(GOOD.values()))
    pipeline = (
        SCHEMA.validate_input_data()
        .preprocess("m.py")
        .tune("m.py")
        .train("m.py")
        .evaluate_model("tips_xf", metrics=["AUC"], thresholds={"AUC": 0.8})
        .infra_validate()
        .push_to("serving")
        .bulk_infer(fml.from_csv("data"))
    )
    assert problems_of(pipeline) == []
    assert problems_of(P) == []


def test_a_problem_that_two_nodes_share_is_told_once():
    assert (
        len(problems_of(P.from_csv("no").bulk_infer(fml.from_csv("no")).train("json.loads"))) == 1
    )


# -- user code -------------------------------------------------------------------------------------


def with_code(verb, text):
    put("m.py", text)
    return getattr(SCHEMA, verb)("m.py")


def test_a_module_file_that_is_not_there(here):
    put("model.py")
    assert one_problem(DATA.train("modle.py")) == lines(
        "train() reads the module file 'modle.py', and it does not exist.",
        f"In {str(here)!r} there are: 'data', 'model.py'.",
        "Hint: did you mean 'model.py'?",
    )
    assert one_problem(DATA.train("zzz/model.py")) == lines(
        "train() reads the module file 'zzz/model.py', and it does not exist.",
        f"Neither does 'zzz'. Paths are taken from {str(here)!r}.",
        "Hint: start from another folder, or write the path as Path(__file__).parent / '…'.",
    )


def test_a_module_file_that_is_a_folder():
    put("m.py/inner.py")
    assert one_problem(DATA.train("m.py")) == lines(
        "train() reads the module file 'm.py', and it is a folder.",
        "It holds: 'inner.py'.",
        "Hint: name the file in it.",
    )


def test_a_module_that_does_not_parse():
    assert one_problem(with_code("train", "x = 1\ndef run_fn(:\n    pass\n")) == lines(
        "train(): 'm.py' does not parse: invalid syntax.",
        "  m.py:2: def run_fn(:",
        "Hint: mend that line.",
    )


@pytest.mark.parametrize(
    "text", [b"a = 1\0", b"# coding: klingon\n", b"a = '\xe9'\n"], ids=["nul", "coding", "latin"]
)
def test_a_module_that_is_no_python_text(text):
    problem = one_problem(with_code("train", text))
    assert problem.startswith("train(): 'm.py' does not parse: ")
    assert problem.splitlines()[-1].startswith("Hint: ")
    assert "line 0" not in problem


@pytest.mark.parametrize(
    ("verb", "near", "wanted"),
    [
        ("preprocess", "preprocess_fn", "preprocessing_fn(inputs)"),
        ("train", "runfn", "run_fn(fn_args)"),
        ("tune", "tune_fn", "tuner_fn(fn_args)"),
    ],
)
def test_a_function_that_is_not_there(verb, near, wanted):
    name = wanted.partition("(")[0]
    assert one_problem(with_code(verb, f"def {near}(a): ...\ndef other(): ...\n")) == lines(
        f"{verb}() calls {wanted}, and 'm.py' does not define it.",
        f"Its functions: '{near}', 'other'.",
        f"Hint: did you mean '{near}'? Call it '{name}'.",
    )
    assert one_problem(with_code(verb, "class A:\n    def run_fn(self, fn_args): ...\n")) == lines(
        f"{verb}() calls {wanted}, and 'm.py' does not define it.",
        "Its functions: none.",
        f"Hint: define {wanted} at the top level of the file.",
    )


@pytest.mark.parametrize(
    "text",
    [
        "from helpers import run_fn",
        "from helpers import train as run_fn",
        "from helpers import *",
        "run_fn = make()",
        "run_fn: Callable = make()",
        "run_fn, tuner_fn = make()",
        "if X:\n    def run_fn(a): ...\nelse:\n    def run_fn(a): ...",
        "try:\n    from a import run_fn\nexcept ImportError:\n    run_fn = None",
        "try:\n    pass\nexcept ImportError:\n    def run_fn(a): ...",
        "with x:\n    def run_fn(a): ...",
        "async def run_fn(a): ...",
    ],
)
def test_a_function_may_come_from_elsewhere(text):
    assert problems_of(with_code("train", text)) == []


FITTING = {
    "preprocess": [
        "(inputs)",
        "(inputs, custom_config)",
        "(inputs, *, custom_config)",
        "(inputs, custom_config=None)",
        "(inputs, **more)",
    ],
    "train": ["(fn_args)", "(args, /)", "(fn_args, more=1)", "(fn_args, *, more=1)", "(*args)"],
    "tune": ["(fn_args)", "(fn_args, more=1)", "(fn_args: 'FnArgs') -> 'Result'"],
}
UNFIT = {
    "preprocess": ["()", "(inputs, other)", "(inputs, custom_config, other)", "(*, inputs)"],
    "train": ["()", "(a, b)", "(*, fn_args)", "(fn_args, *, more)", "(a=1, *, more)"],
    "tune": ["()", "(fn_args, custom_config)"],
}
FUNCTIONS = {"preprocess": "preprocessing_fn", "train": "run_fn", "tune": "tuner_fn"}


@pytest.mark.parametrize(
    ("verb", "parameters"), [(verb, one) for verb, many in FITTING.items() for one in many]
)
def test_parameters_that_fit(verb, parameters):
    assert problems_of(with_code(verb, f"def {FUNCTIONS[verb]}{parameters}: ...\n")) == []


@pytest.mark.parametrize(
    ("verb", "parameters"), [(verb, one) for verb, many in UNFIT.items() for one in many]
)
def test_parameters_that_do_not_fit(verb, parameters):
    wanted = "preprocessing_fn(inputs)" if verb == "preprocess" else f"{FUNCTIONS[verb]}(fn_args)"
    text = f"# the model\n\ndef {FUNCTIONS[verb]}{parameters}: ...\n"
    assert one_problem(with_code(verb, text)) == lines(
        f"{verb}() calls {wanted}, and 'm.py' defines {FUNCTIONS[verb]}{parameters}.",
        "  m.py:3",
        f"Hint: write def {wanted}; further parameters need defaults.",
    )


def test_a_decorator_may_change_the_parameters():
    assert problems_of(with_code("train", "@with_options\ndef run_fn(a, b): ...\n")) == []


def test_user_code_is_parsed_and_never_run():
    assert problems_of(with_code("train", "raise SystemExit\ndef run_fn(fn_args): ...\n")) == []


def test_an_import_path_of_an_installed_package():
    assert problems_of(DATA.train("json.loads")) == []


@pytest.mark.parametrize(
    ("module", "package", "function"),
    [("no_such_package.run", "no_such_package", "run"), ("model", "model", "run_fn")],
)
def test_an_import_path_of_a_package_that_is_not_installed(module, package, function):
    assert one_problem(DATA.train(module)) == lines(
        f"train() takes run_fn from {module!r}: no package {package!r} is installed here.",
        f"Hint: name a file that ends in .py, or an import path: 'package.module.{function}'.",
    )


def test_what_lies_behind_a_uri_is_left_to_the_run():
    remote = "gs://bucket/x"
    pipeline = (
        P.from_csv(remote)
        .with_imported_schema(remote)
        .with_hyperparameters(remote)
        .with_base_model(remote)
        .train(f"{remote}.py")
        .evaluate_model("label", metrics=["AUC"], thresholds={"AUC": 0.5})
        .push_to("gs://bucket/serving")
    )
    assert problems_of(pipeline) == []


# -- data ------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there(here):
    assert one_problem(P.from_csv("dat")) == lines(
        "from_csv() reads the folder 'dat', and it does not exist.",
        f"In {str(here)!r} there are: 'data'.",
        "Hint: did you mean 'data'?",
    )
    assert one_problem(P.from_csv("zzzzz")) == lines(
        "from_csv() reads the folder 'zzzzz', and it does not exist.",
        f"In {str(here)!r} there are: 'data'.",
        "Hint: correct the path; a relative one is taken from the working directory.",
    )


def test_the_folder_of_a_bulk_inference_is_looked_at_too():
    pipeline = DATA.train("json.loads").bulk_infer(fml.from_csv("dat"))
    assert one_problem(pipeline).startswith("from_csv() reads the folder 'dat'")


def test_a_file_in_place_of_a_folder():
    assert one_problem(P.from_csv("data/trips.csv")) == lines(
        "from_csv() reads the folder 'data/trips.csv', and it is a file.",
        "Hint: name its folder: 'data'.",
    )


def test_an_empty_folder(here):
    (here / "empty").mkdir()
    assert one_problem(P.from_csv("empty")) == lines(
        "from_csv() finds no file in 'empty'.",
        "It holds: nothing.",
        "Hint: put .csv files there, or name another folder.",
    )


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "more.csv.gz", "folder/x.csv"])
def test_a_folder_that_holds_something_else_too(name):
    put(f"data/{name}")
    assert one_problem(DATA) == lines(
        f"from_csv() would read everything in 'data', these too: '{name.partition('/')[0]}'.",
        "They are no .csv files.",
        'Hint: move them away, or name the files to read: pattern="*.csv".',
    )
    # And that hint helps.
    assert problems_of(P.from_csv("data", pattern="*.csv")) == []
    assert problems_of(P.from_csv("data", split={"train": "tr*.csv"})) == []


def test_a_tfrecord_folder():
    assert one_problem(P.from_tfrecord("data")) == lines(
        "from_tfrecord() would read everything in 'data', these too: 'trips.csv'.",
        "They are no .tfrecord or .tfrecords or .gz files.",
        'Hint: move them away, or name the files to read: pattern="*.tfrecord".',
    )
    for name in ("a.tfrecord", "b.TFRecord", "c.tfrecord-00000-of-00002", "d-00000-of-00001.gz"):
        put(f"records/{name}")
    assert problems_of(P.from_tfrecord("records")) == []


def test_only_a_few_of_many_files_are_named():
    for number in range(20):
        put(f"many/{number:02}.txt")
    text = one_problem(P.from_csv("many"))
    assert "'04.txt'.\n" in text
    assert "'05.txt'" not in text
    assert "'07.txt' and 12 more." in one_problem(P.from_csv("many", split={"train": "zz"}))


def test_files_by_split(here):
    put("data/eval.csv", "fare,tips,hour\n")
    good = ["trips.csv", "tri*", "../data/*.csv", str(here / "data" / "*.csv"), "tr[i]ps.csv"]
    for pattern in good:
        assert problems_of(P.from_csv("data", split={"train": pattern})) == []
    assert one_problem(P.from_csv("data", split={"train": "t*", "test": "test*.csv"})) == lines(
        "from_csv() finds no file 'test*.csv' in 'data'.",
        "It holds: 'eval.csv', 'trips.csv'.",
        "Hint: put .csv files there, or name another folder.",
    )


def test_spans_and_versions():
    for place in ("1/v1", "2/v1", "2/v10", "2/v9", "10/v1"):
        put(f"spans/s{place}/a.csv", "fare,tips,hour\n1,2,3\n")
    pattern = "s{SPAN}/v{VERSION}/*"
    for span in ("latest", 1, 2, 10):
        assert problems_of(P.from_csv("spans", pattern=pattern, span=span)) == []
        assert problems_of(P.from_csv("spans", split={"train": pattern}, span=span)) == []
    assert one_problem(P.from_csv("spans", pattern=pattern, span=3)) == lines(
        "from_csv() finds no file of span 3 by 's{SPAN}/v{VERSION}/*' in 'spans'.",
        "The spans there: 1, 2, 10.",
        "Hint: name one of these, or leave span= out for the latest.",
    )
    assert one_problem(P.from_csv("spans", pattern="t{SPAN}/*")).startswith(
        "from_csv() finds no file 't{SPAN}/*' in 'spans'.\n"
    )


def test_dates():
    put("days/2024-05-01/a.csv", "a\n1\n")
    pattern = "{YYYY}-{MM}-{DD}/*"
    for day in ("latest", datetime.date(2024, 5, 1), datetime.datetime(2024, 5, 1, 12), 19844):
        assert problems_of(P.from_csv("days", pattern=pattern, span=day)) == []
    missing = P.from_csv("days", pattern=pattern, span=datetime.date(2024, 5, 2))
    assert "The spans there: 19844." in one_problem(missing)


@pytest.mark.parametrize("name", ["s01", "sold", "s1-old"])
def test_a_file_without_a_number_in_place_of_its_span(name):
    put("spans/s2/a.csv", "a\n1\n")
    put(f"spans/{name}/a.csv", "a\n1\n")
    assert one_problem(P.from_csv("spans", pattern="s{SPAN}/*")) == lines(
        f"from_csv() cannot tell the span of 'spans/{name}/a.csv' by 's{{SPAN}}/*'.",
        "Hint: name only files of spans; numbers with zeros in front need their width, as in "
        "{SPAN:2}.",
    )
    assert problems_of(P.from_csv("spans", pattern="s{SPAN}/*", span=2)) == []


def test_a_width_takes_zeros_in_front():
    put("spans/s01/a.csv", "a\n1\n")
    assert problems_of(P.from_csv("spans", pattern="s{SPAN:2}/*")) == []
    assert problems_of(P.from_csv("spans", pattern="s{SPAN:2}/*", span=1)) == []


def test_splits_whose_latest_spans_differ():
    for place in ("train/1", "train/2", "eval/1"):
        put(f"spans/{place}/a.csv", "a\n1\n")
    split = {"train": "train/{SPAN}/*", "eval": "eval/{SPAN}/*"}
    assert one_problem(P.from_csv("spans", split=split)) == lines(
        "from_csv() reads the same spans for all splits, and does not find the same in each.",
        "'train': 2; 'eval': 1",
        "Hint: complete the data, or name what every split has: span=…",
    )
    assert problems_of(P.from_csv("spans", split=split, span=1)) == []
    assert one_problem(P.from_csv("spans", split=split, spans=(1, 3))) == lines(
        "from_csv() reads the same spans for all splits, and does not find the same in each.",
        "'train': 1, 2; 'eval': 1",
        "Hint: complete the data, or name what every split has: spans=…",
    )
    assert problems_of(P.from_csv("spans", split=split, spans=(0, 1))) == []


def test_a_window_of_spans():
    for place in ("1/v1", "2/v1", "2/v2", "5/v1"):
        put(f"spans/s{place}/a.csv", "fare,tips,hour\n1,2,3\n")
    pattern = "s{SPAN}/v{VERSION}/*"
    for spans in (1, 2, 9, (1, 5), (2, 4), (0, 1000)):
        assert problems_of(P.from_csv("spans", pattern=pattern, spans=spans)) == []
    assert one_problem(P.from_csv("spans", pattern=pattern, spans=(3, 4))) == lines(
        "from_csv() finds no file of the spans 3 to 4 by 's{SPAN}/v{VERSION}/*' in 'spans'.",
        "The spans there: 1, 2, 5.",
        "Hint: name a window that holds some of these, or how many of the latest to read.",
    )
    # The rows of all that are read are looked at, of their latest versions only.
    put("spans/s2/v1/a.csv", "")
    assert problems_of(P.from_csv("spans", pattern=pattern, spans=3)) == []
    put("spans/s2/v2/a.csv", "other\n1\n")
    assert one_problem(P.from_csv("spans", pattern=pattern, spans=3)).startswith(
        "from_csv() reads files with different headers into one split.\n"
    )
    assert problems_of(P.from_csv("spans", pattern=pattern, spans=1)) == []
    put("spans/s7-old/v1/a.csv", "")
    assert "cannot tell the span" in one_problem(P.from_csv("spans", pattern=pattern, spans=1))
    assert problems_of(P.from_csv("spans", pattern=pattern, spans=(5, 9))) == []


def test_an_imported_schema(here):
    put("schema/schema.pbtxt")
    assert problems_of(DATA.with_imported_schema("schema/schema.pbtxt")) == []
    assert one_problem(DATA.with_imported_schema("schema/shema.pbtxt")) == lines(
        "with_imported_schema() reads the file 'schema/shema.pbtxt', and it does not exist.",
        f"In {str(here / 'schema')!r} there are: 'schema.pbtxt'.",
        "Hint: did you mean 'schema.pbtxt'?",
    )
    assert problems_of(DATA.with_imported_schema("schema")) == []
    put("other/schema.txt")
    assert one_problem(DATA.with_imported_schema("other")) == lines(
        "with_imported_schema() reads the file 'other', and it is a folder.",
        "It holds: 'schema.txt'.",
        "Hint: name the file in it.",
    )


def test_imported_hyperparameters():
    put("best/best_hyperparameters.txt")
    assert problems_of(DATA.with_hyperparameters("best")) == []
    assert one_problem(DATA.with_hyperparameters("best/best_hyperparameters.txt")) == lines(
        "with_hyperparameters() reads the folder 'best/best_hyperparameters.txt', and it is a "
        "file.",
        "Hint: name its folder: 'best'.",
    )
    put("best/.hidden")
    assert one_problem(DATA.with_hyperparameters("best")) == lines(
        "with_hyperparameters() takes a folder with one file, and 'best' holds: '.hidden', "
        "'best_hyperparameters.txt'.",
        "Hint: copy best_hyperparameters.txt into a folder of its own.",
    )


def test_an_imported_model():
    assert problems_of(DATA.with_base_model("data")) == []
    assert one_problem(DATA.with_base_model("no")).startswith(
        "with_base_model() reads the folder 'no', and it does not exist.\n"
    )


# -- the label -------------------------------------------------------------------------------------


def labelled(label, start=DATA, **more):
    return start.train("json.loads").evaluate_model(
        label, metrics=["AUC"], thresholds={"AUC": 0.5}, **more
    )


def test_a_label_that_is_a_column():
    assert problems_of(labelled("tips")) == []


def test_a_label_that_is_no_column():
    assert one_problem(labelled("tip")) == lines(
        "evaluate_model(): label='tip' is no column of the CSV.",
        "The columns: 'fare', 'tips', 'hour'.",
        "Hint: did you mean 'tips'?",
    )
    assert one_problem(labelled("zzz")) == lines(
        "evaluate_model(): label='zzz' is no column of the CSV.",
        "The columns: 'fare', 'tips', 'hour'.",
        "Hint: name a column, or a feature that preprocessing_fn returns.",
    )


def test_a_transformed_label_needs_a_transform():
    assert one_problem(labelled("tips_xf")).endswith("Hint: did you mean 'tips'?")
    # Unless the model brings one along.
    named = {"preprocessing_function_names": ["transform_features"]}
    assert problems_of(labelled("tips_xf", **named)) == []
    assert problems_of(labelled("tips_xf", preprocessing_function_names=[])) != []


def test_a_label_named_in_a_file_that_the_module_imports():
    put("m.py", "from names import LABEL\n\n\ndef preprocessing_fn(inputs): ...\n")
    put("names.py", "LABEL = 'zzz'\n")
    assert problems_of(labelled("zzz", start=SCHEMA.preprocess("m.py"))) == []
    put("names.py", "LABEL = 'other'\n")
    assert problems_of(labelled("zzz", start=SCHEMA.preprocess("m.py"))) != []


def test_a_label_is_looked_for_in_the_data_that_are_evaluated():
    put("holdout/a.csv", "fare,tip\n1,2\n")
    assert "label='tips' is no column" in one_problem(
        labelled("tips", examples=fml.from_csv("holdout"))
    )
    assert problems_of(labelled("tip", examples=fml.from_csv("holdout"))) == []
    split = {"all": 1}
    assert "reads the split 'eval', and from_csv() does not make it." in one_problem(
        labelled("tip", examples=fml.from_csv("holdout", split=split), splits=["eval"])
    )
    assert "reads the folder 'no'" in one_problem(labelled("tip", examples=fml.from_csv("no")))


def test_a_label_that_preprocessing_makes():
    put("m.py", GOOD["preprocess"] + "TARGET = 'big_tipper'\n")
    start = SCHEMA.preprocess("m.py")
    assert problems_of(labelled("tips_xf", start)) == []
    assert problems_of(labelled("big_tipper", start)) == []
    assert one_problem(labelled("zzz", start)) == lines(
        "evaluate_model(): label='zzz' is no column of the CSV and preprocessing_fn makes "
        "none of that name.",
        "The columns: 'fare', 'tips', 'hour'.",
        "Hint: name a column, or a feature that preprocessing_fn returns.",
    )


def test_an_unnamed_column_is_no_excuse():
    put("data/trips.csv", ",fare,tips\n0,1,2\n")
    put("m.py", GOOD["preprocess"])
    assert "label='zzz'" in one_problem(labelled("zzz", SCHEMA.preprocess("m.py")))


def test_the_header_is_split_as_tfx_splits_it():
    put("data/trips.csv", '"fare","tips"\r\n1,2\r\n')
    assert one_problem(labelled("tips")) == lines(
        "evaluate_model(): label='tips' is no column of the CSV.",
        "The columns: '\"fare\"', '\"tips\"'.",
        "Hint: did you mean '\"tips\"'?",
    )


def test_the_header_is_that_of_the_files_of_the_splits():
    put("data/a_first.csv", "other\n1\n")
    assert (
        problems_of(labelled("tips", P.from_csv("data", split={"train": "t*", "eval": "t*"}))) == []
    )


@pytest.mark.parametrize("content", ["", "\n", b"\xff\xfe\x00\x01"])
def test_a_file_without_a_header_has_no_label_to_look_for(content):
    put("data/trips.csv", content)
    assert "label" not in one_problem(labelled("tips"))


def test_the_label_of_records_is_not_looked_for():
    put("records/a.tfrecord")
    assert problems_of(labelled("anything", P.from_tfrecord("records"))) == []


# -- splits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("add", "split", "parameter"),
    [
        (lambda p: p.train("json.loads", train_splits=["trian"]), "trian", "train_splits"),
        (lambda p: p.train("json.loads", eval_splits=["test"]), "test", "eval_splits"),
        (lambda p: p.tune("json.loads", eval_splits=["test"]), "test", "eval_splits"),
        (
            lambda p: p.train("json.loads").evaluate_model(
                "tips", metrics=["AUC"], splits=["test"]
            ),
            "test",
            "splits",
        ),
        (lambda p: p.train("json.loads").infra_validate(split="test"), "test", "split"),
    ],
)
def test_a_split_that_nothing_makes(add, split, parameter):
    pipeline = add(DATA)
    verb = pipeline.components[-1].verb
    assert one_problem(pipeline) == lines(
        f"{verb} reads the split {split!r}, and from_csv() does not make it.",
        "It makes: 'train', 'eval'.",
        f"Hint: rename the split there, or say which to read with {parameter}=.",
    )


def test_the_default_splits_are_looked_for_behind_a_transform_too():
    put("m.py", GOOD["preprocess"] + GOOD["train"])
    start = P.from_csv("data", split={"all": 1}).generate_statistics().infer_schema()
    problems = problems_of(start.preprocess("m.py").train("m.py").infra_validate())
    assert [problem.splitlines()[0] for problem in problems] == [
        "preprocess() reads the split 'train', and from_csv() does not make it.",
        "train() reads the split 'train', and from_csv() does not make it.",
        "train() reads the split 'eval', and from_csv() does not make it.",
        "infra_validate() reads the split 'eval', and from_csv() does not make it.",
    ]
    named = {"train_splits": ["all"], "eval_splits": ["all"]}
    assert problems_of(P.from_csv("data", split={"all": 1}).train("json.loads", **named)) == []


@pytest.mark.tfx
def test_protos_speak_for_their_splits():
    from tfx.proto import example_gen_pb2, trainer_pb2

    pipeline = P.from_csv("data", split={"a": 1, "b": 1}).train(
        "json.loads",
        train_args=trainer_pb2.TrainArgs(splits=["a"]),
        eval_args=trainer_pb2.EvalArgs(splits=["b"]),
    )
    assert problems_of(pipeline) == []
    by_proto = P.from_csv("data", output_config=example_gen_pb2.Output())
    assert problems_of(by_proto.train("json.loads", train_splits=["x"])) == []


# -- gates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metrics", "suggested"),
    [(["AUC", "Recall"], "AUC"), (["ExampleCount", "Recall"], "Recall"), (["Calibration"], "AUC")],
)
@pytest.mark.parametrize("first", [True, False])
def test_an_evaluator_without_thresholds_before_a_pusher(metrics, suggested, first):
    start = DATA.train("json.loads")
    if first:
        pipeline = start.evaluate_model("tips", metrics=metrics).push_to("s")
    else:
        pipeline = start.push_to("s").evaluate_model("tips", metrics=metrics)
    assert one_problem(pipeline) == lines(
        "push_to() waits for the blessing of evaluate_model(), which has no thresholds and so "
        "blesses no model: nothing would ever pass.",
        f'Hint: say what good enough means: evaluate_model(…, thresholds={{"{suggested}": 0.8}}).',
    )


def test_an_evaluator_without_thresholds_before_a_bulk_inference():
    pipeline = DATA.train("json.loads").evaluate_model("tips", metrics=["AUC"])
    assert problems_of(pipeline) == []
    text = one_problem(pipeline.bulk_infer(fml.from_csv("data")))
    assert text.startswith("bulk_infer() waits for the blessing of evaluate_model(), which has no")


def test_a_pusher_without_an_evaluator_needs_no_blessing():
    assert problems_of(DATA.train("json.loads").push_to("s")) == []


BOTH = DATA.train("json.loads").train("json.loads", id="B")
BLESSING = {"label": "tips", "metrics": ["AUC"], "thresholds": {"AUC": 0.8}}


def test_a_pusher_whose_model_nothing_evaluates():
    pipeline = BOTH.evaluate_model(**BLESSING).push_to("s", inputs={"model": "B.model"})
    assert one_problem(pipeline) == lines(
        "push_to() takes the model 'B.model', and no evaluate_model() judges that one.",
        "Evaluator judges Trainer.model.",
        'Hint: add evaluate_model(…, inputs={"model": "B.model"}, id="…") for it.',
    )
    mended = pipeline.evaluate_model(**BLESSING, inputs={"model": "B.model"}, id="EvaluateB")
    assert problems_of(mended) == []


def test_a_pusher_with_the_blessing_of_another_model():
    channels = {"model": "B.model", "model_blessing": "Evaluator.blessing"}
    pipeline = BOTH.evaluate_model(**BLESSING).push_to("s", inputs=channels)
    assert one_problem(pipeline) == lines(
        "push_to() takes the model 'B.model', and the blessing of 'Evaluator', which judges "
        "'Trainer.model'.",
        "Hint: name a blessing of that model, or leave the blessing out of inputs=.",
    )


def test_a_feature_to_compare_that_is_no_column():
    text = one_problem(SCHEMA.validate_input_data(drift={"fair": 0.1}))
    assert text == lines(
        "validate_input_data(): drift= names 'fair', which is no column of the CSV.",
        "The columns: 'fare', 'tips', 'hour'.",
        "Hint: did you mean 'fare'?",
    )
    assert "skew= names 'x'" in one_problem(SCHEMA.validate_input_data(skew={"x": 0.1}))
    assert problems_of(SCHEMA.validate_input_data(drift={"fare": 0.1}, skew={"hour": 0.1})) == []


def test_the_split_that_stands_for_serving_is_there():
    text = one_problem(SCHEMA.validate_input_data(skew={"fare": 0.1}, serving_split="serving"))
    assert text.startswith("validate_input_data() reads the split 'serving', and from_csv() does")
    assert text.endswith("or say which to read with serving_split=.")


def test_the_statistics_to_compare_with_are_there():
    def against(path):
        return SCHEMA.validate_input_data(drift={"fare": 0.1}, against=path)

    assert one_problem(against("statistics/3")).startswith(
        "validate_input_data(against=…) reads the folder 'statistics/3', and it does not exist."
    )
    put("statistics/3/notes.txt")
    assert one_problem(against("statistics/3")) == lines(
        "validate_input_data(against=…) takes a folder of statistics, and 'statistics/3' holds "
        "none.",
        "It holds: 'notes.txt'.",
        "Hint: name what generate_statistics() wrote: "
        "'artifacts/…/StatisticsGen/statistics/<number>'.",
    )
    put("statistics/3/Split-train/FeatureStats.pb")
    assert problems_of(against("statistics/3")) == []


def test_a_feature_to_curate_that_is_no_column():
    pipeline = SCHEMA.curate_schema(
        required=["fair"], optional=["x"], domains={"y": (0, 1)}, label="tip"
    )
    assert [text.splitlines()[0] for text in problems_of(pipeline)] == [
        f"curate_schema(): {parameter}= names {name!r}, which is no column of the CSV."
        for parameter, name in [
            ("required", "fair"),
            ("optional", "x"),
            ("domains", "y"),
            ("label", "tip"),
        ]
    ]
    assert problems_of(SCHEMA.curate_schema(required=["fare"], label="tips")) == []


def test_a_feature_to_slice_by_that_is_no_column():
    text = one_problem(DATA.generate_statistics(slices=["hour", ("hour", "fair")]))
    assert text.startswith("generate_statistics(): slices= names 'fair'")


def test_the_function_that_curates_is_looked_for():
    put("m.py", "def schema_fun(schema): ...")
    assert "'m.py' does not define it" in one_problem(SCHEMA.curate_schema("m.py"))
    put("m.py", "def schema_fn(schema, custom_config): ...")
    assert problems_of(SCHEMA.curate_schema("m.py")) == []


def test_a_tilde_is_not_expanded():
    pipeline = fml.PipelineDef("p").from_csv("~/data")
    with pytest.raises(fml.CheckError, match=r"Python does not expand '~'"):
        pipeline.check()


def test_an_infra_blessing_of_another_model_gates_nothing():
    put("model.py", "def run_fn(fn_args): ...")
    pipeline = (
        fml.PipelineDef("p")
        .from_csv("data")
        .train("model.py")
        .train("model.py", id="Other")
        .infra_validate()
        .push_to("serving", inputs={"model": "Other.model"})
    )
    assert problems_of(pipeline) == [
        "push_to() takes the model 'Other.model', and no infra_validate() judges that one.\n"
        "InfraValidator judges Trainer.model.\n"
        'Hint: add infra_validate(…, inputs={"model": "Other.model"}, id="…") for it.'
    ]


def test_a_baseline_that_is_not_there():
    put("model.py", "def run_fn(fn_args): ...")
    pipeline = (
        fml.PipelineDef("p")
        .from_csv("data")
        .train("model.py")
        .evaluate_model("tips", metrics=["AUC"], thresholds={"AUC": 0.8}, baseline="last")
    )
    assert problems_of(pipeline) == [
        f"Evaluator_baseline reads the folder 'last', and it does not exist.\n"
        f"In {str(Path.cwd())!r} there are: 'data', 'model.py'.\n"
        "Hint: correct the path; a relative one is taken from the working directory."
    ]
