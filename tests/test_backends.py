"""Backends by name, with options, and what is said when there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fluentml.backends import Backend, get_backend
from fluentml.backends.local import LocalBackend
from fluentml.errors import BackendError
from fluentml.pipeline import PipelineDef


def test_by_name_and_with_options():
    assert get_backend("local") == LocalBackend()
    assert get_backend("local", quiet=True) == LocalBackend(quiet=True)
    made = LocalBackend(verbose=True)
    assert get_backend(made) == made
    assert get_backend(made, quiet=True) == LocalBackend(quiet=True, verbose=True)


def test_unknown_backend():
    with pytest.raises(BackendError) as error:
        PipelineDef("p").from_csv("data").run("locla")
    assert str(error.value).splitlines() == [
        "There is no backend 'locla'.",
        "The backends: 'airflow', 'beam', 'kubeflow', 'local', 'vertex'.",
        "Hint: did you mean 'local'?",
    ]


def test_unknown_option():
    with pytest.raises(BackendError) as error:
        PipelineDef("p").from_csv("data").run(quite=True)
    assert str(error.value).splitlines() == [
        "LocalBackend does not take quite=True.",
        "Its options: 'quiet', 'verbose', 'fast', 'cache', 'refresh', 'workers', 'on_failure', "
        "'target'.",
        "Hint: did you mean 'quiet'?",
    ]


def test_a_package_outside_can_add_one(tmp_path: Path):
    (tmp_path / "other.py").write_text(
        "from fluentml.backends import Backend\n"
        "class Other(Backend):\n"
        "    def run(self, graph):\n"
        "        print('ran', graph.settings.name)\n"
    )
    info = tmp_path / "other-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: other\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[fluentml.backends]\nother = other:Other\n")
    program = (
        "import fluentml as fml\n"
        "from pathlib import Path\n"
        "Path('data').mkdir(); Path('data/a.csv').write_text('x\\n1\\n')\n"
        "fml.PipelineDef('p').from_csv('data').run('other')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "ran p\n", done.stderr


def test_a_backend_that_cannot_run_says_so():
    with pytest.raises(BackendError, match="The backend Backend cannot run a pipeline"):
        Backend().run(PipelineDef("p").from_csv("data").graph)


def test_without_tfx_a_run_names_the_remedy(tmp_path: Path):
    program = (
        "import sys; sys.modules['tfx'] = None\n"
        "import fluentml as fml\n"
        "from pathlib import Path\n"
        "Path('data').mkdir(); Path('data/a.csv').write_text('x\\n1\\n')\n"
        "try:\n"
        "    fml.PipelineDef('p').from_csv('data').run()\n"
        "except fml.MissingDependencyError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    what, hint = done.stdout.splitlines()
    assert what == "This call needs 'tfx', which is not installed."
    assert hint.startswith("Hint: ")
    assert "fluentml[tfx]" in hint or "use Python 3.1" in hint
    assert not (tmp_path / "artifacts").exists()
