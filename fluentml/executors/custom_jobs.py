"""Trainer and Tuner in custom jobs of Vertex AI: a step that is interrupted cancels its job."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from absl import logging
from tfx.extensions.google_cloud_ai_platform import training_clients
from tfx.extensions.google_cloud_ai_platform.trainer import executor as trainer
from tfx.extensions.google_cloud_ai_platform.tuner import executor as tuner

_SECONDS = 3
"""How long the service has to take the wish: an interrupted step is killed after 5."""


class _Cancelling:
    """An executor of TFX's whose job ends with it."""

    def Do(self, *given: dict[str, Any]) -> None:  # noqa: N802 (TFX's name)
        """Start the job, and wait for it."""
        with _cancelled():
            super().Do(*given)  # type: ignore[misc]


class Trainer(_Cancelling, trainer.GenericExecutor):
    """TFX's executor, except that its job ends with it."""


class Tuner(_Cancelling, tuner.Executor):
    """TFX's executor, except that its job ends with it."""


@contextlib.contextmanager
def _cancelled() -> Iterator[None]:
    """Cancel what TFX starts on Vertex AI within, if it is interrupted while it waits."""
    stock = training_clients.VertexJobClient

    class Client(stock):  # type: ignore[misc, valid-type]
        def launch_job(self, project: str, training_job: Mapping[str, Any]) -> None:
            super().launch_job(project, training_job)
            started.append(self)

    started: list[Any] = []
    training_clients.VertexJobClient = Client
    try:
        yield
    except KeyboardInterrupt:
        for client in started:
            name = client.get_job_name()
            client._client.cancel_custom_job(name=name, timeout=_SECONDS)
            logging.info("Job %r cancelled.", name)
        raise
    finally:
        training_clients.VertexJobClient = stock
