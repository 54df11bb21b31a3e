"""groupnl.server.stop: which signals stop the service."""

import os
import signal
import threading
import time

import pytest

from groupnl.server.stop import ECHO_S, stop_signals

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_asks_for_the_stop(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with stop_signals() as stop:
            os.kill(os.getpid(), number)
            assert stop.wait(5)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_ignored_stays_so(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with stop_signals() as stop:
            os.kill(os.getpid(), number)
            assert signal.getsignal(number) is signal.SIG_IGN
            assert not stop.wait(0)
    finally:
        signal.signal(number, before)


def test_a_second_signal_is_another_wish_and_an_echo_is_none() -> None:
    with stop_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(0)
        assert not stop.wait_for_another(1.5 * ECHO_S)
        sender = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))
        sender.start()
        began = time.monotonic()
        assert stop.wait_for_another(60)
        assert time.monotonic() < began + 30
        assert stop.wait(0)
        sender.join()


def test_a_signal_in_the_middle_of_a_wait_does_not_block_it() -> None:
    """Many short waits, so that signals meet every point of them."""
    with stop_signals() as stop:
        end = threading.Event()

        def send() -> None:
            while not end.wait(0.0001):
                os.kill(os.getpid(), signal.SIGTERM)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            assert stop.wait(5)
            assert all(stop.wait(0.001) for _ in range(100_000))
        finally:
            end.set()
            sender.join()
