"""Do the user's functions read what is there and return what is asked for, as their text tells?"""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from fluentml.capture import Origin
from fluentml.checks import _functions as texts
from fluentml.checks._functions import Function
from fluentml.checks._paths import Problems
from fluentml.checks.fit import column_has_text, columns_of
from fluentml.components import Evaluator, SchemaGen, TrainingSteps, Transform
from fluentml.errors import PipelineError, did_you_mean, listing
from fluentml.graph import Graph, Node


class _Module(NamedTuple):
    """A module file of the user's, or one that a function of the user's was written into."""

    path: str
    text: str
    functions: dict[str, Function]
    aliases: dict[str, str]

    @classmethod
    def of(cls, path: str) -> _Module | None:
        """Read it; None where that is not possible."""
        try:
            text = Path(path).read_text(encoding="utf-8")
            body = ast.parse(text).body
        except (OSError, SyntaxError, ValueError):
            return None
        functions = {item.name: item for item in body if isinstance(item, Function)}
        aliases = {
            target.id: item.value.id
            for item in body
            if isinstance(item, ast.Assign) and isinstance(item.value, ast.Name)
            for target in item.targets
            if isinstance(target, ast.Name)
        }
        return cls(path, text, functions, aliases)

    def find(self, name: str) -> Function | None:
        """Return the function of a name, also where that is another name for it."""
        return self.functions.get(self.aliases.get(name, name))

    def shown(self, line: int) -> str:
        """Return a line for a message."""
        origin = Origin.of(self.path)
        place, number = (origin and origin.place(line)) or (self.path, line)
        return f"  {place}:{number}: {self.text.splitlines()[line - 1].strip()}"


def user_functions(graph: Graph, node: Node) -> Problems:
    """Functions read what is there and return something, as far as their text tells for sure."""
    step = node.component
    if isinstance(step, Transform) and not step.features:
        yield from _preprocessing(graph, node, step)
    elif isinstance(step, TrainingSteps):
        yield from _building(graph, node, step)
    elif isinstance(step, Evaluator):
        yield from _judging(graph, node, step)
        if step.module:
            yield from _slicing(graph, node, step)


def _preprocessing(graph: Graph, node: Node, step: Transform) -> Problems:
    module = _Module.of(step.module)
    function = module and module.find(step.FUNCTION)
    if module and function:
        yield from _returns(module, function, step.verb, "return outputs")
        yield from _reads(module, function, 0, "column", _raw(graph, node), step.verb)


def _building(graph: Graph, node: Node, step: TrainingSteps) -> Problems:
    module = _Module.of(step.module)
    ready = module and _ready_made(module, step)
    if not module or not ready:
        return
    builder, labels = ready
    known = _features(graph, node)
    for label in labels if known else ():
        if known and label not in known:
            yield PipelineError(
                f"{step.verb}: label={label!r} is no feature of the training examples.",
                f"There are: {listing(sorted(known))}.",
                hint=did_you_mean(label, known) or "return it from preprocessing_fn.",
            )
    function = module.find(builder)
    if function:
        yield from _returns(module, function, step.verb, "return model")
        left = sorted({*known} - {*labels}) if known else None
        yield from _reads(module, function, 1, "feature", left, step.verb, "features")


def _judging(graph: Graph, node: Node, step: Evaluator) -> Problems:
    """Yield a label of words where the ready-made trainer's model predicts numbers."""
    trained = graph[node.inputs["model"].channel.node]
    trainer = trained.component
    module = _Module.of(trainer.module) if isinstance(trainer, TrainingSteps) else None
    ready = module and isinstance(trainer, TrainingSteps) and _ready_made(module, trainer)
    if not ready or step.prediction:
        return
    labels, made = ready[1], _features(graph, trained) or ()
    for label in step.labels:
        if label not in (*labels, *made) and column_has_text(graph, node, label):
            yield PipelineError(
                f"{step.verb}: label={label!r} is text, and the model predicts numbers of "
                f"{listing(labels)}.",
                hint=f'judge those: {step.VERB}("{labels[0]}", …); or the predicted words, by a '
                'function: prediction="label".',
            )


def _slicing(graph: Graph, node: Node, step: Evaluator) -> Problems:
    module = _Module.of(step.module)
    maker = graph[node.inputs["examples"].channel.node].component
    columns = None if isinstance(maker, Transform) else columns_of(graph, node)
    for name, function in module.functions.items() if module else ():
        if name in step.slice_functions:
            assert module is not None
            yield from _reads(module, function, 0, "column", columns, step.verb)
            if name in (columns or ()):
                yield PipelineError(
                    f"{step.verb} slices by the function {name!r}, which has the name of a column.",
                    module.shown(function.lineno),
                    hint="call the function otherwise: the slices go by its name.",
                )
        elif f"{name}_metric" in {metric.class_name for metric in step.metrics}:
            assert module is not None
            yield from _returns(module, function, step.verb, "return float(…)")


def _returns(module: _Module, function: Function, verb: str, end: str) -> Problems:
    if texts.returns_nothing(function):
        yield PipelineError(
            f"{verb} calls {function.name}({ast.unparse(function.args)}), which returns nothing.",
            module.shown(function.lineno),
            hint=f"end it with: {end}",
        )


def _reads(
    module: _Module,
    function: Function,
    place: int,
    kind: str,
    known: Collection[str] | None,
    verb: str,
    called: str = "",
) -> Problems:
    """Yield what a function reads and is not there.

    Args:
        module: Where it stands.
        function: The function.
        place: Which of its parameters is the dict.
        kind: What the dict has by name.
        known: The names; None where nobody knows them yet.
        verb: The step.
        called: The parameter's name, if it has a place of its own by that.
    """
    name = texts.parameter(function, called, place)
    if known is None or name is None:
        return
    for key, line in texts.keys_read(function, name):
        if key not in known:
            yield PipelineError(
                f"{verb}: {function.name} reads the {kind} {key!r}, which does not exist.",
                module.shown(line),
                f"There are: {listing(known)}.",
                hint=did_you_mean(key, known) or "take one of these.",
            )


def _ready_made(module: _Module, step: TrainingSteps) -> tuple[str, tuple[str, ...]] | None:
    """Return the builder and the labels of the training that fluentml wrote around it."""
    written = module.functions.get(step.FUNCTION)
    for node in texts.own_nodes(written) if written and Origin.of(module.path) else ():
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="training"), attr="fit" | "tuner"),
                args=[_, ast.Name(id=builder)],
            ):
                given = {one.arg: one.value for one in node.keywords}
                label = ast.literal_eval(given["label"])
                return builder, (label,) if isinstance(label, str) else tuple(label)
    return None


def _raw(graph: Graph, node: Node) -> list[str] | None:
    """Return the raw features that a node gets by its schema; None where only a run can tell.

    Another schema than the inferred one may have features that the data lack.
    """
    wire = node.inputs.get("schema")
    is_inferred = wire and isinstance(graph[wire.channel.node].component, SchemaGen)
    return columns_of(graph, node) if is_inferred else None


def _features(graph: Graph, node: Node) -> Collection[str] | None:
    """Return what a model is trained on, the labels too; None where only a run can tell."""
    maker = graph[node.inputs["examples"].channel.node].component
    if not isinstance(maker, Transform):
        return _raw(graph, node)
    if maker.features:
        return [*maker.features.made()]
    module = _Module.of(maker.module)
    function = module and module.find(maker.FUNCTION)
    return texts.keys_returned(function) if function else None
