"""The user's `build_model(hp, features)`: called, and looked at before any example is read."""

from __future__ import annotations

import contextlib
import inspect
import re
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import tensorflow as tf
import tf_keras
from tfx.components.trainer.fn_args_utils import FnArgs

from fluentml.errors import DefinitionError, defined_at, did_you_mean, listing
from fluentml.estimators import is_estimator
from fluentml.training.data import names_of

BuildModel = Callable[..., keras.Model]

WANTED = "build_model(hp, features)"


def hyperparameters(fn_args: FnArgs) -> keras_tuner.HyperParameters:
    """Return the hyperparameters that a model builder reads: the tuned ones, or its defaults.

    In a builder written for keras-tuner, `hp.Float("learning_rate", 1e-4, 1e-1, default=1e-3)`
    gives the tuned value behind a `tune` step and the default without one. So the same
    `build(hp)` serves `tuner_fn` and `run_fn`, and a default stands in one place.
    """
    if fn_args.hyperparameters:
        return keras_tuner.HyperParameters.from_config(fn_args.hyperparameters)
    return keras_tuner.HyperParameters()


def keras_of(build_model: BuildModel) -> Any:
    """Return the Keras that a model is made of: `tf_keras` where the function's module uses it."""
    if not inspect.isfunction(build_model):
        return keras
    origins = [
        getattr(value, attribute, None)
        for value in build_model.__globals__.values()
        for attribute in ("__name__", "__module__")
    ]
    used = (str(name).partition(".")[0] for name in (*origins, *build_model.__code__.co_names))
    return tf_keras if "tf_keras" in used else keras


def build(
    build_model: BuildModel,
    hp: keras_tuner.HyperParameters,
    features: dict[str, Any],
    label: str | Sequence[str],
    spec: Mapping[str, Any],
    classes: int = 0,
) -> keras.Model:
    """Return the compiled model that the user's function makes of inputs.

    Args:
        build_model: The user's function.
        hp: Hyperparameters for it.
        features: Keras input by feature.
        label: The label's feature name, or several.
        spec: Parsing spec by feature, which tells the labels' shapes.
        classes: How many words the label's vocabulary has; 0 where there is none.

    Raises:
        DefinitionError: The function has other parameters, reads a feature that is not there,
            returns no compiled model, or one whose output does not fit the label.
    """
    check_parameters(build_model)
    model = _called(build_model, hp, features)
    if not isinstance(model, keras.Model | tf_keras.Model):
        what = "returns None" if model is None else f"returns a {type(model).__name__}"
        raise DefinitionError(
            f"{WANTED} {what}, not a Keras model.",
            *defined_at(build_model),
            hint="an estimator needs no inputs of Keras: write def build_estimator(hp)."
            if is_estimator(model)
            else "end it with: return model",
        )
    if not (model.compiled if isinstance(model, keras.Model) else model.optimizer):
        raise DefinitionError(
            f"{WANTED} returns a model that is not compiled.",
            *defined_at(build_model),
            hint='call model.compile(optimizer="adam", loss=…) before returning it.',
        )
    strange = set(feature_names(model)) - features.keys()
    if strange:
        raise DefinitionError(
            f"{WANTED} returns a model with inputs of its own: {listing(sorted(strange))}.",
            *defined_at(build_model),
            hint="start from the given ones: keras.Model(features, output).",
        )
    _check_losses(build_model, model)
    try:
        output = model.output
    except (AttributeError, ValueError):  # a class of the user's, built by its first call
        output = _tried(build_model, model, features)
    texts = {n for n in feature_names(model) or features if features[n].dtype == "string"}
    if texts:
        _tried(build_model, model, {name: _row_of(features[name]) for name in features}, texts)
    _check_output(build_model, model, output, label, spec, classes)
    return model


def feature_names(model: keras.Model) -> tuple[str, ...]:
    """Return the features that a functional model reads; none for a model that takes any."""
    inputs = None
    for attribute in ("inputs", "input"):  # the latter has the names of a dict
        with contextlib.suppress(AttributeError, ValueError):
            inputs = getattr(model, attribute)
    if isinstance(inputs, dict):
        return tuple(inputs)
    return tuple(tensor.name for tensor in tf.nest.flatten(inputs) if tensor is not None)


