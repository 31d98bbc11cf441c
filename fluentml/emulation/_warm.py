"""A process with TFX loaded, of which a task's process is a copy: run as a script, by its path.

It reads tasks from stdin, a line of JSON each, and answers each with its exit code.
"""

import json
import os
import runpy
import sys
import traceback
from collections.abc import Mapping
from typing import Any


def serve() -> None:
    """Run tasks, one after the other, until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What an import prints is no answer.
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor  # noqa: F401
    from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(_run(json.loads(line)))
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _run(task: dict[str, Any]) -> int:
    log = os.open(task["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number in (1, 2):
        os.dup2(log, number)
    # This script's own folder stands first.
    sys.path[:1] = task["environment"]["PYTHONPATH"].split(os.pathsep)
    return as_if_new(task["folder"], task["environment"], *task["arguments"])


def as_if_new(folder: str, environment: Mapping[str, str], module: str, *arguments: str) -> int:
    """Do in this process what `python -m MODULE …` would do in a new one; return its exit code."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    serve()
