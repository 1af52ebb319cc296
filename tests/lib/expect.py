# SPDX-License-Identifier: Apache-2.0
"""What every answer of a kind must look like."""

import re


def failure(answer, status, *words):
    """A failure in the form the go command shows: one line of printable text with the request's id."""
    statuses = status if isinstance(status, tuple) else (status,)
    assert answer.status in statuses, answer
    assert answer.field("Content-Type") == "text/plain; charset=utf-8"
    assert answer.field("X-Go-Proxy")
    text = answer.body.decode("utf-8")
    assert len(answer.body) <= 648, f"{len(answer.body)} bytes"
    assert text.endswith("\n") and text.count("\n") == 1, text
    assert text[:-1].isprintable(), text
    assert re.fullmatch(r"[a-z ]+: .+ \[request [0-9a-f]{16}\]\n", text), text
    for word in words:
        assert word in text, f"{word!r} is not in {text!r}"
    return answer


def success(answer, body=None):
    assert answer.status == 200, answer
    assert answer.field("Content-Length") is not None
    assert answer.field("Content-Encoding") is None
    assert answer.field("X-Go-Proxy")
    if body is not None:
        assert answer.body == body
    return answer
