"""The features that a `preprocessing_fn` makes of rows, without a pipeline."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fluentml.components import Transform
from fluentml.errors import DefinitionError, FluentmlError, did_you_mean, listing
from fluentml.graph import Graph, Node
from fluentml.pipeline import PipelineDef
from fluentml.spec import import_needed, thaw
from fluentml.testing import _rows, _schemas
from fluentml.testing._code import Code

FUNCTION = Transform.FUNCTION
FEATURES = ("int64", "float32", "string")
"""What a feature may hold."""


def run_preprocessing(fn: Any, rows: Any, schema: Any = None) -> Any:
    """Return the features that `preprocessing_fn` makes of these rows.

    They are those of a pipeline's Transform over the same rows: the same types, the same columns
    dense or sparse, the same analyzers, which see these rows only. A column without a value
    somewhere arrives as a SparseTensor.

    Args:
        fn: `preprocessing_fn(inputs)`; or its module file or import path; or a pipeline, whose
            preprocess() is run, also where it declares features.
        rows: A list of dicts, a dict of columns, a pandas DataFrame or a pyarrow Table, with None
            where a value is missing and a list where there are several.
        schema: A `schema.pbtxt`, its folder, or a `schema_pb2.Schema`. Default: the pipeline's
            imported or curated one, else the one that a pipeline would infer of the rows.

    Returns:
        A pandas DataFrame: a row for each row, a column for each feature. A feature of shape
        [batch] or [batch, 1] is a column of numbers or text, any other one of lists.

    Raises:
        DefinitionError: The function fails, or returns what are no features; the rows do not fit.
        MissingDependencyError: TFX is not installed.
    """
    import_needed("tfx")
    table = _rows.to_table(rows)
    step = _step(fn)
    from fluentml.testing import _tft

    function = _Watched(step.code)
    with function.shown():
        found = _schemas.find(schema, step.graph, step.node, table)
        examples = _tft.to_examples(_schemas.fitted(table, found).to_pylist())
        outputs = _tft.transform(function, examples, found)
    return import_needed("pandas").DataFrame(_tft.to_columns(outputs))


class _Step(NamedTuple):
    """What is tested: the function, and its place in a pipeline if it has one."""

    code: Code
    graph: Graph | None = None
    node: Node | None = None


def _step(fn: Any) -> _Step:
    if isinstance(fn, PipelineDef):
        return _step_of(fn.graph)
    if callable(fn) or isinstance(fn, str | os.PathLike):
        return _Step(Code(fn, FUNCTION, {}))
    raise DefinitionError(
        f"{_rows.VERB} takes a function or a pipeline first, not {fn!r}.",
        hint="write run_preprocessing(preprocessing_fn, rows).",
    )


def _step_of(graph: Graph) -> _Step:
    nodes = [node for node in graph.nodes if isinstance(node.component, Transform)]
    chosen = [node for node in nodes if node.component.is_primary] or nodes
    if len(chosen) != 1:
        raise DefinitionError(
            f"{_rows.VERB} takes a pipeline with one {Transform.VERB}().",
            f"Pipeline {graph.settings.name!r} has: {listing([n.id for n in nodes], 'none')}.",
            hint="pass the function itself.",
        )
    (node,) = chosen
    step = node.component
    assert isinstance(step, Transform)
    return _Step(Code(step.module, FUNCTION, thaw(step.custom_config) or {}), graph, node)


class _Watched:
    """The function, with a look at what goes in and at what comes out."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.name = f"{code.name}(inputs)"
        self.function: Callable[[Any], Any] | None = None
        self.inputs: dict[str, Any] = {}
        self.returned = False

    def __call__(self, inputs: dict[str, Any]) -> Any:
        self.inputs = dict(inputs)
        assert self.function is not None
        outputs = self.function(inputs)
        if not isinstance(outputs, dict) or not outputs:
            raise DefinitionError(
                f"{self.name} returned {'nothing' if outputs is None else repr(outputs)}.",
                hint='end it with a dict of features: return {"fare_xf": …}.',
            )
        for feature, tensor in outputs.items():
            _check(self.name, feature, tensor)
        self.returned = True
        return outputs

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Load the function, and raise what goes wrong in it with the user's own lines."""
        try:
            with self.code.beside_its_files():
                self.function = self.code.bound()
                yield
        except FluentmlError:
            raise
        except Exception as error:
            from fluentml.local.failure import summary, user_frames

            frames = user_frames(error, [self.code.file] if self.code.file else [])
            raise DefinitionError(
                f"{self.name} failed: {summary(error)}",
                *(map(str, frames) if frames else self.code.place),
                hint=self._hint(error, frames[-1].code if frames else ""),
            ) from error

    def _hint(self, error: Exception, line: str) -> str:
        if self.function is None:
            return "mend the module: it fails before the function is called."
        if self.returned:
            return "an operation cannot take a value of these rows, although it can take its type."
        missing = error.args[0] if isinstance(error, KeyError) and error.args else None
        if isinstance(missing, str) and missing not in self.inputs:
            return did_you_mean(missing, self.inputs) or f"the columns are {listing(self.inputs)}."
        for name, column in self.inputs.items():
            if type(column).__name__ == "SparseTensor" and repr(name) in line.replace('"', "'"):
                return (
                    f"{name!r} may miss values, and so is sparse: "
                    f"fluentml.training.fill_missing(inputs[{name!r}]) is dense."
                )
        return (
            "it is called once, on tensors that stand for all rows and have no values yet: "
            "compute with functions of tf and tft."
        )


def _check(name: str, feature: str, tensor: Any) -> None:
    dtype = getattr(getattr(tensor, "dtype", None), "name", None)
    if dtype is None or not hasattr(tensor, "shape"):
        raise DefinitionError(
            f"{name} returns {feature!r} as {tensor!r}, which is no tensor.",
            hint="compute it from the inputs, by functions of tf and tft.",
        )
    if tensor.shape.rank == 0:
        raise DefinitionError(
            f"{name} returns {feature!r} as one number for all rows.",
            hint=f"give every row its own: inputs[…] - {feature}, for instance.",
        )
    if dtype not in FEATURES:
        raise DefinitionError(
            f"{name} returns {feature!r} as {dtype}; a feature holds {listing(FEATURES)}.",
            hint=f"tf.cast(…, tf.{'float32' if 'float' in dtype else 'int64'}).",
        )
