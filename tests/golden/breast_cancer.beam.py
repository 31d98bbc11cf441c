"""The pipeline 'breast_cancer' for Beam, written by fluentml: change it there, not here.

It needs fluentml, and runs in the folder where it is started, with the options of `fluentml run`:
python FILE --param NAME=VALUE
"""

import sys

from fluentml.loading import unpacked

PIPELINE = r'''{
  "settings": {
    "name": "breast_cancer"
  },
  "components": [
    {
      "kind": "CsvExampleGen",
      "id": "CsvExampleGen",
      "path": "{cache}/breast_cancer"
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
      "module": "5fd8f3371e7f1213/declared_features.py",
      "features": {
        "passthrough": [
          "radius_mean",
          "texture_mean",
          "perimeter_mean",
          "area_mean",
          "smoothness_mean",
          "compactness_mean",
          "concavity_mean",
          "concave_points_mean",
          "symmetry_mean",
          "fractal_dimension_mean",
          "radius_error",
          "texture_error",
          "perimeter_error",
          "area_error",
          "smoothness_error",
          "compactness_error",
          "concavity_error",
          "concave_points_error",
          "symmetry_error",
          "fractal_dimension_error",
          "radius_worst",
          "texture_worst",
          "perimeter_worst",
          "area_worst",
          "smoothness_worst",
          "compactness_worst",
          "concavity_worst",
          "concave_points_worst",
          "symmetry_worst",
          "fractal_dimension_worst"
        ],
        "label": "diagnosis"
      }
    },
    {
      "kind": "Trainer",
      "id": "Trainer",
      "module": "e3f7562b761dcef6/estimator.py"
    },
    {
      "kind": "Evaluator",
      "id": "Evaluator",
      "label": "diagnosis_xf",
      "metrics": [
        "AUC",
        "BinaryAccuracy"
      ],
      "thresholds": {
        "AUC": 0.95
      }
    },
    {
      "kind": "Pusher",
      "id": "Pusher",
      "destination": "serving/breast_cancer"
    }
  ]
}'''

FILES = {
    "5fd8f3371e7f1213/declared_features.py": (
        "# Written by preprocess() of fluentml. To go on by hand, copy it and name the copy there.\n"
        "import tensorflow as tf\n"
        "import tensorflow_transform as tft\n"
        "\n"
        "from fluentml.training import fill_missing\n"
        "\n"
        "# As they are; 0 or the empty text where one is missing.\n"
        "PASSTHROUGH = (\n"
        "    \"radius_mean\",\n"
        "    \"texture_mean\",\n"
        "    \"perimeter_mean\",\n"
        "    \"area_mean\",\n"
        "    \"smoothness_mean\",\n"
        "    \"compactness_mean\",\n"
        "    \"concavity_mean\",\n"
        "    \"concave_points_mean\",\n"
        "    \"symmetry_mean\",\n"
        "    \"fractal_dimension_mean\",\n"
        "    \"radius_error\",\n"
        "    \"texture_error\",\n"
        "    \"perimeter_error\",\n"
        "    \"area_error\",\n"
        "    \"smoothness_error\",\n"
        "    \"compactness_error\",\n"
        "    \"concavity_error\",\n"
        "    \"concave_points_error\",\n"
        "    \"symmetry_error\",\n"
        "    \"fractal_dimension_error\",\n"
        "    \"radius_worst\",\n"
        "    \"texture_worst\",\n"
        "    \"perimeter_worst\",\n"
        "    \"area_worst\",\n"
        "    \"smoothness_worst\",\n"
        "    \"compactness_worst\",\n"
        "    \"concavity_worst\",\n"
        "    \"concave_points_worst\",\n"
        "    \"symmetry_worst\",\n"
        "    \"fractal_dimension_worst\",\n"
        ")\n"
        "LABEL = \"diagnosis\"\n"
        "\n"
        "\n"
        "def preprocessing_fn(inputs):\n"
        "    \"\"\"Raw columns to features. TFX keeps this as a graph: serving runs the very same.\"\"\"\n"
        "    outputs = {}\n"
        "    for name in PASSTHROUGH:\n"
        "        outputs[f\"{name}_xf\"] = fill_missing(inputs[name])\n"
        "    # Words become the numbers of their classes, numbers stay as they are.\n"
        "    label = inputs[LABEL]\n"
        "    if label.dtype == tf.string:\n"
        "        label = tft.compute_and_apply_vocabulary(label, vocab_filename=LABEL)\n"
        "    outputs[f\"{LABEL}_xf\"] = label\n"
        "    return outputs\n"
    ),
    "e3f7562b761dcef6/estimator.py": (
        "# Written by fluentml from the estimator in the pipeline: edit it there.\n"
        "\n"
        "\n"
        "def build_estimator(hp):\n"
        "    from sklearn.ensemble import RandomForestClassifier\n"
        "\n"
        "    return RandomForestClassifier(min_samples_leaf=2, n_estimators=50, random_state=1)\n"
        "\n"
        "\n"
        "def run_fn(fn_args):\n"
        "    # As train() of the pipeline says.\n"
        "    from fluentml import training\n"
        "\n"
        "    training.fit_estimator(\n"
        "        fn_args,\n"
        "        build_estimator,\n"
        "        label='diagnosis_xf',\n"
        "        class_weight='balanced',\n"
        "    )\n"
    ),
}

pipeline = unpacked(__file__)

if __name__ == "__main__":
    from fluentml.cli import main

    main(["run", __file__, "--target", "beam", *sys.argv[1:]])
