# SPDX-License-Identifier: Apache-2.0
"""A large zip that is sent while it comes, by HTTP/2: as by HTTP/1.1, but that a bad one ends its stream only."""

from lib import h2
from lib.drip import Drip

ZIP = "/example.com/m/@v/v1.0.0.zip"
HELD_BACK = 65557
ABOVE = "stream:\n  above: 100KiB\n"


def noise(n):
    import random

    return random.Random(1).randbytes(n)


def begin(proving, origin, tree, alter=lambda body: body):
    tree.add("example.com/m", "v1.0.0", files={"noise.bin": noise(1_000_000)})
    body = tree.files[ZIP[1:]]
    drip = Drip(alter(body))
    origin.on(r"\.zip$", raw=drip)
    return body, drip, proving(ABOVE, scheme="h2c://")


def test_it_comes_while_others_are_answered(proving, origin, tree):
    body, drip, m = begin(proving, origin, tree)
    with h2.Client(m.address) as c, h2.Client(m.address, own_window=100_000) as slow:
        drip.to(500_000)
        one, part = c.ask(ZIP), c.ask(ZIP, fields=[("range", "bytes=400000-450000")])
        late = slow.ask(ZIP)
        c.until(lambda: len(c.answers[one].body) >= 400_000)
        slow.until(lambda: len(slow.answers[late].body) == 65535)  # its connection's window
        assert c.get("/livez").status == 200
        gone = c.ask(ZIP)
        c.until(lambda: len(c.answers[gone].body) > 0)
        c.send(h2.reset(gone))
        drip.to(len(body) - 1)
        c.until(lambda: len(c.answers[one].body) >= len(body) - HELD_BACK)
        c.settled()
        assert len(c.answers[one].body) == len(body) - HELD_BACK and not c.answers[one].ended
        assert not c.answers[part].fields  # it would be complete before the whole is proven
        drip.finish()
        assert c.answer(one).body == body and c.answer(part).body == body[400_000:450_001]
        slow.send(h2.window(0, 2_000_000) + h2.window(late, 2_000_000))
        assert slow.answer(late).body == body
        assert not c.goaways and origin.count(r"\.zip$") == 1


def test_nobody_gets_a_bad_zip_whole(proving, origin, tree):
    flip = lambda body: body[:600_000] + bytes([body[600_000] ^ 1]) + body[600_001:]
    body, drip, m = begin(proving, origin, tree, flip)
    bad = flip(body)
    with h2.Client(m.address) as c:
        drip.to(300_000)
        one, two, part = c.ask(ZIP), c.ask(ZIP), c.ask(ZIP, fields=[("range", "bytes=0-9")])
        c.until(lambda: min(len(c.answers[stream].body) for stream in (one, two)) >= 200_000)
        drip.finish()
        for stream in (one, two):
            answer = c.answer(stream)
            assert answer.reset == h2.INTERNAL_ERROR and not answer.ended
            assert len(answer.body) <= len(bad) - HELD_BACK and bad.startswith(answer.body)
        assert c.answer(part).status == 502
        assert c.get("/livez").status == 200 and not c.goaways
        origin.off()
        assert c.get(ZIP).body == body
