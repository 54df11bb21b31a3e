"""`/docs`: the description of the addresses as a page that needs no other file, no script and no other host."""

import itertools
from collections.abc import Iterable, Mapping
from html import escape

from groupnl.server.web.answer import Answer
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.openapi import EXAMPLES, Object, document

HTML = "text/html; charset=utf-8"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
h2 { font-size: 1.05rem; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem; }
pre { background: var(--soft); padding: .75rem; border-radius: .4rem; overflow-x: auto; }
b { background: var(--soft); border-radius: .3rem; padding: .1rem .4rem; margin-right: .3rem; font-size: .85rem; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--soft); padding: .25rem .75rem .25rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; }
"""


async def docs_page(_: Exchange) -> Answer:
    """The page."""
    headers = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff"}
    return Answer(200, _page(document()).encode(), headers, HTML)


def _page(described: Object) -> str:
    info = described["info"]
    title = f"{info['title']} {info['version']}"
    groups = itertools.groupby(described["paths"].items(), lambda pair: _operation(pair[1])["summary"])
    sections = "\n".join(_section(dict(paths)) for _, paths in groups)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n'
        f"<h1>{escape(title)}</h1>\n<p>{escape(info['description'])} "
        f'For programs: <a href="openapi.json">openapi.json</a>.</p>\n{sections}\n</html>\n'
    )


def _operation(item: Object) -> Object:
    """The first of an address; the others say the same."""
    operation: Object = next(each for name, each in item.items() if name != "parameters")
    return operation


def _section(paths: Mapping[str, Object]) -> str:
    """Addresses that do the same; the last of them has all parameters."""
    *_, item = paths.values()
    operation = _operation(item)
    methods = "".join(f"<b>{name.upper()}</b>" for name in item if name != "parameters")
    names = "<br>".join(f"{methods} <code>{escape(path)}</code>" for path in paths)
    parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
    pieces = [
        f"<section>\n<h2>{names}</h2>\n<p>{escape(operation['summary'])}</p>",
        _table((each["name"], each["description"]) for each in parameters),
        *(f"<pre>{escape(each['source'])}</pre>" for each in operation.get(EXAMPLES, ())),
        _table((status, each["description"]) for status, each in operation["responses"].items()),
        "</section>",
    ]
    return "\n".join(piece for piece in pieces if piece)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"<tr><td><code>{escape(name)}</code><td>{escape(text)}" for name, text in rows]
    return "\n".join(["<table>", *lines, "</table>"]) if lines else ""
