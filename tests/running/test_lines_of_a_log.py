"""What a running service writes into its logs for each answer: a line in the access log, and nothing else."""

import time

from PIL import Image
from support.pictures import encode, scene
from support.server import Server, only_ours, only_torchserve

ANSWERS = 20
LIMIT_S = 10


def _lines(server: Server, name: str) -> int:
    return len((server.logs / f"{name}.log").read_text().splitlines())


@only_torchserve
def test_an_answer_is_one_line(server: Server) -> None:
    photo = encode(Image.fromarray(scene()), "JPEG")
    server.predict("tiny", photo)
    time.sleep(1)  # lines of the start and of other tests
    before = {name: _lines(server, name) for name in ("access_log", "model_log", "ts_log")}
    for _ in range(ANSWERS):
        assert server.predict("tiny", photo).status == 200
    deadline = time.monotonic() + LIMIT_S
    while _lines(server, "access_log") < before["access_log"] + ANSWERS:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert _lines(server, "access_log") == before["access_log"] + ANSWERS
    assert _lines(server, "model_log") == before["model_log"]
    assert _lines(server, "ts_log") == before["ts_log"]


@only_ours
def test_an_answer_of_our_own_server_is_one_line(server: Server) -> None:
    photo = encode(Image.fromarray(scene()), "JPEG")
    server.predict("tiny", photo)
    time.sleep(1)  # lines of the start and of other tests
    before = {name: _lines(server, name) for name in ("access", "server")}
    for _ in range(ANSWERS):
        assert server.predict("tiny", photo).status == 200
    assert _lines(server, "access") == before["access"] + ANSWERS
    assert _lines(server, "server") == before["server"]