def check_parameters(build_model: BuildModel) -> None:
    """Raise a DefinitionError if the function does not take (hp, features)."""
    signature = inspect.signature(build_model)
    try:
        signature.bind(**_arguments(build_model, None, None))
    except TypeError:
        name = getattr(build_model, "__name__", "build_model")
        raise DefinitionError(
            f"The trainer calls {WANTED}, and this is {name}{signature}.",
            *defined_at(build_model),
            hint=f"write def {name}(hp, features); further parameters need defaults.",
        ) from None


def _arguments(build_model: BuildModel, hp: Any, features: Any) -> dict[str, Any]:
    """Return the arguments by the names of the first two parameters, or of those two."""
    names = [*inspect.signature(build_model).parameters]
    if not {"hp", "features"} <= {*names}:
        return dict(zip([*names, "hp", "features"][:2], (hp, features), strict=True))
    return {"hp": hp, "features": features}


def _called(build_model: BuildModel, hp: keras_tuner.HyperParameters, features: Any) -> Any:
    """Call the user's function; say what Keras and Python say of features in the chain's words."""
    try:
        return build_model(**_arguments(build_model, hp, dict(features)))
    except KeyError as error:
        name = error.args[0] if error.args else None
        if not isinstance(name, str) or name in features or not _raised_in(build_model, error):
            raise
        problem = DefinitionError(
            f"{WANTED} reads the feature {name!r}, which does not exist.",
            f"There are: {listing(sorted(features))}.",
            hint=did_you_mean(name, features) or "return it from preprocessing_fn.",
        )
        raise problem.with_traceback(error.__traceback__) from None
    except ValueError as error:
        if "`inputs` not connected" in str(error):
            unread = [n for n, tensor in features.items() if not _is_read(tensor)]
            problem = DefinitionError(
                f"{WANTED} gives keras.Model inputs that nothing reads: {listing(unread)}.",
                hint="give it those that lead to the output: "
                'keras.Model({"…": features["…"], …}, output).',
            )
        elif "expects 1 input(s)" in str(error):
            problem = DefinitionError(
                f"{WANTED} gives several inputs to a layer of one.", hint=JOIN
            )
        else:
            raise
        raise problem.with_traceback(error.__traceback__) from None


JOIN = "join them first: keras.layers.Concatenate()([*features.values()])."


def _tried(
    build_model: BuildModel, model: keras.Model, features: Any, texts: Collection[str] = ()
) -> Any:
    """Return what the model makes of features; some may be text, of which most layers know nothing.

    Keras itself finds that out only as it trains.
    """
    kit = keras if isinstance(model, keras.Model) else tf_keras
    if isinstance(model, kit.Sequential) and len(features) > 1 and not model.built:
        raise DefinitionError(
            f"{WANTED} returns a Sequential model, which takes one input, and there are "
            f"{len(features)} features.",
            *defined_at(build_model),
            hint=f"{JOIN[:-1]}; and return keras.Model(features, output).",
        )
    try:
        return model(features)
    except Exception as error:
        said = [line for line in str(error).split("\n\n") if "Exception encountered" not in line]
        message = re.sub(r"\x1b\[\d+m", "", said[0] if said else str(error)).strip()
        raise DefinitionError(
            f"{WANTED} returns a model that fails: {message}",
            *defined_at(build_model),
            hint=f"{listing(sorted(texts))} is text: make numbers of it in preprocessing_fn, "
            "tft.compute_and_apply_vocabulary(…), or by keras.layers.StringLookup."
            if texts
            else JOIN,
        ) from error


def _row_of(tensor: Any) -> tf.Tensor:
    """Return a batch of one empty value of a Keras input."""
    return tf.zeros([1 if size is None else size for size in tensor.shape], tensor.dtype)


