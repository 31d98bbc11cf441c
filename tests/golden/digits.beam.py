"""The pipeline 'digits' for Beam, written by fluentml: change it there, not here.

It needs fluentml, and runs in the folder where it is started, with the options of `fluentml run`:
python FILE --param NAME=VALUE
"""

import sys

from fluentml.loading import unpacked

PIPELINE = r'''{
  "settings": {
    "name": "digits"
  },
  "components": [
    {
      "kind": "CsvExampleGen",
      "id": "CsvExampleGen",
      "path": "{cache}/digits"
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
      "module": "cdeead47e08c8194/preprocessing_fn_of_digits.py"
    },
    {
      "kind": "Trainer",
      "id": "Trainer",
      "module": "3206c1ee5eb9ba28/build_model_of_digits.py"
    },
    {
      "kind": "Evaluator",
      "id": "Evaluator",
      "label": "digit_xf",
      "metrics": [
        "SparseCategoricalAccuracy"
      ],
      "thresholds": {
        "SparseCategoricalAccuracy": 0.9
      }
    },
    {
      "kind": "Pusher",
      "id": "Pusher",
      "destination": "serving/digits"
    }
  ]
}'''

FILES = {
    "3206c1ee5eb9ba28/build_model_of_digits.py": (
        "# Taken by fluentml from digits.py: edit it there.\n"
        "\n"
        "\n"
        "def build_model(hp, features):\n"
        "    \"\"\"A convolution, and a probability for each digit.\"\"\"\n"
        "    from keras import Model, layers, optimizers\n"
        "\n"
        "    hidden = layers.Conv2D(16, 3, activation=\"relu\")(features[\"image_xf\"])\n"
        "    hidden = layers.MaxPooling2D()(hidden)\n"
        "    hidden = layers.Dropout(0.2)(layers.Flatten()(hidden))\n"
        "    model = Model(features, layers.Dense(10, \"softmax\")(hidden))\n"
        "    model.compile(optimizers.Adam(0.003), \"sparse_categorical_crossentropy\", metrics=[\"accuracy\"])\n"
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
        "        label='digit_xf',\n"
        "        batch_size=32,\n"
        "        epochs=15,\n"
        "        in_memory=True,\n"
        "    )\n"
    ),
    "cdeead47e08c8194/preprocessing_fn_of_digits.py": (
        "# Taken by fluentml from digits.py: edit it there.\n"
        "\n"
        "\n"
        "def preprocessing_fn(inputs):\n"
        "    \"\"\"The pixels come as text, sixty-four numbers from 0 to 16.\n"
        "\n"
        "    This is a graph of TensorFlow that runs in training and in the served model alike.\n"
        "    \"\"\"\n"
        "    import tensorflow as tf\n"
        "\n"
        "    pixels = tf.strings.to_number(tf.strings.split(inputs[\"pixels\"][:, 0]).to_tensor(\"0\"))\n"
        "    return {\n"
        "        \"image_xf\": tf.reshape(pixels / 16.0, [-1, 8, 8, 1]),\n"
        "        \"digit_xf\": inputs[\"digit\"],\n"
        "    }\n"
    ),
}

pipeline = unpacked(__file__)

if __name__ == "__main__":
    from fluentml.cli import main

    main(["run", __file__, "--target", "beam", *sys.argv[1:]])
