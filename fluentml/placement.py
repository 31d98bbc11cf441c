"""What one node asks of the machine that it runs on."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator
from typing_extensions import Self

from fluentml.spec import FrozenDict, Spec

_BYTES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_BYTES["Ti"] = 2**40
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _with_time_unit(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d*[smhd]", value):
        raise ValueError(f'is {value!r}; write a whole number and a unit: "90s", "30m", "6h"')
    return value


def _names(value: FrozenDict[str, str]) -> FrozenDict[str, str]:
    for name in value:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"has the name {name!r}, which no environment variable has")
    return value


Duration = Annotated[str, AfterValidator(_with_time_unit)]
"""How long, with a unit: `"90s"`, `"30m"`, `"6h"`, `"2d"`."""

Variables = Annotated[FrozenDict[str, str], AfterValidator(_names)]
"""Environment variables."""


def seconds_of(duration: str) -> int:
    """Return a duration in seconds."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


class Placement(Spec):
    """What a node asks for; a backend says which of it counts there.

    Attributes:
        cpu: How many CPUs, also a part of one.
        memory: How much, in bytes with a unit: `"32Gi"`, `"500M"`.
        gpu: The kind of accelerator, as the cluster calls it: `"nvidia-tesla-t4"`.
        gpus: How many of them; 1 unless given.
        retries: How often to try again after a failure.
        timeout: After how long a try is ended, with a unit: `"90s"`, `"30m"`, `"6h"`, `"2d"`.
        env: Environment variables. They stand in the compiled file: no place for a secret.
        secrets: By the name of an environment variable, the secret that it gets: one of Secret
            Manager on Vertex AI, `"slack-webhook"` or `"projects/p/secrets/slack-webhook"`; one of
            Kubernetes on Kubeflow and in pods of Airflow's, `"slack-webhook"` or
            `"slack-webhook/key"`. Where there is no container, the environment has the variable.
        beam: Arguments for Apache Beam, for this node alone; they come behind the pipeline's.
        pool: Of Airflow's pools, the one whose slots it takes.
        queue: Of Airflow's queues, the one whose workers take it.
    """

    cpu: Annotated[float, Field(gt=0)] | None = None
    memory: str | None = None
    gpu: str | None = None
    gpus: Annotated[int, Field(ge=1)] | None = None
    retries: Annotated[int, Field(ge=0)] | None = None
    timeout: Duration | None = None
    env: Variables = FrozenDict()
    secrets: Variables = FrozenDict()
    beam: tuple[str, ...] = ()
    pool: str | None = None
    queue: str | None = None

    @field_validator("memory")
    @classmethod
    def _with_unit(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(rf"\d+(\.\d+)?({'|'.join(_BYTES)})", value):
            raise ValueError(f'is {value!r}; write a number and a unit: "32Gi", "500M"')
        return value

    @field_validator("secrets")
    @classmethod
    def _references(cls, value: FrozenDict[str, str]) -> FrozenDict[str, str]:
        for name, secret in value.items():
            # What is a secret itself is not shown.
            if not re.fullmatch(
                r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", secret
            ):
                raise ValueError(f"gives {name!r} what is no name of a secret")
        return value

    @field_validator("beam")
    @classmethod
    def _arguments(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for argument in value:
            if not argument.startswith("--"):
                raise ValueError(f'has {argument!r}; write "--name=value"')
        return value

    @model_validator(mode="after")
    def _gpus_of_a_kind(self) -> Self:
        if self.gpus and not self.gpu:
            raise ValueError('takes gpus= with the kind, gpu="nvidia-tesla-t4"')
        return self

    @property
    def gigabytes(self) -> float | None:
        """The memory in 10⁹ bytes."""
        if self.memory is None:
            return None
        number = self.memory.rstrip("KMGTi")
        return float(number) * _BYTES[self.memory[len(number) :]] / 1e9

    @property
    def seconds(self) -> int | None:
        """The timeout in seconds."""
        return seconds_of(self.timeout) if self.timeout else None

    def asked(self) -> dict[str, object]:
        """Return what is asked for, by name."""
        return {name: value for name, value in self if value not in (None, FrozenDict(), ())}

    def __str__(self) -> str:
        return ", ".join(f"{name}={_plain(value)}" for name, value in self.asked().items())


def _plain(value: object) -> object:
    if isinstance(value, FrozenDict):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value
