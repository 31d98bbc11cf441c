"""The pipeline 'taxi' for Beam, written by fluentml: change it there, not here.

It needs fluentml, and runs in the folder where it is started, with the options of `fluentml run`:
python FILE --param NAME=VALUE
"""

import sys

from fluentml.loading import unpacked

PIPELINE = r'''{
  "settings": {
    "name": "taxi"
  },
  "components": [
    {
      "kind": "CsvExampleGen",
      "id": "CsvExampleGen",
      "path": "{packages}/tfx/examples/chicago_taxi_pipeline/data/simple"
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
      "kind": "ExampleValidator",
      "id": "ExampleValidator"
    },
    {
      "kind": "Transform",
      "id": "Transform",
      "module": "ca23d14bc3b0e089/preprocessing_fn_of_taxi.py"
    },
    {
      "kind": "Tuner",
      "id": "Tuner",
      "module": "68688749ed2647e7/build_model_of_taxi.py",
      "train_steps": 150
    },
    {
      "kind": "Trainer",
      "id": "Trainer",
      "module": "8cd1ea320ccf5643/build_model_of_taxi.py",
      "train_steps": 600
    },
    {
      "kind": "Evaluator",
      "id": "Evaluator",
      "label": "tips_xf",
      "metrics": [
        "AUC",
        "BinaryAccuracy"
      ],
      "thresholds": {
        "AUC": 0.8
      },
      "slices": [
        [
          "trip_start_hour"
        ]
      ]
    },
    {
      "kind": "Pusher",
      "id": "Pusher",
      "destination": "serving/taxi"
    }
  ]
}'''

