"""What a transform graph learned from the data: vocabularies, means, boundaries of buckets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fluentml.results._files import names_in, read
from fluentml.results._shown import Shown
from fluentml.spec import import_needed

Numbers = tuple[float, ...]
_MEANINGS = (
    # TensorFlow Transform subtracts a mean and divides by the root of a variance.
    (re.compile(r"(?P<of>scale_to_z_score.*?)_sub_y"), "mean"),
    (re.compile(r"(?P<of>scale_to_z_score.*?)_sqrt_x"), "variance"),
    (re.compile(r"(?P<of>(apply_)?bucketize.*?)_apply_buckets_\w+"), "boundaries"),
    (re.compile(r"(?P<of>scale_(?:to_0_1|by_min_max).*?)_sub_y"), "least"),
    (re.compile(r"(?P<of>scale_(?:to_0_1|by_min_max).*?)_(?:sub_1_x|greater_x)"), "greatest"),
)


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary: its file's name, how many entries it has, and the first of them."""

    name: str
    size: int
    first: tuple[str, ...]


@dataclass(frozen=True)
class Constant:
    """Numbers that were computed from the data.

    Attributes:
        of: The operation: "scale_to_z_score_1".
        meaning: "mean", "variance", "boundaries", "least" or "greatest".
        values: The numbers; one, but for boundaries and features of several values.
        features: The transformed features that depend on it.
    """

    of: str
    meaning: str
    values: Numbers
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class TransformGraph(Shown):
    """What stands in a TransformGraph artifact."""

    node: str
    vocabularies: tuple[Vocabulary, ...]
    constants: tuple[Constant, ...]

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a row per constant.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return import_needed("pandas").DataFrame(
            [vars(constant) for constant in self.constants],
            columns=["of", "meaning", "values", "features"],
        )


def read_transform_graph(node: str, uri: str, entries: int = 12) -> TransformGraph:
    """Return what stands in a TransformGraph artifact.

    Args:
        node: The id of the node that made it.
        uri: The artifact's folder.
        entries: How many entries of each vocabulary to read.

    Raises:
        MissingDependencyError: TFX is not installed.
    """
    folder = f"{uri}/transform_fn"
    assets = [name for name in names_in(f"{folder}/assets") if not name.endswith(".gz")]
    vocabularies = tuple(_vocabulary(f"{folder}/assets", name, entries) for name in assets)
    try:
        constants = tuple(_constants(read(f"{folder}/saved_model.pb")))
    except OSError:
        constants = ()
    return TransformGraph(node, vocabularies, constants)


def _vocabulary(folder: str, name: str, entries: int) -> Vocabulary:
    lines = read(f"{folder}/{name}").decode(errors="replace").splitlines()
    shown = re.sub(r"^vocab_|_vocabulary$", "", name)
    return Vocabulary(shown, len(lines), tuple(lines[:entries]))


def _constants(saved_model: bytes) -> Iterator[Constant]:
    """Yield what the graph holds, by the names that TensorFlow Transform gives its operations."""
    graphs = import_needed("tensorboard.compat.proto.meta_graph_pb2")
    tensors = import_needed("tensorboard.util.tensor_util")
    for part in _graphs_in(saved_model):
        meta = graphs.MetaGraphDef.FromString(part)
        function = _transform_of(meta)
        call = _call_of(meta)
        if function is None or call is None:
            continue
        held = {node.name: node for node in meta.graph_def.node if node.op == "Const"}
        given = [name for name in call.input if not name.startswith("^")]
        arguments = [argument.name for argument in function.signature.input_arg]
        readers = _Readers(function, meta)
        # What the function takes beside the features comes last, in the same order.
        for argument, name in zip(reversed(arguments), reversed(given), strict=False):
            for pattern, meaning in _MEANINGS:
                found = pattern.fullmatch(argument)
                if found and name in held:
                    array = tensors.make_ndarray(held[name].attr["value"].tensor)
                    values = tuple(map(float, array.ravel()))
                    yield Constant(found["of"], meaning, values, readers.of(argument))


def _transform_of(meta: Any) -> Any:
    functions = meta.graph_def.library.function
    return next((f for f in functions if f.signature.name.startswith("__inference_pruned")), None)


def _call_of(meta: Any) -> Any:
    """Return the call by which the graph serves its signature."""
    calls = [
        n for n in meta.graph_def.node if n.op in ("StatefulPartitionedCall", "PartitionedCall")
    ]
    serving = (n for n in calls if "signature_wrapper" in n.attr["f"].func.name)
    return next(serving, None)


class _Readers:
    """Which transformed features depend on an argument of the function."""

    def __init__(self, function: Any, meta: Any) -> None:
        self._makes = {node.name: [*map(_base, node.input)] for node in function.node_def}
        names = {
            int(tensor.name.rpartition(":")[2]): name
            for signature in meta.signature_def.values()
            for name, tensor in signature.outputs.items()
            if tensor.name.startswith("StatefulPartitionedCall:")
        }
        outputs = [argument.name for argument in function.signature.output_arg]
        self._outputs = {
            names.get(place, ""): _base(function.ret[output])
            for place, output in enumerate(outputs)
        }

    def of(self, argument: str) -> tuple[str, ...]:
        return tuple(
            sorted(
                name
                for name, start in self._outputs.items()
                if name and argument in self._behind(start)
            )
        )

    def _behind(self, start: str) -> set[str]:
        seen, pending = {start}, [start]
        while pending:
            for name in self._makes.get(pending.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    pending.append(name)
        return seen


def _base(tensor: str) -> str:
    """Return the name of the node, or argument, that makes a tensor."""
    return tensor.lstrip("^").partition(":")[0]


def _graphs_in(message: bytes) -> Iterator[bytes]:
    """Yield the graphs of a SavedModel, whose message only TensorFlow has: its second field."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        if key & 7 == 2:
            length, place = _varint(message, place)
            if key >> 3 == 2:
                yield message[place : place + length]
            place += length
        else:
            _, place = _varint(message, place)


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
