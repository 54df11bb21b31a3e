"""groupnl.server.command: which signals stop the service."""

import os
import signal

import pytest

from groupnl.server.command import _stop_signals

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_asks_for_the_stop(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with _stop_signals() as stop:
            os.kill(os.getpid(), number)
            assert stop.wait(5)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_ignored_stays_so(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with _stop_signals() as stop:
            os.kill(os.getpid(), number)
            assert signal.getsignal(number) is signal.SIG_IGN
            assert not stop.is_set()
    finally:
        signal.signal(number, before)
