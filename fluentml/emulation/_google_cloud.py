"""What steps ask of Google Cloud, done here: custom jobs run, and models are put nowhere.

`python -m fluentml.emulation._google_cloud TOLD MODULE ARGUMENT…` runs a module, as its container
would, whose executor starts a job and waits for it, each machine of which is a process; or whose
executor pushes a model to an endpoint or to BigQuery ML, which gets no further than its bucket.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from absl import logging
from google.cloud.aiplatform_v1.types import CustomJob, JobState
from tfx.extensions.google_cloud_ai_platform import prediction_clients, training_clients
from tfx.extensions.google_cloud_ai_platform.tuner import executor as tuner
from tfx.extensions.google_cloud_big_query.pusher import executor as bigquery_pusher

from fluentml.emulation._image import Image
from fluentml.emulation._warm import as_if_new

_SECONDS_BETWEEN_LOOKS = 0.2


class JobsHere(training_clients.VertexJobClient):  # type: ignore[misc]
    """What TFX asks Vertex AI by, and what runs jobs in its place.

    Attributes:
        TOLD: What the task is told: the folder of its `image`, and the variables of its own
            container, `own`, which a job does not get.
    """

    TOLD: Mapping[str, Any] = {}

    def create_client(self) -> None:
        """Connect to nothing."""

    def launch_job(self, project: str, training_job: Mapping[str, Any]) -> None:
        """Run a job to its end; one that fails ends this process, whose log then ends with why."""
        job = CustomJob(training_job)  # It reads what the service would read, and refuses the rest.
        self._job_name = f"projects/{project}/locations/{self._region}/customJobs/here"
        code = _run(job, Image(self.TOLD["image"]), self.TOLD["own"])
        if code:
            sys.exit(code)

    def get_job(self) -> CustomJob:
        """Return the job, which has ended well."""
        return CustomJob(name=self._job_name, state=JobState.JOB_STATE_SUCCEEDED)


class EndpointsHere(prediction_clients.VertexPredictionClient):  # type: ignore[misc]
    """What TFX deploys to Vertex AI by; nobody is asked, and no endpoint is made."""

    def deploy_model(
        self,
        *,
        model_version_name: str,
        ai_platform_serving_args: Mapping[str, Any],
        endpoint_region: str,
        **_: Any,
    ) -> str:
        """Return the name that the model would have."""
        logging.info("Nothing is deployed: %s", ai_platform_serving_args)
        project = ai_platform_serving_args["project_id"]
        return f"projects/{project}/locations/{endpoint_region}/models/{model_version_name}"


class QueriesHere:
    """What TFX asks BigQuery ML by; nobody is asked."""

    def __init__(self, **_: Any) -> None:
        pass

    def query(self, text: str) -> QueriesHere:
        """Return what waits for the answer."""
        logging.info("Not asked: %s", text)
        return self

    def result(self) -> None:
        """Wait for nothing."""


def _run(job: CustomJob, image: Image, own: Sequence[str]) -> int:
    """Run the machines of a job until the first ends, or any fails; return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        processes = []
        for number, (container, cluster) in enumerate(_machines(job)):
            tmp = Path(folder, str(number))
            tmp.mkdir()
            words = [*container.command, *container.args]
            variables = {**_variables(container, image, own), "CLUSTER_SPEC": cluster}
            process = multiprocessing.get_context("fork").Process(
                target=_machine, args=(words, variables, str(tmp))
            )
            process.start()
            processes.append(process)
        try:
            while processes[0].exitcode is None and not any(one.exitcode for one in processes):
                time.sleep(_SECONDS_BETWEEN_LOOKS)
            return next((one.exitcode for one in processes if one.exitcode), 0)
        finally:
            for process in processes:
                if process.pid and process.is_alive():
                    os.killpg(process.pid, signal.SIGKILL)
                    process.join()


def _variables(container: Any, image: Image, own: Sequence[str]) -> dict[str, str]:
    """Return the environment variables of a job's container, without those of the task's own."""
    env = {one.name: one.value for one in container.env}
    found = image.environment({"env": [{"name": n, "value": value} for n, value in env.items()]})
    return {name: value for name, value in found.items() if name in env or name not in own}


def _machines(job: CustomJob) -> Iterator[tuple[Any, str]]:
    """Yield the container of each machine, and what Vertex AI tells it of the others."""
    pools = job.job_spec.worker_pool_specs
    machines = [
        (pool, index) for pool, one in enumerate(pools) for index in range(one.replica_count)
    ]
    names = (
        [f"workerpool{number}" for number in range(len(pools))] if len(machines) > 1 else ["chief"]
    )
    cluster: dict[str, list[str]] = {name: [] for name in names}
    for pool, _ in machines:
        cluster[names[pool]].append(f"127.0.0.1:{_free_port()}")
    for pool, index in machines:
        task = {"type": names[pool], "index": index}
        told = {"cluster": cluster, "environment": "cloud", "task": task}
        yield pools[pool].container_spec, json.dumps(told)


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _machine(words: Sequence[str], variables: Mapping[str, str], tmp: str) -> None:
    os.setpgrp()  # It may have processes of its own, which end with it.
    sys.path[:0] = variables["PYTHONPATH"].split(os.pathsep)
    # A machine of Vertex AI starts empty, and this one has what earlier searches left there.
    tuner._WORKING_DIRECTORY = tmp
    sys.exit(as_if_new(str(Path.cwd()), variables, *words[2:]))


def main(told: str, module: str) -> None:
    """Run a module that asks Google Cloud nothing."""
    JobsHere.TOLD = json.loads(told)
    training_clients.VertexJobClient = JobsHere
    prediction_clients.VertexPredictionClient = EndpointsHere
    bigquery_pusher.bigquery.Client = QueriesHere
    bigquery_pusher._GCS_PREFIX = ""  # A folder stands for the bucket.
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
