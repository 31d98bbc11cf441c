"""BulkInferrer: predictions for a whole data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import field_validator, model_validator
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.components._own_data import OwnData
from fluentml.errors import DefinitionError
from fluentml.spec import Input, PathText, Proto, absolute, proto_of

SUFFIXES = (".parquet", ".csv")


class BulkInferrer(OwnData):
    """Predict for every example of a data set, once the model is blessed.

    Attributes:
        data_spec: TFX's `bulk_inferrer_pb2.DataSpec`. Default: every split.
        model_spec: TFX's `bulk_inferrer_pb2.ModelSpec`. Default: the signature `serving_default`.
        output_example_spec: TFX's `bulk_inferrer_pb2.OutputExampleSpec`: write tf.Examples with
            the predictions as features instead of prediction logs.
        write_to: A Parquet or CSV file for the table of the predictions, beside TFX's own format.
    """

    VERB: ClassVar[str] = "bulk_infer"
    LOWERED_TO: ClassVar[str] = "an ExampleGen, BulkInferrer; ours with `write_to`"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "examples": Input(type="Examples"),
        "model": Input(type="Model", sources=_sources.MODEL),
        "model_blessing": Input(
            type="ModelBlessing", sources=_sources.MODEL_BLESSING, optional=True, about="model"
        ),
    }

    data_spec: Annotated[Proto | None, proto_of("tfx.components.bulkinferrer.DataSpec")] = None
    model_spec: Annotated[Proto | None, proto_of("tfx.components.bulkinferrer.ModelSpec")] = None
    output_example_spec: Annotated[
        Proto | None, proto_of("tfx.components.bulkinferrer.OutputExampleSpec")
    ] = None
    write_to: PathText | None = None

    @field_validator("write_to")
    @classmethod
    def _a_known_format(cls, value: str | None) -> str | None:
        if value is None or value.endswith(SUFFIXES):
            return value
        raise DefinitionError(
            f"bulk_infer() writes Parquet or CSV, and cannot tell which by write_to={value!r}.",
            hint='let the name of the file end in .parquet or .csv: "predictions.parquet".',
        )

    @model_validator(mode="after")
    def _some_data(self) -> Self:
        if (self.examples is None) == ("examples" not in self.inputs):
            raise DefinitionError(
                "bulk_infer() needs one data set to predict for.",
                hint='name it: bulk_infer(fluentml.from_csv("to_predict/")), '
                'or a channel of the chain: bulk_infer(inputs={"examples": "…"}).',
            )
        return self

    def provides(self) -> Mapping[str, str]:
        """Return `output_examples` where they are asked for, else `inference_result`."""
        if self.output_example_spec:
            return {"output_examples": "Examples"}
        return {"inference_result": "InferenceResult"}

    def writes_outside(self) -> tuple[str, ...]:
        """Return the file of the table."""
        return (absolute(self.write_to),) if self.write_to else ()

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's BulkInferrer; only with `write_to` the one that also writes a table."""
        specs = ("data_spec", "model_spec", "output_example_spec")
        given = {name: (proto := getattr(self, name)) and proto.message() for name in specs}
        if self.write_to:
            from fluentml.executors.bulk_inferrer import BulkInferrer as TableWriter

            return TableWriter(**inputs, **given, write_to=absolute(self.write_to))
        from tfx.components.bulk_inferrer import component

        return component.BulkInferrer(**inputs, **given)
