"""The text of a DAG file: Python that people can read, the same for the same pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from string import Template
from typing import TYPE_CHECKING, Any

from fluentml.backends._secrets import kubernetes_key
from fluentml.graph import Graph, Node
from fluentml.local.order import before
from fluentml.packed import Packed
from fluentml.placement import Placement

if TYPE_CHECKING:
    from fluentml.backends.airflow import Airflow

SKIPPED = 99
"""The exit status by which `fluentml run-node` says that a node is skipped."""

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}

_FILE = Template('''\
"""The pipeline $name for Airflow 2.11 or 3, written by fluentml: change it there, not here."""

$imports

$constants

$carried

TOLD = {
    "FLUENTML_RUN_ID": "$id.{{ run_id }}",
    "FLUENTML_PARAMS": "{{ params | tojson }}",
    "PYTHONUNBUFFERED": "1",
}
$packed

def node(id, after=(), env=None, **asked):
    """Make the task of a node, which waits for those of others."""
    task = $operator(
        task_id=id,
        $task,
        skip_on_exit_code=$skipped,
        **asked,
    )
    task.template_ext = ()  # What ends with ".sh" is a value too, and no file with one.
    task.set_upstream([dag.get_task(one) for one in after])


with DAG(
    dag_id=$name,
    schedule=$schedule,
    start_date=pendulum.datetime($start, tz=$timezone),
    catchup=$catchup,
    max_active_runs=$max_active_runs,
    params={$params},
    tags=$tags,
) as dag:
$tasks''')

_PACKED = """
# A container has no DAG folder.
TOLD["FLUENTML_PIPELINE"] = base64.b64encode(
    zlib.compress(json.dumps([PIPELINE, FILES]).encode())
).decode()
"""

_IN_PYTHON = """\
bash_command="exec " + shlex.join([PYTHON, "-m", "fluentml", "run-node", __file__, id]),
        cwd=FOLDER,
        env={**TOLD, **(env or {})},
        append_env=True"""

_IN_DOCKER = '''\
image=IMAGE,
        command=["python", "-m", "fluentml", "run-node", "-", id],
        environment={**TOLD, **(env or {})},
        mount_tmp_dir=False,
        auto_remove="success"'''

_IN_KUBERNETES = """\
image=IMAGE,
        cmds=["python", "-m", "fluentml", "run-node", "-", id],
        env_vars={**TOLD, **(env or {})}"""

_TASKS = {
    "": ("BashOperator", _IN_PYTHON),
    "docker": ("DockerOperator", _IN_DOCKER),
    "kubernetes": ("KubernetesPodOperator", _IN_KUBERNETES),
}


def dag_file(target: Airflow, graph: Graph, params: Mapping[str, Any], packed: Packed) -> str:
    """Return the DAG file.

    Args:
        target: What was asked for.
        graph: The pipeline, with the defaults of its runtime parameters.
        params: The runtime parameters that a launch may give, with their defaults.
        packed: What the tasks are told.
    """
    operator, task = _TASKS[target.operator if target.image else ""]
    start = target.start_date
    places = {"IMAGE": target.image} if target.image else _places(target)
    return _FILE.substitute(
        id=graph.settings.name,
        name=_text(graph.settings.name),
        imports=_imports(target, graph, params),
        constants="\n".join(f"{name} = {_text(value)}" for name, value in places.items()),
        carried=packed.to_python(),
        packed=_PACKED if target.image else "",
        operator=operator,
        task=task,
        skipped=SKIPPED,
        schedule=_text(target.schedule) if target.schedule else None,
        start=f"{start.year}, {start.month}, {start.day}",
        timezone=_text(target.timezone),
        catchup=target.catchup,
        max_active_runs=target.max_active_runs,
        params=_block(map(_param, params.items()), "    "),
        tags=_text(list(target.tags)),
        tasks="".join(f"    {line}\n" for line in _tasks(target, graph)),
    )


def _places(target: Airflow) -> dict[str, str]:
    return {"FOLDER": target.folder, "PYTHON": target.python}


def _text(value: Any) -> str:
    """Return a text, or a list or dict of texts, as Python has it."""
    return json.dumps(value, ensure_ascii=False)


def _block(lines: Iterator[str], indent: str) -> str:
    """Return what stands between the braces of a dict."""
    made = "".join(f"{indent}    {line}\n" for line in lines)
    return f"\n{made}{indent}" if made else ""


def _param(item: tuple[str, Any]) -> str:
    name, default = item
    return f"{_text(name)}: Param({default!r}, type={_text(_TYPES[type(default)])}),"


# -- imports ---------------------------------------------------------------------------------------


def _imports(target: Airflow, graph: Graph, params: Mapping[str, Any]) -> str:
    """Return the imports: of Airflow, and of no more of it than the tasks need."""
    asked = graph.settings.on.values()
    needs = {
        "base64": target.image,
        "datetime": any(one.timeout for one in asked),
        "json": target.image,
        "shlex": not target.image,
        "zlib": target.image,
    }
    lines = [*(f"import {name}" for name, needed in needs.items() if needed), ""]
    lines += ["import pendulum", *_vendors(target, graph), ""]
    standard = [] if target.image else ["bash"]
    standard += ["empty"] if _at_exit(graph) else []
    new = [_operator("airflow.providers.standard.operators", one) for one in standard]
    old = [_operator("airflow.operators", one) for one in standard]
    lines += ["try:", *new, f"    from airflow.sdk import DAG{', Param' if params else ''}"]
    lines += ["except ImportError:  # Airflow 2", "    from airflow import DAG"]
    lines += ["    from airflow.models.param import Param"] if params else []
    lines += old
    return "\n".join(lines)


def _operator(package: str, module: str) -> str:
    return f"    from {package}.{module} import {module.capitalize()}Operator"


def _vendors(target: Airflow, graph: Graph) -> Iterator[str]:
    if not target.image:
        return
    asked = graph.settings.on.values()
    if any(one.secrets for one in asked) and target.operator == "kubernetes":
        yield "from airflow.providers.cncf.kubernetes.secret import Secret"
    if target.operator == "docker":
        yield "from airflow.providers.docker.operators.docker import DockerOperator"
        if any(one.gpu for one in asked):
            yield "from docker.types import DeviceRequest"
    else:
        yield "from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator"
        if any(one.cpu or one.memory or one.gpu for one in asked):
            yield "from kubernetes.client import models as k8s"


# -- tasks -----------------------------------------------------------------------------------------


def _at_exit(graph: Graph) -> bool:
    return any(node.component.AT_EXIT for node in graph.nodes)


def _tasks(target: Airflow, graph: Graph) -> Iterator[str]:
    earlier = before(graph)
    for node in graph.nodes:
        asked = graph.settings.on.get(node.id, Placement())
        others = earlier[node.id] - {*node.upstream}
        after = [*node.upstream, *(one.id for one in graph.nodes if one.id in others)]
        given = [*_waits(graph, node, after), *_asks(target, asked)]
        yield f"node({', '.join([_text(node.id), *given])})"
    if _at_exit(graph):
        # Airflow tells the outcome of a run by its last tasks, and an exit step may well succeed.
        id = _text(_outcome(graph))
        yield f'outcome = EmptyOperator(task_id={id}, trigger_rule="none_failed")'
        yield "outcome.set_upstream([one for one in dag.tasks if one is not outcome])"


def _outcome(graph: Graph) -> str:
    """Return an id that no node has."""
    id = "outcome"
    while any(node.id == id for node in graph.nodes):
        id += "_"
    return id


def _waits(graph: Graph, node: Node, after: list[str]) -> Iterator[str]:
    """Yield what a task waits for, and whether it goes on where something was skipped.

    Args:
        graph: The pipeline.
        node: The task's node.
        after: The nodes that end before it starts.
    """
    if node.component.AT_EXIT:
        yield "after=[*dag.task_ids]"
        yield 'trigger_rule="all_done"'
        return
    if after:
        yield f"after={_text(after)}"
    if {*after} - {*node.required}:
        yield 'trigger_rule="none_failed"'
    elif len(after) > 1 and any(one.component.when for one in graph.nodes):
        # By Airflow's own rule it is skipped before the others end, and hides how they failed.
        yield 'trigger_rule="none_failed_min_one_success"'


def _asks(target: Airflow, asked: Placement) -> Iterator[str]:
    if asked.env:
        yield f"env={_text(dict(sorted(asked.env.items())))}"
    if asked.retries is not None:
        yield f"retries={asked.retries}"
    if asked.seconds:
        yield f"execution_timeout=datetime.timedelta(seconds={asked.seconds})"
    if asked.pool:
        yield f"pool={_text(asked.pool)}"
    if asked.queue:
        yield f"queue={_text(asked.queue)}"
    if target.image:
        yield from (_docker if target.operator == "docker" else _kubernetes)(asked)


def _docker(asked: Placement) -> Iterator[str]:
    if asked.cpu:
        yield f"cpus={asked.cpu:g}"
    if asked.gigabytes:
        yield f"mem_limit={round(asked.gigabytes * 1e9)}"
    if asked.gpu:
        yield f'device_requests=[DeviceRequest(count={asked.gpus or 1}, capabilities=[["gpu"]])]'


def _kubernetes(asked: Placement) -> Iterator[str]:
    limits = {
        "cpu": f"{asked.cpu:g}" if asked.cpu else None,
        "memory": asked.memory,
        "nvidia.com/gpu": str(asked.gpus or 1) if asked.gpu else None,
    }
    there = {name: value for name, value in limits.items() if value}
    if there:
        yield f"container_resources=k8s.V1ResourceRequirements(limits={_text(there)})"
    if asked.secrets:
        yield f"secrets=[{', '.join(map(_secret, sorted(asked.secrets.items())))}]"
    if asked.gpu:
        selector = {"cloud.google.com/gke-accelerator": asked.gpu}
        yield f"node_selector={_text(selector)}"


def _secret(item: tuple[str, str]) -> str:
    variable, (of, key) = item[0], kubernetes_key(*item)
    return f'Secret("env", {_text(variable)}, {_text(of)}, {_text(key)})'
