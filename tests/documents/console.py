"""The console blocks of a page: what is behind a `$` is run, and what it prints compared.

    console.py check PAGE PROGRAM FOLDER    in a copy of FOLDER, with PROGRAM's folder in the path
    console.py update PAGE PROGRAM FOLDER   writes what the commands print into the page

A block of `console timed` holds measurements: its numbers may be others, and the order of its lines.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```console( timed)?\n(.*?)^```$", re.M | re.S)


def said(block, folder, path):
    """The block, with what its commands print now."""
    out = ""
    for line in block.splitlines():
        if not line.startswith("$ "):
            continue
        done = subprocess.run(line[2:], shell=True, cwd=folder, env={**os.environ, "PATH": path}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        out += line + "\n" + done.stdout
    return out


def alike(text):
    """What stays of a measurement from run to run."""
    lines = [re.sub(r"[\d.,]+ *([nu]?s|ms|%|[KMGT]?B(/s)?)?", "#", line) for line in text.splitlines()]
    return sorted(" ".join(line.split()) for line in lines)


mode, page, program, folder = sys.argv[1:]
page = pathlib.Path(page)
wrong = 0
with tempfile.TemporaryDirectory() as work:
    graphs = pathlib.Path(work) / "graphs"
    shutil.copytree(folder, graphs)
    path = f"{pathlib.Path(program).parent}:{os.environ['PATH']}"

    def renewed(match):
        global wrong
        now = said(match[2], graphs, path)
        same = alike(now) == alike(match[2]) if match[1] else now == match[2]
        if same:
            return match[0]
        wrong += 1
        if mode == "check":
            print(f"{page.name} says\n{match[2]}and the commands print\n{now}")
        return f"```console{match[1] or ''}\n{now}```"

    text = BLOCK.sub(renewed, page.read_text())
if mode == "update":
    page.write_text(text)
else:
    sys.exit(1 if wrong else 0)
