"""The command that all others hang on, and what they share."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

import fluentml
from fluentml.errors import DefinitionError

app = typer.Typer(
    name="fluentml",
    help="Build, check and run TensorFlow Extended pipelines written as one chain of calls.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE|MODULE:OBJECT",
        help="A Python file that builds `pipeline`, or where to import one from.",
        show_default=False,
    ),
]
Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="A runtime parameter's value; may be given several times.",
    ),
]
To = Annotated[str, typer.Option("--target", "-t", metavar="NAME", help="vertex or kubeflow.")]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-O",
        metavar="NAME=VALUE",
        help="One of the target's own, such as image; may be given several times.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show TensorFlow's and Beam's log as it comes.")
]


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"fluentml {fluentml.__version__}")
        raise typer.Exit


def load(target: str, params: list[str] | None = None) -> Any:
    from fluentml import loading

    pipeline = loading.load(target)
    return pipeline.with_params(pairs("--param", params)) if params else pipeline


def pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts or []]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise DefinitionError(
                f"{option} got {name!r}, which gives no value.",
                hint=f"write {option} NAME=VALUE.",
            )
    return {name: value for name, _, value in pairs}


def json_object(option: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise DefinitionError(
            f"{option} got {text!r}, which is no JSON object.",
            hint=f"""write {option} '{{"name": 1}}'.""",
        )
    return value


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))
