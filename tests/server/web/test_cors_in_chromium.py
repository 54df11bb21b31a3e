"""What a real browser lets a page of another site do."""

import pytest
from support.browser import CHROMIUM, chromium
from support.front import SHARES, Front
from support.http_thread import http_thread

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]
ASK = """
fetch("http://127.0.0.1:{port}/predictions/owls", {{method: "PUT", body: new Uint8Array([1, 2, 3]),
    headers: {{"X-Top-K": "3", "Content-Type": "image/png"}}}})
  .then(async (answer) => [answer.status, answer.headers.get("x-model-version"), await answer.json()])
  .catch((error) => error.name)
"""


def test_a_page_asks_where_it_may() -> None:
    site, stranger = Front(), Front()
    with http_thread(site.app) as home:
        open_to_it = Front(origins=[f"http://127.0.0.1:{home}"])
        with http_thread(open_to_it.app) as port, http_thread(stranger.app) as closed, chromium() as page:
            page.open(f"http://127.0.0.1:{home}/live")
            assert page.run(ASK.format(port=port)) == [200, "1.0", SHARES]
            assert page.run(ASK.format(port=closed)) == "TypeError"
    assert [part.content for part in open_to_it.pool.parts] == [b"\1\2\3"]
    assert stranger.pool.parts == []
