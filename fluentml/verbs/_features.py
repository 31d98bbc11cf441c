"""Declared features, written out as the `preprocessing_fn` that a careful engineer would write."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

from fluentml.components import Features
from fluentml.errors import DefinitionError
from fluentml.params import found_in
from fluentml.words import in_words_of

VERB = "preprocess"
WIDTH = 100
HEAD = """\
# Written by preprocess() of fluentml. To go on by hand, copy it and name the copy there.
"""
IMPORTS = {"tf": "tensorflow", "tft": "tensorflow_transform"}
FILL_MISSING = """\

from fluentml.training import fill_missing
"""
FUNCTION = '''\
def preprocessing_fn(inputs):
    """Raw columns to features. TFX keeps this as a graph: serving runs the very same."""
    outputs = {}
'''
PRESENT = '''\
def present(function, column):
    """Apply a function to the values that there are."""
    if isinstance(column, tf.SparseTensor):
        return column.with_values(function(column.values))
    return function(column)
'''
LOGARITHM = '''\
def logarithm(column):
    """Logarithms of amounts; one below 0 counts as 0."""
    return present(lambda x: tf.math.log1p(tf.maximum(tf.cast(x, tf.float32), 0)), column)
'''
WORDS = '''\
def words(column):
    """Categories as text; a missing one is empty, which no vocabulary has."""
    if column.dtype != tf.string:
        column = present(tf.strings.as_string, column)
    return fill_missing(column)
'''
COUNT_WORDS = '''\
def count_words(column, size):
    """How often each word occurs, in lower case and by its hash; of shape [batch, size]."""
    text = tf.strings.lower(tf.reshape(fill_missing(column), [-1]), encoding="utf-8")
    tokens = tf.strings.split(tf.strings.regex_replace(text, r"[^\\pL\\pN]+", " "))
    hashed = tf.strings.to_hash_bucket_fast(tokens, size)
    counts = tf.math.bincount(hashed, minlength=size, maxlength=size, dtype=tf.float32, axis=-1)
    return tf.ensure_shape(counts, [None, size])
'''
PARTS_OF = '''\
def parts_of(column):
    """Weekday (Monday is 1), month and hour of ISO dates; all 0 where there is none."""
    text = fill_missing(column)
    iso = r"\\d{4}-(0[1-9]|1[0-2])-([0-2]\\d|3[01])([T ]([01]\\d|2[0-3]).*)?"
    known = tf.strings.regex_full_match(text, iso)
    text = tf.where(known, text, "2000-01-01") + "T00"

    def part(start, size):
        return tf.strings.to_number(tf.strings.substr(text, start, size), tf.int64)

    month, day, hour = part(5, 2), part(8, 2), part(11, 2)
    # Sakamoto's method: the year begins in March, so that leap days come last.
    year = part(0, 4) - tf.cast(month < 3, tf.int64)
    shift = tf.gather(tf.constant([0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4], tf.int64), month - 1)
    weekday = (year + year // 4 - year // 100 + year // 400 + shift + day + 6) % 7 + 1
    parts = {"weekday": weekday, "month": month, "hour": hour}
    return {name: tf.where(known, values, 0) for name, values in parts.items()}
'''


class Role(NamedTuple):
    """How the features of one parameter are written.

    Attributes:
        about: What becomes of them.
        lines: The body of the loop over them.
        helpers: The functions that it calls, in order.
    """

    about: str
    lines: str
    helpers: tuple[str, ...] = ()


ROLES: Mapping[str, Role] = {
    "numeric": Role(
        "Scaled to mean 0 and variance 1; a missing number counts as the mean.",
        'outputs[f"{name}_xf"] = fill_missing(tft.scale_to_z_score(inputs[name]))\n',
    ),
    "log": Role(
        "Logarithms of amounts, scaled; a missing one counts as their mean.",
        "amounts = logarithm(inputs[name])\n"
        'outputs[f"{name}_xf"] = fill_missing(tft.scale_to_z_score(amounts))\n',
        (PRESENT, LOGARITHM),
    ),
    "categorical": Role(
        "Numbers from 0 on, the most frequent first, for so many; the others share the next one.",
        'outputs[f"{name}_xf"] = tft.compute_and_apply_vocabulary(\n'
        "    words(inputs[name]), top_k=size, num_oov_buckets=1, vocab_filename=name\n"
        ")\n",
        (PRESENT, WORDS),
    ),
    "bucketize": Role(
        "The number of the quantile, from 0 on; a missing one has the number after the last.",
        "buckets = tft.bucketize(inputs[name], size)\n"
        'outputs[f"{name}_xf"] = fill_missing(buckets, size)\n',
    ),
    "text": Role(
        "How often words occur, hashed into so many numbers.",
        'outputs[f"{name}_xf"] = count_words(inputs[name], size)\n',
        (COUNT_WORDS,),
    ),
    "dates": Role(
        "ISO dates, also with a time: three features each.",
        "for part, values in parts_of(inputs[name]).items():\n"
        '    outputs[f"{name}_{part}_xf"] = values\n',
        (PARTS_OF,),
    ),
    "passthrough": Role(
        "As they are; 0 or the empty text where one is missing.",
        'outputs[f"{name}_xf"] = fill_missing(inputs[name])\n',
    ),
}
LABEL = """\
    # Words become the numbers of their classes, numbers stay as they are.
    label = inputs[LABEL]
    if label.dtype == tf.string:
        label = tft.compute_and_apply_vocabulary(label, vocab_filename=LABEL)
    outputs[f"{LABEL}_xf"] = label
