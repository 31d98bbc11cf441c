"""A function as a module file of its own: what is taken along, and what cannot be."""

from __future__ import annotations

import functools
import runpy
import sys
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.capture import Origin, captured_together
from fluentml.errors import DefinitionError
from tests.messages import message_of, problems_of

HINT = "Hint: build it in the function, pass plain values by custom_config=, or import it."
RUN_FN = "def run_fn(fn_args):\n    pass\n"
HEADER = "# Taken by fluentml from script.py: edit it there.\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def script(text: str, name: str = "script.py") -> dict:
    """Write a script, run it, and return its global names."""
    Path(name).write_text(text)
    return runpy.run_path(str(Path(name).resolve()), run_name="__main__")


def module_of(function, verb: str = "train") -> Path:
    chain = getattr(fml.PipelineDef("p").from_csv("data"), verb)(function)
    return Path(chain.components[-1].module)


def written(function, verb: str = "train") -> str:
    return module_of(function, verb).read_text()


def refused(text: str, name: str = "run_fn") -> str:
    return message_of(DefinitionError, module_of, script(text)[name])


def test_takes_what_the_function_refers_to_and_nothing_else(here: Path):
    names = script(
        '''"""A script."""
import json
import math, os

import fluentml as fml

# How wide.
UNITS = 8
UNUSED = 9
DEPTH = UNITS + 1; LEFT = 2


class Layer:
    units = UNITS

    def areas(self):
        return [math.pi * radius for radius in range(self.units)]


def unused():
    return json


def logged(function):
    return function


# Trains.
@logged
def run_fn(fn_args, depth=DEPTH):
    layer = Layer()

    def inner():
        return [scaled(area) for area in layer.areas()]

    return inner()


pipeline = fml.PipelineDef("p").from_csv("data").train(run_fn)


def scaled(area):
    return area * 2
'''
    )
    assert written(names["run_fn"]) == (
        HEADER
        + """
import math, os

# How wide.
UNITS = 8

DEPTH = UNITS + 1


class Layer:
    units = UNITS

    def areas(self):
        return [math.pi * radius for radius in range(self.units)]


def logged(function):
    return function


# Trains.
@logged
def run_fn(fn_args, depth=DEPTH):
    layer = Layer()

    def inner():
        return [scaled(area) for area in layer.areas()]

    return inner()


def scaled(area):
    return area * 2
"""
    )
    # The chain in the script itself is the same chain.
    chain = fml.PipelineDef("p").from_csv("data").train(names["run_fn"])
    assert chain == names["pipeline"]


