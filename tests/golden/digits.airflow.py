"""The pipeline "digits" for Airflow 2.11 or 3, written by fluentml: change it there, not here."""

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

TOLD = {
    "FLUENTML_RUN_ID": "digits.{{ run_id }}",
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
    dag_id="digits",
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
