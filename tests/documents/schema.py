"""docs/graph-format.schema.json holds for the example of docs/graph-format.md and for the files in tests/data.

Without the package jsonschema (Debian: python3-jsonschema) nothing is checked.
"""

import json
import pathlib
import re
import sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)

root = pathlib.Path(sys.argv[1])
schema = json.loads((root / "docs/graph-format.schema.json").read_text())
validator = jsonschema.Draft202012Validator(schema)
validator.check_schema(schema)

page = (root / "docs/graph-format.md").read_text()
graphs = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", page, re.M | re.S)]
graphs += [json.loads(path.read_text()) for path in (root / "tests/data/graph").glob("*.json")]
assert len(graphs) >= 2
for graph in graphs:
    validator.validate(graph)
    for wrong in ({"version": 2}, {"weights": "../f.safetensors"}, {"more": 1}, {"signatures": [{}]}):
        assert not validator.is_valid(graph | wrong), wrong