def test_the_written_module_runs(here: Path):
    names = script(
        """from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

try:
    from nowhere import fast
except ImportError:
    fast = None

SIZES = {"a": 1}
SIZES["b"] = 2
WORDS = []
for word in ("x", "y"):
    WORDS.append(word)
if __name__ == "__main__":
    import math as m
    LIMIT = (1.5, None, {"k": b"v"})


def run_fn(sizes: Mapping, *, n: int = 3) -> list[Mapping]:
    return fast, SIZES, WORDS, LIMIT, m.floor(2.5), __file__
"""
    )
    module = module_of(names["run_fn"])
    copy = runpy.run_path(str(module))
    assert copy["run_fn"]({}) == names["run_fn"]({})
    assert "Mapping" in module.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "from math import *\n\n\ndef run_fn(x):\n    return floor(pi)\n",
        "from os import path as p, sep\nimport os.path\n\n\ndef run_fn(x):\n"
        "    return p.join('a', sep), os.path.sep\n",
        "def even(n):\n    return n == 0 or odd(n - 1)\n\n\ndef odd(n):\n"
        "    return n != 0 and even(n - 1)\n\n\ndef run_fn(x):\n    return even(x)\n",
        "COUNT = 0\n\n\ndef counted():\n    global COUNT, LAST\n    COUNT += 1\n    LAST = 5\n"
        "\n\ndef run_fn(x):\n    counted()\n    return COUNT, LAST\n",
        "size = 3\n\n\nclass Box:\n    size = size\n    sizes = [s for s in range(size)]\n\n\n"
        "def run_fn(x):\n    return Box.size, Box().sizes\n",
        "N = 2\nN = N * N\nN += 1\n(A, B), *C = (N, 1), 2, 3\n\n\ndef run_fn(x):\n"
        "    return N, A, C\n",
        "from dataclasses import dataclass, field\nfrom typing import TypeVar\n\nT = TypeVar('T')\n"
        "KINDS = ['a']\n\n\n@dataclass\nclass Row:\n"
        "    kinds: list = field(default_factory=lambda: KINDS)\n    other: 'T | None' = None\n"
        "\n\ndef run_fn(x: T) -> list[T]:\n    return Row().kinds\n",
        "LIMIT = 3\n\n\ndef run_fn(x):\n    match {'k': x}:\n        case {'k': v} if v < LIMIT:\n"
        "            return v\n    if (y := x) and LIMIT:\n        return y\n",
        "import contextlib\nimport sys\n\nif sys.version_info > (3,):\n    text = str\nelse:\n"
        "    text = bytes\n\nwith contextlib.suppress(ImportError):\n    import json as j\n\n\n"
        "def run_fn(x):\n    return text(x), j.dumps(x), __name__ and 1\n",
        "import logging\n\nlog = logging.getLogger(__name__)\nlog.setLevel('INFO')\n"
        "SEEN = {}\nSEEN.setdefault('é', []).append(1.5); OTHER = b''\n\n\ndef run_fn(x):\n"
        "    log.debug('%s', x)\n    return SEEN, OTHER, f'{SEEN!r:>{30}}'\n",
        "BASE = {'a': 1}\nfor key in 'bc':\n    BASE[key] = len(BASE)\nwhile len(BASE) < 5:\n"
        "    BASE[len(BASE)] = (None, {True}, set(), (1,))\n\n\ndef run_fn(x):\n    return BASE\n",
        "async def waited():\n    return N\n\n\nN = 1\n\n\ndef run_fn(x):\n    import asyncio\n\n"
        "    async def both():\n        return [await waited() for _ in range(2)]\n\n"
        "    return asyncio.run(both())\n",
        "def run_fn(x, text='''a\n  b\n'''):\n    return text\n",
        "if True:\n\n    def run_fn(x):\n        return 1\n",
        "for n in range(2):\n\n    def run_fn(x):\n        return n\n",
        "import functools\n\n\n@functools.lru_cache\ndef cached(x):\n    return [x]\n\n\n"
        "class Meta(type):\n    pass\n\n\nclass Run(metaclass=Meta):\n    def __init__(self):\n"
        "        super().__init__()\n        self.x = cached\n\n\n"
        "def run_fn(x):\n    return Run().x(x)\n",
        "class Layer:\n    def adapt(self, to):\n        self.to = to\n        return self\n\n\n"
        "N = 2\nlayer = Layer()\nlayer.adapt(1).adapt(N)\n\n\n"
        "def run_fn(x):\n    return layer.to\n",
    ],
)
def test_the_copy_does_what_the_original_does(here: Path, text: str):
    names = script(text)
    copy = runpy.run_path(str(module_of(names["run_fn"])))
    assert copy["run_fn"](4) == names["run_fn"](4)


def test_any_name_will_do(here: Path):
    names = script("def training(fn_args):\n    return 1\n\n\nloss = lambda x: x\n")
    assert written(names["training"]).endswith("    return 1\n\n\nrun_fn = training\n")
    assert written(names["loss"]).endswith("loss = lambda x: x\n\n\nrun_fn = loss\n")


def test_functions_within_functions(here: Path):
    names = script(
        """def make(units, words):
    def helper(x):
        return x * units

    def run_fn(fn_args):
        return helper(3), words

    return run_fn


run_fn = make(8, ["a"])
other = [make(9, [])]
"""
    )
    assert written(names["other"][0]) == (
        HEADER
        + """
units = 9
words = []


def helper(x):
    return x * units


def run_fn(fn_args):
    return helper(3), words
"""
    )


def test_text_within_a_function_within_a_function_keeps_its_margin(here: Path):
    names = script(
        "def make():\n    def run_fn(x):\n        return '''a\n  b\n            c'''\n\n"
        "    return run_fn\n\n\nfunctions = [make()]\n"
    )
    function = names["functions"][0]
    module = module_of(function)
    assert runpy.run_path(str(module))["run_fn"](1) == function(1)
    origin = Origin.of(module)
    assert origin is not None
    line = module.read_text().split("\n").index("    def run_fn(x):") + 1
    assert origin.place(line) == ("script.py", 2)


