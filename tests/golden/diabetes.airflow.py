"""The pipeline "diabetes" for Airflow 2.11 or 3, written by fluentml: change it there, not here."""

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

TOLD = {
    "FLUENTML_RUN_ID": "diabetes.{{ run_id }}",
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
    dag_id="diabetes",
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
