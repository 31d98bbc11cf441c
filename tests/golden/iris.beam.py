"""The pipeline 'iris' for Beam, written by fluentml: change it there, not here.

It needs fluentml, and runs in the folder where it is started, with the options of `fluentml run`:
python FILE --param NAME=VALUE
"""

import sys

from fluentml.loading import unpacked

PIPELINE = r'''{
  "settings": {
    "name": "iris"
  },
  "components": [
    {
      "kind": "CsvExampleGen",
      "id": "CsvExampleGen",
      "path": "{cache}/iris"
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
      "module": "2f4f0f366e628412/preprocessing_fn_of_iris.py"
    },
    {
      "kind": "Trainer",
      "id": "Trainer",
      "module": "f42c473c73b6e0f8/build_model_of_iris.py"
    },
    {
      "kind": "Evaluator",
      "id": "Evaluator",
      "label": "variety_xf",
      "metrics": [
        "SparseCategoricalAccuracy"
      ],
      "thresholds": {
        "SparseCategoricalAccuracy": 0.85
      }
    },
    {
      "kind": "Pusher",
      "id": "Pusher",
      "destination": "serving/iris"
    }
  ]
}'''

FILES = {
    "2f4f0f366e628412/preprocessing_fn_of_iris.py": (
        "# Taken by fluentml from iris.py: edit it there.\n"
        "\n"
        "\n"
        "def preprocessing_fn(inputs):\n"
        "    \"\"\"Raw columns to features. TFX keeps this as a graph: serving runs the very same.\"\"\"\n"
        "    import tensorflow_transform as tft\n"
        "\n"
        "    outputs = {\"variety_xf\": tft.compute_and_apply_vocabulary(inputs.pop(\"variety\"))}\n"
        "    return outputs | {f\"{name}_xf\": tft.scale_to_z_score(size) for name, size in inputs.items()}\n"
    ),
    "f42c473c73b6e0f8/build_model_of_iris.py": (
        "# Taken by fluentml from iris.py: edit it there.\n"
        "\n"
        "\n"
        "def build_model(hp, features):\n"
        "    \"\"\"Return a compiled model of the features; tune() searches what it asks `hp` for.\"\"\"\n"
        "    import keras\n"
        "\n"
        "    width = hp.Int(\"width\", 4, 32, default=8)\n"
        "    hidden = keras.layers.Dense(width, \"relu\")(keras.layers.Concatenate()([*features.values()]))\n"
        "    model = keras.Model(features, keras.layers.Dense(3, \"softmax\")(hidden))\n"
        "    adam = keras.optimizers.Adam(0.01)\n"
        "    model.compile(adam, loss=\"sparse_categorical_crossentropy\", metrics=[\"accuracy\"])\n"
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
        "        label='variety_xf',\n"
        "        batch_size=16,\n"
        "        epochs=40,\n"
        "    )\n"
    ),
}

pipeline = unpacked(__file__)

if __name__ == "__main__":
    from fluentml.cli import main

    main(["run", __file__, "--target", "beam", *sys.argv[1:]])