def test_decorated_by_wraps(here: Path):
    names = script(
        """import functools


def twice(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args) * 2

    return wrapper


@twice
def run_fn(fn_args):
    return fn_args
"""
    )
    assert runpy.run_path(str(module_of(names["run_fn"])))["run_fn"](2) == 4


def test_an_edit_elsewhere_makes_no_other_module(here: Path):
    text = "N = 1\n\n\ndef run_fn(fn_args):\n    return N\n"
    first = module_of(script(text)["run_fn"])
    time = first.stat().st_mtime_ns
    second = module_of(script("import os\n\nM = 2\n" + text)["run_fn"])
    assert (second, second.stat().st_mtime_ns) == (first, time)
    third = module_of(script(text.replace("1", "2"))["run_fn"])
    assert third.parent.parent == first.parent.parent == Path("artifacts/p/_modules")
    assert third.name == first.name == "run_fn_of_script.py"
    assert third != first


def test_files_that_it_imports_go_along(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [str(here), *sys.path])
    (here / "parts").mkdir()
    (here / "parts" / "__init__.py").write_text("")
    (here / "parts" / "sizes.py").write_text("from . import names\n\nSIZE = names.N\n")
    (here / "parts" / "names.py").write_text("N = 3\n")
    (here / "parts" / "other.py").write_text("N = 4\n")
    (here / "features_a.py").write_text("def scale(x):\n    from parts.sizes import SIZE\n")
    (here / "unrelated.py").write_text("raise ValueError\n")
    text = "import features_a\n\n\ndef run_fn(fn_args):\n    return features_a.scale(1)\n"
    module = module_of(script(text)["run_fn"])
    files = {p.relative_to(module.parent).as_posix() for p in module.parent.rglob("*.py")}
    assert files == {
        "run_fn_of_script.py",
        "features_a.py",
        "parts/__init__.py",
        "parts/names.py",
        "parts/sizes.py",
    }
    (here / "unrelated.py").write_text("")
    (here / "parts" / "other.py").write_text("")
    assert module_of(script(text)["run_fn"]) == module
    (here / "parts" / "names.py").write_text("N = 5\n")
    assert module_of(script(text)["run_fn"]) != module


def test_a_function_of_a_package(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [str(here), *sys.path])
    (here / "kit_a").mkdir()
    (here / "kit_a" / "__init__.py").write_text("")
    (here / "kit_a" / "sizes.py").write_text("SIZE = 1\n")
    (here / "kit_a" / "model.py").write_text(
        "from . import sizes\n\n\ndef run_fn(fn_args):\n"
        "    from .sizes import (\n        SIZE,\n    )\n\n    return sizes.SIZE + SIZE\n"
    )
    import kit_a.model

    module = module_of(kit_a.model.run_fn)
    assert module.read_text() == (
        "# Taken by fluentml from model.py: edit it there.\n\n"
        "from kit_a import sizes\n\n\ndef run_fn(fn_args):\n"
        "    from kit_a.sizes import (\n        SIZE,\n    )\n\n    return sizes.SIZE + SIZE\n"
    )
    assert (module.parent / "kit_a" / "sizes.py").is_file()
    assert not (module.parent / "kit_a" / "model.py").exists()


def test_origin(here: Path):
    names = script("import os\n\nM = 1\nN = 2\n\n\ndef run_fn(fn_args):\n    return N\n")
    module = module_of(names["run_fn"])
    origin = Origin.of(module)
    assert origin is not None
    lines = module.read_text().split("\n")
    assert origin.place(lines.index("N = 2") + 1) == ("script.py", 4)
    assert origin.place(lines.index("    return N") + 1) == ("script.py", 8)
    assert origin.place(1) is None


# -- what cannot be taken --------------------------------------------------------------------------


def test_a_live_object(here: Path):
    assert refused(
        "import io\n\nwith io.StringIO() as model:\n    pass\n\n\ndef loss():\n"
        "    return model.read()\n\n\ndef run_fn(fn_args):\n    return loss()\n"
    ) == (
        "train() cannot write 'run_fn' into a module: it uses 'model', a StringIO that only this "
        "process has.\n"
        "  bound at script.py:3: with io.StringIO() as model:\n"
        "  used at script.py:8: return model.read()\n"
        f"{HINT}"
    )


