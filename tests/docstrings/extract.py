"""Writes the examples of docstrings as programs: extract.py SOURCES OUTPUT...

An example is a run of lines that a docstring indents by five spaces. It becomes one function, a
member of what `given.h` gives its header: `given::ops_reduce` for ops/reduce.h, else
`given::common`. An expression that stands without a semicolon is compared with what stands beside
it: its printed value, or its dtype and shape.
"""

import json
import pathlib
import re
import sys

FOLDERS = ["tensor", "kernel", "ops", "autograd", "trace", "optim"]
LINE = re.compile(r"^\s*/// {5}(\s*\S.*)$")


def blocks(path):
    """Runs of example lines: the number of the first, and their texts."""
    found, start = [], None
    for number, text in enumerate(path.read_text().splitlines(), 1):
        line = LINE.match(text)
        if not line:
            start = None
        elif start is None:
            start = number
            found.append((number, [line[1]]))
        else:
            found[-1][1].append(line[1])
    return found


def function(name, given, place, first, lines):
    body, depth = [], 0
    for number, text in enumerate(lines, first):
        code, _, comment = text.partition("//")
        code = code.strip()
        whole = depth == 0
        depth += sum(code.count(c) for c in "({[") - sum(code.count(c) for c in ")}]")
        body.append(f'#line {number} "{place}"')
        if not code or not whole or depth or code[-1] in ";{}":
            body.append(code)
        else:
            value = f", {json.dumps(comment.strip())}" if comment else ""
            body.append(f'expect("{place}:{number}", {code}{value});')
    return [f"struct {name} : {given} {{", "void run() {", *body, "}", "};"]


def main(sources, outputs):
    sources = pathlib.Path(sources)
    given = set(re.findall(r"^struct (\w+)", (pathlib.Path(__file__).parent / "given.h").read_text(), re.M))
    parts = [[] for _ in outputs]
    runs = [[] for _ in outputs]
    headers = [p for folder in FOLDERS for p in sorted((sources / folder).glob("*.h"))]
    count = 0
    for header in headers:
        place = header.relative_to(sources).as_posix()
        name = re.sub(r"\W", "_", place.removesuffix(".h"))
        for first, lines in blocks(header):
            part = count % len(outputs)
            example = f"{name}_{first}"
            base = "given::" + (name if name in given else "common")
            parts[part] += function(example, base, place, first, lines)
            runs[part].append(f'run<{example}>("{place}:{first}");')
            count += 1
    for part, output in enumerate(outputs):
        text = ['#include "tests/docstrings/given.h"', "namespace {", *parts[part], "}"]
        text += [f"void part_{part}() {{", *runs[part], "}"]
        if part == 0:
            others = range(1, len(outputs))
            text += [f"void part_{other}();" for other in others]
            text += ["int main() {", "const Place place;", "part_0();"]
            text += [f"part_{other}();" for other in others] + ["return faults();", "}"]
        pathlib.Path(output).write_text("\n".join(text) + "\n")


main(sys.argv[1], sys.argv[2:])
