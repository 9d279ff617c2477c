"""How a peer is timed: it reads the name of a row, and answers with what batches of it took.

A peer's rows carry rill-bench's names and are measured as rill-bench measures: warmed up, then in
batches of at least 50 ms. Invariant: a row's data are made when its name is first read, and dropped
when the next one is.
"""

import json
import os
import statistics
import sys
import time

rows = {}  # name -> the ways of doing it, of which the fastest counts


def row(name, times=1):
    """Adds the decorated function as a way of doing `name`.

    It makes the data and returns what is to be timed, which does the row's work `times` times.
    """

    def add(make):
        rows.setdefault(name, []).append((make, times))
        return make

    return add


def seconds_of(run, count):
    start = time.perf_counter()
    for _ in range(count):
        run()
    return time.perf_counter() - start


class Series:
    """Batches of one way of doing a row."""

    def __init__(self, make, times, batch_seconds=0.05):
        self.run = make()
        self.times = times
        self.run()
        self.run()
        self.count = 1
        while (seconds := seconds_of(self.run, self.count)) < batch_seconds / 4:
            self.count *= 2
        self.count = max(1, round(1.1 * self.count * batch_seconds / seconds))

    def batches(self, number=3):
        self.run()
        return [seconds_of(self.run, self.count) / self.count / self.times for _ in range(number)]


def serve():
    """Answers each name on standard input by a line of JSON: seconds, or null for no such row."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    current, ways = None, []
    for line in sys.stdin:
        name = line.strip()
        try:
            if name != current:
                ways = []
                current, ways = name, [Series(*way) for way in rows.get(name, [])]
            answer = min((way.batches() for way in ways), key=statistics.median, default=None)
        except Exception as error:  # the other rows can still be measured
            answer = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), file=answers, flush=True)
