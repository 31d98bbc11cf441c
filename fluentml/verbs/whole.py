"""What holds for the whole pipeline."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Self

from fluentml.engine import Beam
from fluentml.errors import DefinitionError
from fluentml.placement import Placement
from fluentml.sources import PathLike
from fluentml.spec import FrozenDict
from fluentml.verbs._base import Chain
from fluentml.words import in_words_of


class Whole(Chain):
    """Verbs that set it."""

    def cache(self, enabled: bool = True) -> Self:
        """Say whether a node of which nothing has changed takes over what it made before.

        Runs here do so unless this says no; other orchestrators do so if this says yes.

        Args:
            enabled: False runs every node every time.
        """
        return self._with("cache", cache=enabled)

    def with_beam_pipeline_args(self, arguments: Sequence[str] | Beam) -> Self:
        """Pass arguments to Apache Beam, in which the data steps run.

        Args:
            arguments: `Beam("DataflowRunner", project=…, region=…)`, or as on a command line:
                `["--runner=DataflowRunner", "--project=…"]`. Without `--runner` it is Beam's
                in-process runner.
        """
        if isinstance(arguments, Beam):
            arguments = arguments.arguments()
        if isinstance(arguments, str):
            raise DefinitionError(
                f"with_beam_pipeline_args() takes a list, not the text {arguments!r}.",
                hint=f"write [{arguments!r}].",
            )
        return self._with("with_beam_pipeline_args", beam_pipeline_args=arguments)

    def with_metadata(self, connection: PathLike | Any = None) -> Self:
        """Keep the metadata somewhere else than in `metadata.db` under the pipeline root.

        Args:
            connection: An SQLite file; the URL of an existing database on a server,
                `"postgresql://user:${DB_PASSWORD}@host/db"`, `mysql://…` or `mariadb://…`; or ML
                Metadata's `ConnectionConfig`. `${NAME}` stands for an environment variable, which
                is read when a run connects; a password is given in no other way. None:
                `metadata.db` again.

        Raises:
            DefinitionError: A password stands in it, or ML Metadata knows no such database.
        """
        is_path = isinstance(connection, str | os.PathLike)
        return self._with(
            "with_metadata", metadata=os.fspath(connection) if is_path else connection
        )

    def on(
        self,
        node: str,
        *,
        cpu: float | None = None,
        memory: str | None = None,
        gpu: str | None = None,
        gpus: int | None = None,
        retries: int | None = None,
        timeout: str | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        beam: Sequence[str] = (),
        pool: str | None = None,
        queue: str | None = None,
    ) -> Self:
        """Say what a node asks of the machine that it runs on; a second call adds to the first.

        `README.md` says what counts where.

        Args:
            node: Id of the node, `"Trainer"`, or the verb that added it, `"train"`.
            cpu: How many CPUs, also a part of one.
            memory: How much, in bytes with a unit: `"32Gi"`.
            gpu: The kind of accelerator, as the cluster calls it: `"nvidia-tesla-t4"`.
            gpus: How many of them; 1 unless given.
            retries: How often to try again after a failure.
            timeout: After how long a try is ended, with a unit: `"90s"`, `"30m"`, `"6h"`, `"2d"`.
            env: Environment variables. They stand in the compiled file: no place for a secret.
            secrets: Environment variables that get a secret of the cluster's, by its name there:
                `{"SLACK_WEBHOOK_URL": "slack-webhook"}`. The name stands in the compiled file.
            beam: Arguments for Apache Beam behind the pipeline's, for this node alone, here too:
                `["--runner=DataflowRunner", "--machine_type=n1-highmem-8"]`.
            pool: Of Airflow's pools, the one whose slots it takes.
            queue: Of Airflow's queues, the one whose workers take it.

        Raises:
            DefinitionError: A value that cannot be.
            WiringError: There is no such node; raised once the chain is looked at as a whole.
        """
        given = {
            "cpu": cpu,
            "memory": memory,
            "gpu": gpu,
            "gpus": gpus,
            "retries": retries,
            "timeout": timeout,
            "pool": pool,
            "queue": queue,
        }
        before = self.settings.on.get(node, Placement())
        changes = {name: value for name, value in given.items() if value is not None}
        with in_words_of("on", given):
            placement = Placement.model_validate(
                {
                    **dict(before),
                    **changes,
                    "env": {**before.env, **(env or {})},
                    "secrets": {**before.secrets, **(secrets or {})},
                    "beam": (*before.beam, *beam),
                }
            )
        if not placement.asked():
            raise DefinitionError(
                f"on({node!r}) asks for nothing.", hint='say what: cpu=8, memory="32Gi".'
            )
        return self._with("on", on=FrozenDict({**self.settings.on, node: placement}))
