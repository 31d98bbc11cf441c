"""Real Airflows, each in the environment that `make airflow` makes for it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port

VENVS = Path(__file__).parents[1] / ".venvs"


TEST = """
import importlib.util, json, os, sys
from airflow import settings
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # the logs of the tasks
settings.initialize()
for number, line in enumerate(sys.stdin):
    asked = json.loads(line)
    spec = importlib.util.spec_from_file_location(f"dag_{number}", asked["file"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    print(module.dag.test(run_conf=asked["conf"]).run_id, file=answers, flush=True)
"""


@dataclass(frozen=True)
class Airflow:
    """An Airflow with a home, a database and a folder of DAG files."""

    version: int
    home: Path
    environment: dict[str, str]

    @property
    def python(self) -> Path:
        return VENVS / f"airflow-{self.version}/bin/python"

    @property
    def dags(self) -> Path:
        return self.home / "dags"

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self.python.with_name("airflow"), *arguments]
        return subprocess.run(
            command,
            env=self.environment,
            cwd=self.home,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    @contextlib.contextmanager
    def scheduling(self) -> Iterator[None]:
        """Run what Airflow 3 needs to run DAGs, until the test is over."""
        with contextlib.ExitStack() as stack:
            # First of all what the tasks report to.
            stack.callback(_end, self._started("api-server", "--apps", "execution"))
            deadline = time.monotonic() + 120
            while not _answers(int(self.environment["AIRFLOW__API__PORT"])):
                log = (self.home / "api-server.log").read_text()
                assert time.monotonic() < deadline, log
                time.sleep(0.2)
            for service in ("scheduler", "dag-processor"):
                stack.callback(_end, self._started(service))
            yield

    @contextlib.contextmanager
    def testing(self) -> Iterator[Tests]:
        """Start a process that runs DAGs as `airflow dags test` does, and loads Airflow once."""
        log = self.home / "tests.log"
        with (
            log.open("w") as stream,
            subprocess.Popen(
                [self.python, "-c", TEST],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            ) as process,
        ):
            yield Tests(self, process, log)
            assert process.stdin is not None
            process.stdin.close()

    def _started(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.home / f"{command[0]}.log").open("w") as log:
            return subprocess.Popen(
                [self.python.with_name("airflow"), *command],
                env=self.environment,
                cwd=self.home,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def runs(self, dag: str) -> dict[str, str]:
        """Return the state of each run of a DAG, in their order."""
        return dict(
            self._ask("SELECT run_id, state FROM dag_run WHERE dag_id = ? ORDER BY id", dag)
        )

    def tasks(self, dag: str, run: str) -> dict[str, str]:
        """Return the state of each task of a run."""
        query = "SELECT task_id, state FROM task_instance WHERE dag_id = ? AND run_id = ?"
        return dict(self._ask(query, dag, run))

    def logs(self, dag: str) -> str:
        """Return what the tasks of a DAG have logged, for whoever wonders why one failed."""
        files = sorted(self.home.glob(f"logs/dag_id={dag}/**/*.log"))
        return "\n".join(f"{file}\n{file.read_text()[-3000:]}" for file in files)

    def _ask(self, query: str, *values: str) -> list[tuple[str, str]]:
        with contextlib.closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.execute(query, values).fetchall()


@dataclass(frozen=True)
class Tests:
    """Runs DAGs of an Airflow, one after the other."""

    of: Airflow
    process: subprocess.Popen[str]
    log: Path

    def test(self, file: Path, conf: Mapping[str, Any]) -> str:
        """Run the DAG of a file to its end; return the id of the run."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps({"file": str(file), "conf": conf}), file=self.process.stdin, flush=True)
        run = self.process.stdout.readline().strip()
        assert run, self.log.read_text()[-5000:]
        return run


def made(version: int, home: Path) -> Airflow:
    """Return an Airflow with an empty database."""
    airflow = _at(version, home)
    shutil.copy(_empty_database(version), home / "airflow.db")
    return airflow


@cache
def _empty_database(version: int) -> Path:
    """Return the file of one, which takes Airflow long to make."""
    airflow = _at(version, Path(tempfile.mkdtemp(prefix="airflow-")))
    atexit.register(shutil.rmtree, airflow.home)
    done = airflow.call("db", "migrate")
    assert done.returncode == 0, done.stdout
    return airflow.home / "airflow.db"


def _at(version: int, home: Path) -> Airflow:
    """Return an Airflow that is told where its home is, and has no database yet."""
    if not (VENVS / f"airflow-{version}/complete").exists():
        pytest.skip(f"no Airflow {version} is here (`make airflow`)")
    port = free_port()
    found = Airflow(
        version,
        home,
        {
            **os.environ,
            "PATH": f"{VENVS}/airflow-{version}/bin:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "of the tests, " * 6,
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor" if version == 2 else "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        },
    )
    found.dags.mkdir()
    return found


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a service and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
