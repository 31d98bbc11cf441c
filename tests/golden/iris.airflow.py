"""The pipeline "iris" for Airflow 2.11 or 3, written by fluentml: change it there, not here."""

import shlex

import pendulum

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.bash import BashOperator

FOLDER = "/srv/project"
PYTHON = "/srv/project/.venv/bin/python"

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

TOLD = {
    "FLUENTML_RUN_ID": "iris.{{ run_id }}",
    "FLUENTML_PARAMS": "{{ params | tojson }}",
    "PYTHONUNBUFFERED": "1",
}


def node(id, after=(), env=None, **asked):
    """Make the task of a node, which waits for those of others."""
    task = BashOperator(
        task_id=id,
        bash_command="exec " + shlex.join([PYTHON, "-m", "fluentml", "run-node", __file__, id]),
        cwd=FOLDER,
        env={**TOLD, **(env or {})},
        append_env=True,
        skip_on_exit_code=99,
        **asked,
    )
    task.template_ext = ()  # What ends with ".sh" is a value too, and no file with one.
    task.set_upstream([dag.get_task(one) for one in after])


with DAG(
    dag_id="iris",
    schedule=None,
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    params={},
    tags=["fluentml"],
) as dag:
    node("CsvExampleGen")
    node("StatisticsGen", after=["CsvExampleGen"])
    node("SchemaGen", after=["StatisticsGen"])
    node("Transform", after=["CsvExampleGen", "SchemaGen"])
    node("Trainer", after=["Transform", "SchemaGen"], trigger_rule="none_failed")
    node("latest_blessed_model_resolver")
    node("Evaluator", after=["CsvExampleGen", "Trainer", "latest_blessed_model_resolver"], trigger_rule="none_failed")
    node("Pusher", after=["Trainer", "Evaluator"], trigger_rule="none_failed")
