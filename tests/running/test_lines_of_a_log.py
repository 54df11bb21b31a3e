"""What a running service writes into its logs for each answer: a line in the access log, and nothing else."""

from PIL import Image
from support.pictures import encode, scene
from support.server import Server
from support.waiting import until

ANSWERS = 20
VERSION = "/predictions/tiny/1.0"  # where no other test asks this server
LOGS = {"torchserve": ("access_log", "model_log", "ts_log"), "groupnl": ("access", "server")}


def _lines(server: Server, name: str) -> list[str]:
    return (server.logs / f"{name}.log").read_text().splitlines()


def test_an_answer_is_one_line(server: Server) -> None:
    access, *others = LOGS[server.kind]
    photo = encode(Image.fromarray(scene()), "JPEG")
    server.predict("tiny", photo)
    before = {name: len(_lines(server, name)) for name in others}
    for _ in range(ANSWERS):
        assert server.ask(VERSION, photo).status == 200

    def of_them() -> list[str]:
        return [line for line in _lines(server, access) if VERSION in line]

    until(lambda: len(of_them()) >= ANSWERS)  # a client has its answer before the line is written
    assert len(of_them()) == ANSWERS
    for name in others:  # where a line or two may be of the start and of other tests
        assert len(_lines(server, name)) - before[name] < ANSWERS
