"""Components of a few lines, for chains that an Airflow runs."""

import json
import time
from pathlib import Path

from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    OutputDict,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model


@component
def Make(made: OutputArtifact[Model]) -> OutputDict(number=int):  # noqa: N802
    made.set_int_custom_property("good", 1)
    return {"number": 3}


@component
def Times(number: int, times: Parameter[int], text: Parameter[str]) -> OutputDict(product=str):  # noqa: N802
    print("the product of", number, "and", times)
    return {"product": f"{number * times} {text}"}


@component
def Fussy(made: InputArtifact[Model], fail: Parameter[bool], kept: OutputArtifact[Model]):  # noqa: N802
    if fail:
        raise ValueError(f"{made.type_name}: no such luck")


@component
def After(kept: InputArtifact[Model], last: OutputArtifact[Model]): ...  # noqa: N802


@component
def Never(made: InputArtifact[Model], never: OutputArtifact[Model]): ...  # noqa: N802


@component
def Use(never: InputArtifact[Model]): ...  # noqa: N802


@component
def Linger(half: OutputArtifact[Model], file: Parameter[str]):  # noqa: N802
    """Write half a model, and end once there is a file."""
    (Path(half.uri) / "half").write_text("half")
    while not Path(file).exists():
        time.sleep(0.05)


@component
def Report(final_status: Parameter[str], summary: Parameter[str], file: Parameter[str]):  # noqa: N802
    Path(file).write_text(json.dumps({**json.loads(final_status), "summary": summary}))


def is_bad(made):
    return made.future()[0].custom_property("good") == 0