"""


def refuse_features(declared: Mapping[str, Any]) -> None:
    """Raise a DefinitionError if features are declared beside a function or module."""
    for name in _given(declared):
        raise DefinitionError(
            f"{VERB}() takes a function or module, or {name}= and the like, not both.",
            hint="leave the one out, or make the feature in the function.",
        )


def features_of(declared: Mapping[str, Any], others: Mapping[str, Any]) -> Features:
    """Return the declared features.

    Args:
        declared: What `preprocess` got of the fields of `Features`, None or empty where nothing.
        others: What it got besides that only a function of the user's can use.

    Raises:
        DefinitionError: A declaration is wrong, or there is none.
    """
    given = _given(declared)
    if not given:
        raise DefinitionError(
            f"{VERB}() got neither a function nor features.",
            hint="give it preprocessing_fn(inputs), a module file, or for instance "
            'numeric=["fare"], categorical={"company": 40}, label="tips".',
        )
    for name, value in others.items():
        if value is not None:
            raise DefinitionError(
                f"{VERB}() takes {name}= with a function or module of yours.",
                hint="print the one that it writes, by `fluentml show FILE Transform`, and pass "
                "an edited copy.",
            )
    for name, value in given.items():
        for param in found_in(value):
            raise DefinitionError(
                f"{VERB}() takes {name}= as it is, not {param!r}: the module that it writes holds "
                "the value.",
                hint="write the value itself.",
            )
    with in_words_of(VERB, given):
        return Features(**given)


def _given(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in declared.items() if value or value == ""}


def source_of(features: Features) -> str:
    """Return the text of the module."""
    roles = {role: names for role, names in features.by_role().items() if names and role in ROLES}
    helpers = dict.fromkeys(helper for role in roles for helper in ROLES[role].helpers)
    constants = [
        f"# {ROLES[role].about}\n{_assigned(role.upper(), getattr(features, role))}"
        for role in roles
    ]
    if features.label is not None:
        constants.append(_assigned("LABEL", features.label))
    loops = [_loop(role, getattr(features, role)) for role in roles]
    label = LABEL if features.label is not None else ""
    body = "\n\n".join([*helpers, f"{FUNCTION}{''.join(loops)}{label}    return outputs\n"])
    imports = [f"import {IMPORTS[name]} as {name}\n" for name in IMPORTS if f"{name}." in body]
    head = f"{HEAD}{''.join(imports)}{FILL_MISSING}\n{''.join(constants)}"
    return f"{head}\n\n{body}"


def _loop(role: str, names: Any) -> str:
    has_sizes = isinstance(names, Mapping)
    over = f"name, size in {role.upper()}.items()" if has_sizes else f"name in {role.upper()}"
    return f"    for {over}:\n{textwrap.indent(ROLES[role].lines, ' ' * 8)}"


def _assigned(name: str, value: Any) -> str:
    """Return an assignment of text, names or sizes by name, on as many lines as it takes."""
    if isinstance(value, str):
        return f"{name} = {_quoted(value)}\n"
    if isinstance(value, Mapping):
        items, (left, right) = [f"{_quoted(key)}: {size}" for key, size in value.items()], "{}"
    else:
        items, (left, right) = [_quoted(one) for one in value], "()"
    comma = "," if len(items) == 1 and left == "(" else ""
    line = f"{name} = {left}{', '.join(items)}{comma}{right}\n"
    if len(line) <= WIDTH + 1:
        return line
    lines = "".join(f"    {item},\n" for item in items)
    return f"{name} = {left}\n{lines}{right}\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