def _check_losses(build_model: BuildModel, model: keras.Model) -> None:
    """Raise a DefinitionError for the name of a loss that Keras does not know.

    Keras itself looks for it as it trains.
    """
    kit = keras if isinstance(model, keras.Model) else tf_keras
    for loss in tf.nest.flatten(model.loss):
        try:
            kit.losses.get(loss)
        except ValueError:
            known = [name for name in dir(kit.losses) if name.islower() and name != "get"]
            raise DefinitionError(
                f"{WANTED} compiles the model with the loss {loss!r}, which Keras does not know.",
                *defined_at(build_model),
                hint=did_you_mean(str(loss), known) or "take a name or class of keras.losses.",
            ) from None


def _raised_in(function: Any, error: BaseException) -> bool:
    """Return whether an error comes from the file of a function, not from deeper down."""
    code = getattr(function, "__code__", None)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return code is not None and frame.filename == code.co_filename


def _is_read(tensor: Any) -> bool:
    return bool(tensor._keras_history.operation._outbound_nodes)


def _check_output(
    build_model: BuildModel,
    model: keras.Model,
    output: Any,
    label: str | Sequence[str],
    spec: Mapping[str, Any],
    classes: int,
) -> None:
    """Raise a DefinitionError if the output does not fit the label: Keras would broadcast."""
    if not isinstance(label, str):
        if not isinstance(output, dict) or set(output) != set(label):
            made = listing(output) if isinstance(output, dict) else "one without a name"
            raise DefinitionError(
                f"{WANTED} returns the outputs {made}; the labels are {listing(names_of(label))}.",
                *defined_at(build_model),
                hint=f"call them as the labels: keras.Model(…, {{{label[0]!r}: …}}).",
            )
        return
    if isinstance(output, dict | list | tuple):
        return
    shape, wanted = tuple(output.shape[1:]), tuple(spec[label].shape)
    problem = None
    if _loss_name(model).startswith("sparse"):
        if not shape or (shape[-1] or classes) < max(classes, 2):
            of = f"the {classes} classes" if classes else "the classes"
            problem = (f"of shape {_text(shape)} for {of}", f"Dense({classes or '…'})")
        elif wanted not in (shape[:-1], (*shape[:-1], 1)):
            problem = (f"of shape {_text(shape)}", "a flat layer before the last Dense")
    elif _loss_name(model) and classes > 2 and wanted in ((), (1,)):
        _refuse_loss(build_model, model, label, classes)
    elif _loss_name(model) and _squeezed(shape) != _squeezed(wanted):
        units = wanted[-1] if wanted else 1
        problem = (f"of shape {_text(shape)}", f"Dense({units})")
        if wanted in ((), (1,)) and spec[label].dtype == tf.int64 and len(shape) == 1:
            problem = (problem[0], f"{problem[1]}, or a sparse_categorical_crossentropy loss")
    if problem:
        raise DefinitionError(
            f"{WANTED} returns a model with an output {problem[0]}, "
            f"and the label {label!r} has {_text(wanted)} for each example.",
            *defined_at(build_model),
            hint=f"end it with {problem[1]}.",
        )


def _refuse_loss(build_model: BuildModel, model: keras.Model, label: str, classes: int) -> None:
    """Refuse a loss that takes the numbers of classes for amounts."""
    raise DefinitionError(
        f"{WANTED} compiles the model with the loss {_loss_name(model)!r}, and the label {label!r} "
        f"is the number of one of {classes} classes.",
        *defined_at(build_model),
        hint=f'end it with Dense({classes}, "softmax"), and compile it with '
        'loss="sparse_categorical_crossentropy".',
    )


def _squeezed(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    return shape[:-1] if shape[-1:] == (1,) else shape


def _text(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('…' if size is None else str(size) for size in shape)}]"


def _loss_name(model: keras.Model) -> str:
    """Return the name of a loss of Keras's own; empty for the user's own functions."""
    loss = model.loss
    if isinstance(loss, str):
        return loss
    own = type(loss).__module__.startswith(("keras.", "tf_keras."))
    return str(getattr(loss, "name", "")) if own else ""
