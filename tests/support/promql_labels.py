"""Which labels a PromQL answer has: an unknown metric or label, or a join that can never match, is an error."""

from collections.abc import Mapping
from typing import Any

import promql_parser as promql

SETS = {"and", "or", "unless"}
Labels = frozenset[str]


class UnknownError(AssertionError):
    """The expression names what does not exist, or joins what cannot match."""


def labels_of(text: str, known: Mapping[str, Labels]) -> Labels:
    """The labels of an expression's answer.

    Args:
        text: PromQL, without Grafana's variables.
        known: metric -> its labels.
    """
    return _Reader(known).read(promql.parse(text))


class _Reader:
    def __init__(self, known: Mapping[str, Labels]) -> None:
        self._known = known

    def read(self, node: Any) -> Labels | None:
        """Labels of a vector; None for a number or a text."""
        return getattr(self, f"_{type(node).__name__}", self._other)(node)

    def _other(self, node: Any) -> Labels | None:
        if isinstance(node, promql.NumberLiteral | promql.StringLiteral):
            return None
        return self.read(node.expr)  # brackets, signs, subqueries

    def _VectorSelector(self, node: Any) -> Labels:  # noqa: N802 (as the parser calls it)
        if node.name not in self._known:
            raise UnknownError(f"no metric {node.name}")
        asked = {matcher.name for matcher in node.matchers.matchers}
        self._inside(asked, self._known[node.name], node.name)
        return self._known[node.name]

    def _MatrixSelector(self, node: Any) -> Labels:  # noqa: N802
        return self._VectorSelector(node.vector_selector)

    def _Call(self, node: Any) -> Labels | None:  # noqa: N802
        found = [labels for argument in node.args if (labels := self.read(argument)) is not None]
        labels = found[0] if found else frozenset()
        name = node.func.name
        if name == "time":
            return None
        if name == "label_replace":
            self._inside({node.args[3].val}, labels, name)
            return labels | {node.args[1].val}
        if name == "histogram_quantile":
            self._inside({"le"}, labels, name)
            return labels - {"le"}
        if name == "absent":
            return frozenset({m.name for m in node.args[0].matchers.matchers} & labels)
        return labels

    def _AggregateExpr(self, node: Any) -> Labels:  # noqa: N802
        labels = self.read(node.expr) or frozenset()
        kept = frozenset(node.modifier.labels) if node.modifier else frozenset()
        self._inside(kept, labels, str(node.op))
        return labels if str(node.op) in {"topk", "bottomk"} else kept

    def _BinaryExpr(self, node: Any) -> Labels | None:  # noqa: N802
        left, right = self.read(node.lhs), self.read(node.rhs)
        if left is None or right is None:
            return left if right is None else right
        matching = node.modifier.matching if node.modifier else None
        if matching is not None:
            return self._joined(node, left, right)
        if str(node.op) not in SETS and left != right:
            raise UnknownError(f"{node} joins {sorted(left)} with {sorted(right)}")
        if str(node.op) in {"and", "unless"} and left != right:
            raise UnknownError(f"{node} compares {sorted(left)} with {sorted(right)}")
        return left | right if str(node.op) == "or" else left

    def _joined(self, node: Any, left: Labels, right: Labels) -> Labels:
        on = frozenset(node.modifier.matching.labels)
        self._inside(on, left, str(node))
        self._inside(on, right, str(node))
        added = frozenset((node.modifier.card and node.modifier.group_labels) or ())
        self._inside(added, right, str(node))
        many = str(node.op) in SETS or node.modifier.card == promql.VectorMatchCardinality.ManyToOne
        return left | added if many else on

    @staticmethod
    def _inside(asked: set[str] | Labels, labels: Labels, where: str) -> None:
        if missing := set(asked) - labels:
            raise UnknownError(f"no label {sorted(missing)} in {where}, which has {sorted(labels)}")
