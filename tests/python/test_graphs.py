"""Saved graphs of all kinds are what docs/graph-format.schema.json says.

`./dev test --python` runs this; build/bin/rill-graphs writes the graphs.
"""

import json
import pathlib
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/graph-format.schema.json").read_text())


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    subprocess.run([ROOT / "build/bin/rill-graphs", folder, "300"], check=True)
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def test_saved_graphs_are_what_the_schema_says(graphs, validator):
    assert len(graphs) == 300
    for graph in graphs:
        validator.validate(graph)


def test_the_schema_knows_all_keys(graphs, validator):
    for graph in graphs[:50]:
        for node in graph["signatures"][0]["nodes"]:
            node["unknown"] = 1
            assert not validator.is_valid(graph)
            del node["unknown"]
