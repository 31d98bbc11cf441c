"""The pipeline 'diabetes' for Beam, written by fluentml: change it there, not here.

It needs fluentml, and runs in the folder where it is started, with the options of `fluentml run`:
python FILE --param NAME=VALUE
"""

import sys

from fluentml.loading import unpacked

PIPELINE = r'''{
  "settings": {
    "name": "diabetes"
  },
  "components": [
    {
      "kind": "CsvExampleGen",
      "id": "CsvExampleGen",
      "path": "{cache}/diabetes"
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
      "module": "8147c9cf5dbbdfaa/preprocessing_fn_of_diabetes.py"
    },
    {
      "kind": "Trainer",
      "id": "Trainer",
      "module": "1a295e65ee08d29a/build_model_of_diabetes.py"
    },
    {
      "kind": "Evaluator",
      "id": "Evaluator",
      "label": "progression_xf",
      "metrics": [
        "MeanAbsoluteError"
      ],
      "thresholds": {
        "MeanAbsoluteError": 55.0
      }
    },
    {
      "kind": "Pusher",
      "id": "Pusher",
      "destination": "serving/diabetes"
    }
  ]
}'''

FILES = {
    "1a295e65ee08d29a/build_model_of_diabetes.py": (
        "# Taken by fluentml from diabetes.py: edit it there.\n"
        "\n"
        "\n"
        "def build_model(hp, features):\n"
        "    import keras\n"
        "\n"
        "    hidden = keras.layers.Dense(16, \"relu\")(features[\"measures_xf\"])\n"
        "    # The network starts at the mean of the label, about 150, and learns what differs from it.\n"
        "    mean = keras.initializers.Constant(150.0)\n"
        "    model = keras.Model(features, keras.layers.Dense(1, bias_initializer=mean)(hidden))\n"
        "    model.compile(keras.optimizers.Adam(0.01), loss=\"mse\", metrics=[\"mae\"])\n"
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
        "        label='progression_xf',\n"
        "        batch_size=16,\n"
        "        early_stopping=5,\n"
        "        in_memory=True,\n"
        "    )\n"
    ),
    "8147c9cf5dbbdfaa/preprocessing_fn_of_diabetes.py": (
        "# Taken by fluentml from diabetes.py: edit it there.\n"
        "\n"
        "\n"
        "def preprocessing_fn(inputs):\n"
        "    import tensorflow as tf\n"
        "    import tensorflow_transform as tft\n"
        "\n"
        "    label = tf.cast(inputs.pop(\"progression\"), tf.float32)\n"
        "    measures = tf.concat([tf.cast(m, tf.float32) for m in inputs.values()], axis=1)\n"
        "    return {\n"
        "        \"progression_xf\": label,\n"
        "        \"measures_xf\": tft.scale_to_z_score(measures, elementwise=True),  # each by its own\n"
        "    }\n"
    ),
}

pipeline = unpacked(__file__)

if __name__ == "__main__":
    from fluentml.cli import main

    main(["run", __file__, "--target", "beam", *sys.argv[1:]])