FILES = {
    "68688749ed2647e7/build_model_of_taxi.py": (
        "# Taken by fluentml from taxi.py: edit it there.\n"
        "\n"
        "PLACES, BUCKETS = (\"pickup_latitude\", \"pickup_longitude\"), 10\n"
        "WORDS, VOCABULARY = (\"payment_type\", \"company\"), 40\n"
        "# Whole numbers from 0 on, and how many; a missing one counts as 0.\n"
        "CODES = {\"trip_start_hour\": 24, \"trip_start_day\": 8, \"trip_start_month\": 13}\n"
        "CODES |= {\"pickup_community_area\": 78, \"dropoff_community_area\": 78}\n"
        "SIZES = [*CODES.values(), *[BUCKETS] * len(PLACES), *[VOCABULARY + 1] * len(WORDS)]\n"
        "\n"
        "\n"
        "def build_model(hp, features):\n"
        "    \"\"\"Embedded categories beside the amounts, then two dense layers.\"\"\"\n"
        "    from keras import Model, layers, optimizers\n"
        "\n"
        "    embedded = layers.Flatten()(layers.Embedding(sum(SIZES), 4)(features[\"categories_xf\"]))\n"
        "    hidden = layers.Concatenate()([features[\"amounts_xf\"], embedded])\n"
        "    width = hp.Int(\"width\", 32, 128, step=32, default=64)\n"
        "    hidden = layers.Dense(width // 2, \"relu\")(layers.Dense(width, \"relu\")(hidden))\n"
        "    model = Model(features, layers.Dense(1, \"sigmoid\")(hidden))\n"
        "    rate = hp.Float(\"learning_rate\", 3e-4, 3e-2, sampling=\"log\", default=3e-3)\n"
        "    model.compile(optimizers.Adam(rate), \"binary_crossentropy\", metrics=[\"binary_accuracy\"])\n"
        "    return model\n"
        "\n"
        "\n"
        "def tuner_fn(fn_args):\n"
        "    # As tune() of the pipeline says.\n"
        "    from fluentml import training\n"
        "\n"
        "    return training.tuner(\n"
        "        fn_args,\n"
        "        build_model,\n"
        "        label='tips_xf',\n"
        "        max_trials=3,\n"
        "        batch_size=128,\n"
        "    )\n"
    ),
    "8cd1ea320ccf5643/build_model_of_taxi.py": (
        "# Taken by fluentml from taxi.py: edit it there.\n"
        "\n"
        "PLACES, BUCKETS = (\"pickup_latitude\", \"pickup_longitude\"), 10\n"
        "WORDS, VOCABULARY = (\"payment_type\", \"company\"), 40\n"
        "# Whole numbers from 0 on, and how many; a missing one counts as 0.\n"
        "CODES = {\"trip_start_hour\": 24, \"trip_start_day\": 8, \"trip_start_month\": 13}\n"
        "CODES |= {\"pickup_community_area\": 78, \"dropoff_community_area\": 78}\n"
        "SIZES = [*CODES.values(), *[BUCKETS] * len(PLACES), *[VOCABULARY + 1] * len(WORDS)]\n"
        "\n"
        "\n"
        "def build_model(hp, features):\n"
        "    \"\"\"Embedded categories beside the amounts, then two dense layers.\"\"\"\n"
        "    from keras import Model, layers, optimizers\n"
        "\n"
        "    embedded = layers.Flatten()(layers.Embedding(sum(SIZES), 4)(features[\"categories_xf\"]))\n"
        "    hidden = layers.Concatenate()([features[\"amounts_xf\"], embedded])\n"
        "    width = hp.Int(\"width\", 32, 128, step=32, default=64)\n"
        "    hidden = layers.Dense(width // 2, \"relu\")(layers.Dense(width, \"relu\")(hidden))\n"
        "    model = Model(features, layers.Dense(1, \"sigmoid\")(hidden))\n"
        "    rate = hp.Float(\"learning_rate\", 3e-4, 3e-2, sampling=\"log\", default=3e-3)\n"
        "    model.compile(optimizers.Adam(rate), \"binary_crossentropy\", metrics=[\"binary_accuracy\"])\n"
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
        "        label='tips_xf',\n"
        "        batch_size=128,\n"
        "    )\n"
    ),
    "ca23d14bc3b0e089/preprocessing_fn_of_taxi.py": (
        "# Taken by fluentml from taxi.py: edit it there.\n"
        "\n"
        "AMOUNTS = (\"fare\", \"trip_miles\", \"trip_seconds\")\n"
        "PLACES, BUCKETS = (\"pickup_latitude\", \"pickup_longitude\"), 10\n"
        "WORDS, VOCABULARY = (\"payment_type\", \"company\"), 40\n"
        "# Whole numbers from 0 on, and how many; a missing one counts as 0.\n"
        "CODES = {\"trip_start_hour\": 24, \"trip_start_day\": 8, \"trip_start_month\": 13}\n"
        "CODES |= {\"pickup_community_area\": 78, \"dropoff_community_area\": 78}\n"
        "SIZES = [*CODES.values(), *[BUCKETS] * len(PLACES), *[VOCABULARY + 1] * len(WORDS)]\n"
        "\n"
        "\n"
        "def preprocessing_fn(inputs):\n"
        "    \"\"\"Scaled amounts, numbered categories and the label.\"\"\"\n"
        "    import tensorflow as tf\n"
        "    import tensorflow_transform as tft\n"
        "\n"
        "    from fluentml.training import fill_missing\n"
        "\n"
        "    raw = {name: fill_missing(column) for name, column in inputs.items()}\n"
        "    # Fares and distances span three orders of magnitude; their logarithms are near normal.\n"
        "    amounts = tf.concat([tf.cast(raw[name], tf.float32) for name in AMOUNTS], axis=1)\n"
        "    categories = [tf.clip_by_value(raw[name], 0, size - 1) for name, size in CODES.items()]\n"
        "    categories += [tft.bucketize(raw[name], BUCKETS) for name in PLACES]\n"
        "    common = {\"top_k\": VOCABULARY, \"num_oov_buckets\": 1}\n"
        "    categories += [tft.compute_and_apply_vocabulary(raw[name], **common) for name in WORDS]\n"
        "    # Each category has numbers of its own, so that one table embeds them all.\n"
        "    numbered = [category + sum(SIZES[:i]) for i, category in enumerate(categories)]\n"
        "    return {\n"
        "        \"amounts_xf\": tft.scale_to_z_score(tf.math.log1p(amounts), elementwise=True),\n"
        "        \"categories_xf\": tf.concat(numbered, axis=1),\n"
        "        \"tips_xf\": tf.cast(raw[\"tips\"] > 0.2 * raw[\"fare\"], tf.int64),\n"
        "    }\n"
    ),
}

pipeline = unpacked(__file__)

if __name__ == "__main__":
    from fluentml.cli import main

    main(["run", __file__, "--target", "beam", *sys.argv[1:]])
