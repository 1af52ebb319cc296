# SPDX-License-Identifier: Apache-2.0
"""Reads /metrics: strictly by the text format 0.0.4, and by prometheus_client's own parser."""

import math
import re
import time

from lib import http

from prometheus_client.parser import text_string_to_metric_families

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.]+(?:e[+-]?\d+)?|[+-]Inf|NaN)")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def check(text):
    """What promtool's `check metrics` would hold against it, and more."""
    assert text.endswith("\n")
    family = kind = None
    helped, typed, series = set(), set(), set()
    for line in text[:-1].split("\n"):
        if m := re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line):
            family = m.group(1)
            assert family not in helped, f"{family} comes twice"
            helped.add(family)
            kind = None
            continue
        if m := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line):
            assert m.group(1) == family, f"TYPE without HELP before it: {line}"
            assert family not in typed
            typed.add(family)
            kind = m.group(2)
            assert (kind == "counter") == family.endswith("_total"), line
            continue
        m = SAMPLE.fullmatch(line)
        assert m, f"neither comment nor sample: {line!r}"
        assert kind and m.group(1) in [family + s for s in SUFFIXES[kind]], f"{line!r} stands below {family}"
        key = m.group(1), frozenset(re.findall(LABEL, m.group(2) or ""))
        assert key not in series, f"twice: {line}"
        series.add(key)
    assert helped == typed


def buckets(families):
    """Every histogram's buckets only rise, the last is its count, the sum fits."""
    for f in families:
        if f.type != "histogram":
            continue
        by_labels = {}
        for s in f.samples:
            labels = frozenset((k, v) for k, v in s.labels.items() if k != "le")
            by_labels.setdefault(labels, []).append(s)
        for samples in by_labels.values():
            rising = [(float(s.labels["le"]), s.value) for s in samples if s.name.endswith("_bucket")]
            assert rising == sorted(rising) and rising[-1][0] == math.inf, f.name
            assert all(a[1] <= b[1] for a, b in zip(rising, rising[1:])), f.name
            count = next(s.value for s in samples if s.name.endswith("_count"))
            total = next(s.value for s in samples if s.name.endswith("_sum"))
            assert rising[-1][1] == count
            assert total >= sum((b - a) * low for (low, a), (_, b) in zip(rising, rising[1:])) - 1e-6, f.name


class Metrics(dict):
    """{(sample name, frozenset of (label, value)): value}"""

    def __init__(self, text):
        check(text)
        families = list(text_string_to_metric_families(text))
        buckets(families)
        super().__init__({(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples})

    def of(self, name, **labels):
        """The sum over all series of that name which have these labels."""
        wanted = set(labels.items())
        return sum(v for (n, ls), v in self.items() if n == name and wanted <= ls)


def read(modgate):
    a = http.request(modgate.address, "/metrics")
    assert a.status == 200, a
    assert a.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert a.field("Cache-Control") == "no-store"
    return Metrics(a.text)


def eventually(modgate, condition, seconds=20):
    """Reads until the condition holds: what another thread counts may be a moment late."""
    end = time.monotonic() + seconds
    while not condition(now := read(modgate)):
        assert time.monotonic() < end, {k: v for k, v in now.items() if v}
        time.sleep(0.02)
    return now
