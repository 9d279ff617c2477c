"""The C++ blocks of a page as one program, and what it prints compared with what the page says.

    page.py write PAGE PROGRAM       writes the program
    page.py check PAGE EXECUTABLE    runs it
    page.py update PAGE EXECUTABLE   runs it, and writes what it prints into the page

The blocks run one after the other in one scope. The block of text
(or json) behind one is what it prints.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(cpp|text|json)\n(.*?)^```$", re.M | re.S)
MARK = "-- block --\n"


def blocks(page):
    text = page.read_text()
    return [(m[1], m[2], text[: m.start()].count("\n") + 2) for m in FENCE.finditer(text)]


def write(page, program):
    out = "#include <rill/rill.h>\n\n#include <fstream>\n#include <iostream>\n\nusing namespace rill;\n\nint main() {\n"
    for kind, code, line in blocks(page):
        if kind == "cpp":
            out += f'#line {line} "{page.name}"\n{code}print("{MARK.strip()}");\n'
    pathlib.Path(program).write_text(out + "}\n")


def run(executable):
    with tempfile.TemporaryDirectory() as folder:  # for the files that it writes
        return subprocess.run(
            [pathlib.Path(executable).resolve()], cwd=folder, capture_output=True, text=True, check=False
        )


def check(page, executable):
    done = run(executable)
    if done.returncode != 0:
        sys.exit(f"{page.name}: its program ends with {done.returncode}: {done.stderr}")
    printed = done.stdout.split(MARK)
    wrong = 0
    given = blocks(page)
    number = 0
    for at, (kind, _, line) in enumerate(given):
        if kind != "cpp":
            continue
        followed = at + 1 < len(given) and given[at + 1][0] != "cpp"
        said = given[at + 1][1] if followed else ""
        if printed[number] != said:
            wrong += 1
            print(f"{page.name}:{line} prints\n{printed[number]}and the page says\n{said}")
        number += 1
    sys.exit(1 if wrong else 0)


def update(page, executable):
    done = run(executable)
    done.check_returncode()
    printed = done.stdout.split(MARK)
    number = -1

    def renewed(match):
        nonlocal number
        if match[1] == "cpp":
            number += 1
            return match[0]
        return f"```{match[1]}\n{printed[number]}```"

    page.write_text(FENCE.sub(renewed, page.read_text()))


{"write": write, "check": check, "update": update}[sys.argv[1]](pathlib.Path(sys.argv[2]), sys.argv[3])
