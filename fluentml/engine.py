"""Apache Beam as the engine of the data steps: where they run, and what that needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fluentml.errors import DefinitionError

Option = str | int | float | bool | Sequence[str] | Mapping[str, Any] | None


class Beam:
    """A runner of Beam's with its options, for `with_beam_pipeline_args`.

    `run` and `compile` ask Beam's own parser whether it has such options before anything runs or is
    written, and whether what the runner needs is there; so does `check --target`.

    Args:
        runner: `"DataflowRunner"`, `"FlinkRunner"`, `"SparkRunner"`, `"DaskRunner"`,
            `"PortableRunner"`, `"FnApiRunner"`, or the import path of another.
        **options: Beam's, without the dashes: `flink_master="host:8081"`, `direct_num_workers=2`.
            True is a switch that is set; a list gives the option several times; None gives none.

    Raises:
        DefinitionError: The runner is no name.
    """

    def __init__(self, runner: str, **options: Option) -> None:
        if not re.fullmatch(r"[A-Za-z_][\w.]*", str(runner)):
            raise DefinitionError(
                f"Beam() got the runner {runner!r}.", hint='name one: Beam("FlinkRunner", …).'
            )
        self.runner, self.options = runner, options

    def arguments(self) -> tuple[str, ...]:
        """Return it as arguments of Beam's: `("--runner=FlinkRunner", "--flink_master=…")`."""
        found = [f"--runner={self.runner}"]
        for name, value in self.options.items():
            found += _texts(name, value)
        return tuple(found)

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"Beam({self.runner!r}{given})"


def _texts(name: str, value: Option) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return [f"--{name}"]
    if isinstance(value, Mapping):
        return [f"--{name}={json.dumps(value)}"]
    values = [value] if isinstance(value, str | int | float) else value
    return [f"--{name}={one}" for one in values]
