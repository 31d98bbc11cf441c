"""The taxi chain once more, with nothing changed: others look at which run was the last."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run

pytestmark = [pytest.mark.tfx, pytest.mark.last]


def test_the_taxi_chain_again_without_tensorflow(
    first_run: Run, second_run: Run, run_folder: Path, taxi_rows: Path, unlabelled_rows: Path
):
    program = """
        import json, sys
        from pathlib import Path
        from tests.conftest import taxi_chain
        rows, unlabelled, folder = map(Path, sys.argv[1:])
        result = taxi_chain(rows, unlabelled, folder, train_steps=200, gain=-0.05).run(quiet=True)
        heavy = [name for name in ("tensorflow", "apache_beam", "pandas") if name in sys.modules]
        from fluentml.local import workers
        heavy += ["a server"] if workers.has_server() else []
        print(json.dumps([heavy, result.to_dict(), result.summary()]))
    """
    paths = map(str, (taxi_rows, unlabelled_rows, run_folder))
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(map(str.strip, program.splitlines())), *paths],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy, result, summary = json.loads(done.stdout)
    assert heavy == []
    # The first model is the latest blessed one, and its own baseline: that asks nothing new.
    assert {node["state"] for node in result["nodes"] if "resolver" not in node["id"]} == {
        "cached",
        "skipped",
    }
    assert summary == first_run.result.summary()
    first = json.loads(json.dumps(first_run.result.to_dict()))
    for part in ("metrics", "trials", "infra_validations", "pushed_model", "blessed"):
        assert result[part] == first[part]