def test_a_closure_over_a_live_object(here: Path):
    names = script(
        "def make():\n    model = object()\n\n    def run_fn(fn_args):\n        return model\n\n"
        "    return run_fn\n\n\nfunctions = [make()]\n"
    )
    assert message_of(DefinitionError, module_of, names["functions"][0]) == (
        "train() cannot write 'run_fn' into a module: it uses 'model', an object that only this "
        "process has.\n"
        "  bound at script.py:2: model = object()\n"
        "  used at script.py:5: return model\n"
        f"{HINT}"
    )


def test_a_name_that_stands_for_two_things(here: Path):
    names = script(
        "def scaled(x):\n    return x * units\n\n\nunits = 2\n\n\ndef make(units):\n"
        "    def helper(x):\n        return x + units\n\n"
        "    def run_fn(fn_args):\n        return scaled(1)\n\n"
        "    def other(fn_args):\n        return scaled(1) + helper(1) + units\n\n"
        "    return run_fn, other\n\n\nfunctions = make(3)\n"
    )
    assert "units = 2" in written(names["functions"][0])
    assert message_of(DefinitionError, module_of, names["functions"][1]) == (
        "train() cannot write 'other' into a module: it uses 'units', which stands for two things "
        "here.\n"
        "  used at script.py:2: return x * units\n"
        f"{HINT}"
    )


def test_an_unknown_name(here: Path):
    assert refused("UNITS = 1\n\n\ndef run_fn(fn_args):\n    return UNIT\n") == (
        "train() cannot write 'run_fn' into a module: it uses 'UNIT', which nothing in script.py "
        "defines.\n"
        "  used at script.py:5: return UNIT\n"
        "Hint: did you mean 'UNITS'?"
    )


def test_the_pipeline_itself(here: Path):
    text = "import fluentml as fml\n\nP = fml.PipelineDef('p')\n\n\ndef run_fn(x):\n    return P\n"
    assert refused(text) == (
        "train() cannot write 'run_fn' into a module: it uses 'P', the pipeline itself.\n"
        "  used at script.py:7: return P\n"
        f"{HINT}"
    )


def test_a_changed_object(here: Path):
    assert refused(
        "class Layer:\n    def adapt(self):\n        pass\n\n\nlayer = Layer()\n"
        "for _ in range(2):\n    layer.adapt()\n\n\n"
        "def run_fn(fn_args):\n    return layer\n"
    ) == (
        "train() cannot write 'run_fn' into a module: it uses 'layer', a Layer that only this "
        "process has.\n"
        "  changed at script.py:7: for _ in range(2):\n"
        "  used at script.py:12: return layer\n"
        f"{HINT}"
    )


def test_a_lambda_of_no_name(here: Path):
    names = script("functions = [lambda fn_args: 1]\n")
    assert message_of(DefinitionError, module_of, names["functions"][0]) == (
        "train() cannot write '<lambda>' into a module: no def of script.py defines it.\n"
        "  defined at script.py:1\n"
        "Hint: define it by def; a decorator keeps a function's name by functools.wraps."
    )


def test_no_function(here: Path):
    assert message_of(DefinitionError, module_of, functools.partial(len, [])) == (
        "train() takes a Python file, an import path or a function, not "
        "functools.partial(<built-in function len>, []).\n"
        "Hint: define a function; what it should know besides goes into custom_config=."
    )


def test_no_source(here: Path):
    names: dict = {"__name__": "made"}
    exec("def run_fn(fn_args):\n    pass\n", names)
    assert message_of(DefinitionError, module_of, names["run_fn"]) == (
        "train() cannot write 'run_fn' into a module: its source is not available, '<string>' "
        "cannot be read.\n"
        "Hint: define it in a file or in a cell of its own."
    )


def test_wrong_parameters(here: Path):
    (here / "data").mkdir()
    (here / "data" / "rows.csv").write_text("a\n1\n")
    names = script("N = 1\n\n\ndef training(fn_args, steps):\n    return 1\n")
    chain = fml.PipelineDef("p").from_csv("data").train(names["training"])
    assert problems_of(chain) == [
        "train() calls run_fn(fn_args), and script.py defines training(fn_args, steps).\n"
        "  script.py:4\n"
        "Hint: write def training(fn_args); further parameters need defaults."
    ]


