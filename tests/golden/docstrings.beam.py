"""The pipeline 'docstrings' for Beam, written by fluentml: change it there, not here.

It needs fluentml, and runs in the folder where it is started, with the options of `fluentml run`:
python FILE --param NAME=VALUE
"""

import sys

from fluentml.loading import unpacked

PIPELINE = r'''{
  "settings": {
    "name": "docstrings"
  },
  "components": [
    {
      "kind": "CsvExampleGen",
      "id": "CsvExampleGen",
      "path": "{cache}/docstrings"
    },
    {
      "kind": "StatisticsGen",
      "id": "StatisticsGen"
    },
    {
      "kind": "SchemaGen",
      "id": "SchemaGen"
    },
    {
      "kind": "Transform",
      "id": "Transform",
      "module": "9f8d469a4c688e73/preprocessing_fn_of_docstrings.py"
    },
    {
      "kind": "Trainer",
      "id": "Trainer",
      "module": "fc31a2526b24a214/build_model_of_docstrings.py"
    },
    {
      "kind": "Evaluator",
      "id": "Evaluator",
      "label": "library_xf",
      "metrics": [
        "SparseCategoricalAccuracy"
      ],
      "thresholds": {
        "SparseCategoricalAccuracy": 0.7
      }
    },
    {
      "kind": "Pusher",
      "id": "Pusher",
      "destination": "serving/docstrings"
    }
  ]
}'''

FILES = {
    "9f8d469a4c688e73/preprocessing_fn_of_docstrings.py": (
        "# Taken by fluentml from docstrings.py: edit it there.\n"
        "\n"
        "VOCABULARY, LENGTH = 4000, 24  # the most frequent words, and how many of a text are read\n"
        "\n"
        "\n"
        "def preprocessing_fn(inputs):\n"
        "    \"\"\"Texts to numbers of words: 0 after the end, 1 for the most frequent one, and so on.\"\"\"\n"
        "    import tensorflow as tf\n"
        "    import tensorflow_transform as tft\n"
        "\n"
        "    text = tf.strings.lower(inputs[\"text\"][:, 0])\n"
        "    words = tf.strings.split(tf.strings.regex_replace(text, \"[^a-z0-9]+\", \" \"))\n"
        "    words = words.to_tensor(\"\", shape=[None, LENGTH])\n"
        "    numbers = tft.compute_and_apply_vocabulary(words, top_k=VOCABULARY, num_oov_buckets=1)\n"
        "    return {\n"
        "        \"words_xf\": tf.where(words == \"\", tf.zeros_like(numbers), numbers + 1),\n"
        "        \"library_xf\": tft.compute_and_apply_vocabulary(inputs[\"library\"]),\n"
        "    }\n"
    ),
    "fc31a2526b24a214/build_model_of_docstrings.py": (
        "# Taken by fluentml from docstrings.py: edit it there.\n"
        "\n"
        "VOCABULARY, LENGTH = 4000, 24  # the most frequent words, and how many of a text are read\n"
        "\n"
        "\n"
        "def build_model(hp, features):\n"
        "    \"\"\"The mean of what the words stand for; the order does not matter.\"\"\"\n"
        "    from keras import Model, layers, optimizers\n"
        "\n"
        "    # One row for each word, one for all that are rare, one for what comes after the end.\n"
        "    embedded = layers.Embedding(VOCABULARY + 2, 32, mask_zero=True)(features[\"words_xf\"])\n"
        "    hidden = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(embedded))\n"
        "    model = Model(features, layers.Dense(4, \"softmax\")(hidden))\n"
        "    model.compile(optimizers.Adam(0.01), \"sparse_categorical_crossentropy\", metrics=[\"accuracy\"])\n"
        "    return model\n"
        "\n"
        "\n"
        "def run_fn(fn_args):\n"
        "    # As train() of the pipeline says.\n"
        "    from fluentml import training\n"
        "\n"
        "    training.fit(\n"
        "        fn_args,\n"
        "        build_model,\n"
        "        label='library_xf',\n"
        "        batch_size=64,\n"
        "        epochs=3,\n"
        "        in_memory=True,\n"
        "    )\n"
    ),
}

pipeline = unpacked(__file__)

if __name__ == "__main__":
    from fluentml.cli import main

    main(["run", __file__, "--target", "beam", *sys.argv[1:]])
