"""Does Beam have the runner and the options that a pipeline names, and what the runner needs?"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NoReturn

from fluentml.checks._paths import Problems
from fluentml.errors import PipelineError, did_you_mean, listing
from fluentml.graph import Settings

_MASTERS = {
    "FlinkRunner": ("flink_master", "[auto]"),
    "SparkRunner": ("spark_master_url", "local[4]"),
    "PortableRunner": ("job_endpoint", "embed"),
}
"""By runner, the option that says where the workers are, and its value for this machine."""

_NEAR = re.compile(r"\[\w+\]|local(\[.+\])?|embed")


def of_settings(settings: Settings, *, here: bool) -> Problems:
    """What a pipeline, and single nodes of it, ask of Beam can be.

    Args:
        settings: The pipeline's.
        here: Whether jobs are started from this machine, rather than from a cluster.
    """
    for asked in dict.fromkeys(
        [settings.beam_pipeline_args, *(o.beam for o in settings.on.values())]
    ):
        yield from problems(asked, here=here)


def problems(arguments: Sequence[str], *, here: bool) -> Problems:
    """Beam has the options, and the runner has what it needs.

    Args:
        arguments: Beam's.
        here: Whether the job is started from this machine, rather than from a cluster.
    """
    yield from options(arguments)
    yield from needs(arguments, here=here)


def options(arguments: Sequence[str]) -> Problems:
    """Every argument is one of Beam's, with a value that it takes; where Beam is installed."""
    if not arguments or not importlib.util.find_spec("apache_beam"):
        return
    parser = _parser()
    try:
        known, others = parser.parse_known_args([*arguments])
    except _WrongValueError as error:
        yield PipelineError(
            f"Beam does not take {error}.", hint="give the option a value that it takes."
        )
        return
    names = [name for name in parser._option_string_actions if name.startswith("--")]
    for argument in others:
        name = argument.partition("=")[0]
        yield PipelineError(
            f"Beam has no option {argument!r}.",
            hint=did_you_mean(name, names)
            or "see apache_beam.options.pipeline_options for those that it has.",
        )
    yield from _runner(known.runner)


def needs(arguments: Sequence[str], *, here: bool) -> Problems:
    """The runner has what it cannot do without."""
    given = dict(_given(arguments))
    short = given.get("runner", "").rpartition(".")[2]
    for name, why in _missing(short, given):
        yield PipelineError(
            f"{short} needs {name}: {why}.", hint=f'write Beam("{short}", {name}=…).'
        )
    if here and short in ("FlinkRunner", "SparkRunner"):
        yield from _java(short, given)
    if here and short == "DaskRunner" and not importlib.util.find_spec("distributed"):
        yield PipelineError(
            "DaskRunner needs the package 'distributed', which is not installed.",
            hint="pip install 'apache-beam[dask]'.",
        )


def _missing(short: str, given: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the options that a runner lacks, and why it needs each."""
    if short == "DataflowRunner":
        for name, why in (("project", "it pays"), ("region", "the machines are there")):
            if name not in given:
                yield name, why
        if not given.keys() & {"temp_location", "staging_location"}:
            yield "temp_location", "it stages the job in Cloud Storage"
    if short == "PortableRunner" and "job_endpoint" not in given:
        yield "job_endpoint", "it is the address of the job server, or 'embed'"
    if short == "PrismRunner" and "prism_location" not in given:
        yield "prism_location", "Beam would download the program otherwise"
    if short in _MASTERS and "environment_type" not in given:
        option, near = _MASTERS[short]
        if given.get(option, near) != near and not _NEAR.fullmatch(given[option]):
            yield (
                "environment_type",
                "the workers are elsewhere, and Beam's own container, the default there, has no "
                "TFX; with 'DOCKER', environment_config= is an image that has",
            )
    if "spark_submit_uber_jar" in given and "spark_rest_url" not in given:
        yield "spark_rest_url", "the jar is submitted there"


def _java(short: str, given: dict[str, str]) -> Problems:
    kind = short.removesuffix("Runner").lower()
    if f"{kind}_submit_uber_jar" in given or "job_endpoint" in given:
        return
    if not shutil.which(given.get("job_server_java_launcher", "java")):
        yield PipelineError(
            f"{short} starts a job server, which needs Java, and there is none on the PATH.",
            hint=f'install Java, or name a job server that runs: Beam("{short}", job_endpoint=…).',
        )


def _runner(name: str | None) -> Problems:
    from apache_beam.options.pipeline_options import StandardOptions

    known = [*StandardOptions.KNOWN_RUNNER_NAMES, "DaskRunner"]
    lower = {one.lower() for one in known}
    if not name or "." in name or {name.lower(), f"{name}runner".lower()} & lower:
        return
    yield PipelineError(
        f"Beam has no runner {name!r}.",
        f"Its runners: {listing(known)}.",
        hint=did_you_mean(name, known) or "take one of these, or the import path of another.",
    )


class _WrongValueError(Exception):
    """An option of Beam's with a value that it does not take."""


@cache
def _parser() -> Any:
    """Return the parser of all of Beam's options, as Beam makes it of what is loaded."""
    from apache_beam.options import pipeline_options

    class Parser(pipeline_options._BeamArgumentParser):  # type: ignore[misc]
        def error(self, message: str) -> NoReturn:
            raise _WrongValueError(message.removeprefix("argument "))

    if importlib.util.find_spec("distributed"):
        importlib.import_module("apache_beam.runners.dask.dask_runner")
    parser = Parser(add_help=False, allow_abbrev=False)
    kinds = pipeline_options.PipelineOptions.__subclasses__()
    # Of classes of one name, the last; as in Beam.
    for kind in {str(one): one for one in kinds}.values():
        kind._add_argparse_args(parser)
    return parser


def _given(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield options with their values, which stand behind `=` or in the next argument."""
    for argument, following in zip(arguments, [*arguments, "--"][1:], strict=True):
        name, equals, value = argument.partition("=")
        if name.startswith("--"):
            yield name[2:], value if equals or following.startswith("--") else following
