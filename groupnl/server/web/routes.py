"""Every address of the service."""

import re

from groupnl import metrics
from groupnl.metrics import INVOCATIONS, RAW, TRIAL
from groupnl.server.pool.models import Models
from groupnl.server.pool.reload import Reloads
from groupnl.server.rereading import Rereading
from groupnl.server.web.app import Route
from groupnl.server.web.asking import Asking
from groupnl.server.web.descriptions import Descriptions
from groupnl.server.web.docs_page import docs_page
from groupnl.server.web.health import Health
from groupnl.server.web.limits import Limits
from groupnl.server.web.management import Management
from groupnl.server.web.openapi import openapi
from groupnl.server.web.playground import Playground
from groupnl.server.web.predictions import Predictions
from groupnl.server.web.state import State
from groupnl.server.web.trials import Trials
from groupnl.server.web.v1 import V1
from groupnl.server.web.v2 import V2, in_its_form

_READ = ("GET", "HEAD")
_ASK = ("PUT", "POST")
_NAME = r"(?P<name>[^/]+)"
_NUMBERED = rf"{_NAME}(?:/(?P<version>[^/]+))?"
_VERSIONED = rf"{_NAME}(?:/versions/(?P<version>[^/]+))?"


def public_routes(models: Models, limits: Limits, state: State, *, playground: bool = True) -> list[Route]:
    """The addresses for clients and balancers.

    Args:
        models: that are served.
        limits: of a request.
        state: of the server.
        playground: whether there is one, and images are corrupted for whoever asks.
    """
    health, descriptions = Health(models, state), Descriptions(models)
    asking = Asking(models, limits)
    predictions, v1 = Predictions(models, asking), V1(models, asking)
    return [
        Route(re.compile(rf"/predictions/{_NUMBERED}"), _ASK, predictions.predict, protocol=RAW),
        Route(re.compile("/invocations"), _ASK, predictions.invoke, protocol=INVOCATIONS),
        Route(re.compile(rf"/v1/models/{_VERSIONED}:predict"), _ASK, v1.predict, protocol=metrics.V1),
        Route(re.compile(rf"/v1/models/{_VERSIONED}"), _READ, v1.status),
        Route(re.compile("/v1/models"), _READ, v1.all),
        *_v2_routes(V2(models, health, asking)),
        Route(re.compile("/models"), _READ, descriptions.all),
        Route(re.compile(rf"/models/{_NUMBERED}"), _READ, descriptions.one),
        Route(re.compile("/ping|/ready"), _READ, health.ready, is_health=True),
        Route(re.compile("/live"), _READ, health.live, is_health=True),
        Route(re.compile(r"/openapi\.json"), _READ, openapi, is_open=True),
        Route(re.compile("/docs"), _READ, docs_page, is_open=True),
        *(_playground_routes(Trials(asking), Playground()) if playground else ()),
    ]


def _playground_routes(trials: Trials, page: Playground) -> list[Route]:
    return [
        Route(re.compile(rf"/corrupt/{_NUMBERED}"), _ASK, trials.corrupt, protocol=TRIAL),
        Route(re.compile(rf"/robustness/{_NUMBERED}"), _ASK, trials.answer, protocol=TRIAL),
        Route(re.compile("/"), _READ, page.file, is_open=True),
        Route(re.compile("/playground/(?P<file>[^/]+)"), _READ, page.file, is_open=True),
    ]


def _v2_routes(v2: V2) -> list[Route]:
    model = f"/v2/models/{_VERSIONED}"
    return [
        Route(re.compile("/v2"), _READ, v2.server, in_its_form),
        Route(re.compile("/v2/health/live"), _READ, v2.live, in_its_form, is_health=True),
        Route(re.compile("/v2/health/ready"), _READ, v2.ready, in_its_form, is_health=True),
        Route(re.compile(f"{model}/infer"), _ASK, v2.infer, in_its_form, metrics.V2),
        Route(re.compile(f"{model}/ready"), _READ, v2.model_ready, in_its_form),
        Route(re.compile(model), _READ, v2.model, in_its_form),
        Route(re.compile("/v2/.*"), (*_READ, *_ASK), v2.nothing, in_its_form),
    ]


def management_routes(models: Models, reloads: Reloads, rereading: Rereading) -> list[Route]:
    """The addresses for operators."""
    descriptions = Descriptions(models)
    management = Management(reloads, rereading)
    return [
        Route(re.compile(rf"/models/{_NAME}/reload"), ("POST",), management.reload),
        Route(re.compile("/access/reload"), ("POST",), management.reread),
        Route(re.compile("/models"), _READ, descriptions.all),
        Route(re.compile(rf"/models/{_NUMBERED}"), _READ, descriptions.one),
    ]