def test_a_module_that_is_gone(here: Path):
    (here / "data").mkdir()
    (here / "data" / "rows.csv").write_text("a\n1\n")
    chain = fml.PipelineDef("p").from_csv("data").train(script(RUN_FN)["run_fn"])
    assert problems_of(chain) == []
    module = Path(chain.components[-1].module)
    module.unlink()
    assert problems_of(chain) == [
        f"train() calls a function that fluentml wrote into {str(module)!r}, and that file is "
        "gone.\n"
        "Hint: make the chain again: that writes it again."
    ]


def test_a_remote_root(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    chain = fml.PipelineDef("p", root="gs://bucket").train(script(RUN_FN)["run_fn"])
    module = Path(chain.components[-1].module)
    assert module.parents[1] == here / "cache/fluentml/p/_modules"
    assert module.is_file()


@pytest.mark.parametrize(
    ("verb", "name"),
    [("preprocess", "preprocessing_fn"), ("tune", "tuner_fn"), ("curate_schema", "schema_fn")],
)
def test_every_verb_that_calls_a_function(here: Path, verb: str, name: str):
    function = script("def mine(x):\n    return x\n")["mine"]
    assert written(function, verb).endswith(f"    return x\n\n\n{name} = mine\n")


def test_two_functions_of_one_step(here: Path):
    names = script(
        "N = 1\n\n\ndef options(stats_type, stats_options):\n    return N\n\n\n"
        "def unused(): ...\n\n\ndef preprocessing_fn(inputs):\n    return N\n"
    )
    chain = fml.PipelineDef("p").preprocess(
        names["preprocessing_fn"], stats_options_updater_fn=names["options"]
    )
    assert Path(chain.components[-1].module).read_text() == (
        HEADER + "\nN = 1\n\n\ndef options(stats_type, stats_options):\n    return N\n\n\n"
        "def preprocessing_fn(inputs):\n    return N\n\n\nstats_options_updater_fn = options\n"
    )
    assert message_of(
        DefinitionError,
        fml.PipelineDef("p").preprocess,
        "m.py",
        stats_options_updater_fn=names["options"],
    ) == (
        "preprocess() takes stats_options_updater_fn= as a function where the first one is a "
        "function too.\n"
        "Hint: define it in the module file, where TFX finds it by that name."
    )
    other = script("def options(stats_type, stats_options): ...\n", "other.py")["options"]
    assert message_of(
        DefinitionError,
        fml.PipelineDef("p").preprocess,
        names["preprocessing_fn"],
        stats_options_updater_fn=other,
    ) == (
        "preprocess() takes 'preprocessing_fn' and 'options' from two files.\n"
        "Hint: define both in one, or name a module file that imports both."
    )


def test_classes(here: Path):
    names = script(
        "BASE = 2\n\n\nclass Sums:\n    least = BASE\n\n    def result(self):\n"
        "        return self.least\n\n\nclass Gain(Sums):\n    def total(self):\n"
        "        return self.result() + 1\n\n\ndef made():\n    class Inner:\n"
        "        def result(self):\n            return 1\n\n    return Inner\n"
    )
    wanted = {"folder": "modules", "verb": "evaluate_model()", "also": "TOTAL = Gain().total()"}
    module = captured_together({"Gain": names["Gain"], "Lowest": names["Sums"]}, **wanted)
    assert Path(module).name == "Gain_of_script.py"
    assert runpy.run_path(module)["TOTAL"] == 3
    assert runpy.run_path(module)["Lowest"]().result() == 2
    assert message_of(DefinitionError, captured_together, {"I": names["made"]()}, **wanted) == (
        "evaluate_model() cannot write 'Inner' into a module: no class at the top level of "
        "script.py is it.\n"
        "Hint: define it there, and not within a function."
    )


def test_a_folder_that_cannot_be_written(here: Path):
    names = script(RUN_FN)
    (here / "artifacts").write_text("")
    assert message_of(DefinitionError, module_of, names["run_fn"]) == (
        "train() cannot write 'run_fn' as a module to 'artifacts/p/_modules': Not a directory.\n"
        "Hint: choose another root: PipelineDef(…, root=…)."
    )
