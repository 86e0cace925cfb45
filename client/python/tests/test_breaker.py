"""The circuit breaker, by rules and against a model."""

import logging
import random
import unittest

from darkslide import (
    BreakerOpen,
    CircuitBreaker,
    Denied,
    ProtocolError,
    Remote,
    TimedOut,
    Unavailable,
)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def ended(breaker, error=None):
    """A call that ends so; false if it was not let through."""
    try:
        with breaker.guard():
            if error is not None:
                raise error
    except BreakerOpen:
        return False
    except BaseException as told:
        assert told is error
    return True


DOWN = Unavailable("nobody listens")


class Model:
    """The same in other words. What began before the last transition (`turn`) is not heard."""

    def __init__(self, failures, window, cooldown):
        self.failures, self.window, self.cooldown = failures, window, cooldown
        self.told = []
        self.opened = None
        self.trying = False
        self.probed = False
        self.turn = 0

    def state(self, now):
        if self.opened is None:
            return "closed"
        return "open" if now - self.opened < self.cooldown else "half-open"

    def passes(self, now):
        return self.state(now) == "closed" or self.state(now) == "half-open" and not self.probed

    def admit(self, now):
        passes = self.passes(now)
        if passes and self.opened is not None:
            self.turn += 0 if self.trying else 1
            self.trying = self.probed = True
        return passes

    def settle(self, now, begun, outcome):
        if begun != self.turn:
            return
        self.probed = False
        if outcome == "answer":
            self.turn += 1 if self.trying else 0
            self.told, self.opened, self.trying = [], None, False
        elif outcome == "failure":
            self.told.append(now)
            if self.trying or len([t for t in self.told if now - t < self.window]) >= self.failures:
                self.turn += 1
                self.opened, self.trying = now, False


class Rules(unittest.TestCase):
    def setUp(self):
        self.clock = Clock()
        self.breaker = CircuitBreaker(clock=self.clock)
        logging.getLogger("darkslide").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("darkslide").setLevel, logging.NOTSET)

    def failing(self, times):
        for _ in range(times):
            self.assertTrue(ended(self.breaker, DOWN))

    def test_three_failures_in_five_minutes_open_it_for_ten(self):
        self.failing(2)
        self.assertEqual(self.breaker.status().state, "closed")
        self.clock.now += 299.9
        self.failing(1)
        status = self.breaker.status()
        self.assertEqual((status.state, status.failures, status.max_failures), ("open", 3, 3))
        self.assertEqual((status.retry_in, status.would_pass), (600.0, False))
        self.assertIn("nobody listens", status.last_failure)
        self.clock.now += 599.9
        with self.assertRaises(BreakerOpen) as caught, self.breaker.guard():
            self.fail("it was let through")
        self.assertAlmostEqual(caught.exception.retry_in, 0.1)
        self.clock.now += 0.1
        self.assertEqual(self.breaker.status().state, "half-open")
        self.assertTrue(ended(self.breaker))
        self.assertEqual(self.breaker.status().state, "closed")

    def test_failures_that_are_too_old_do_not_count(self):
        self.failing(2)
        self.clock.now += 300.0
        self.failing(2)
        status = self.breaker.status()
        self.assertEqual((status.state, status.failures), ("closed", 2))

    def test_a_success_clears_the_window(self):
        for _ in range(5):
            self.failing(2)
            self.assertTrue(ended(self.breaker))
        self.assertEqual(self.breaker.status().state, "closed")

    def test_exactly_one_probe_is_let_through_and_its_failure_opens_it_for_the_whole_cooldown(self):
        self.failing(3)
        self.clock.now += 600.0
        with self.assertRaises(Unavailable), self.breaker.guard():
            for _ in range(3):
                self.assertFalse(ended(self.breaker), "while one tries")
            self.assertFalse(self.breaker.status().would_pass)
            self.clock.now += 50.0
            raise DOWN
        self.assertEqual(self.breaker.status().retry_in, 600.0)
        self.clock.now += 599.0
        self.assertFalse(ended(self.breaker))

    def test_only_transport_and_transient_errors_count(self):
        for error in (
            Denied("no"),
            Remote("no such album", class_="caller"),
            ProtocolError("too long", reason="too-large", class_="caller"),
            ProtocolError("another form", reason="result"),
            KeyError("ours"),
            KeyboardInterrupt(),
        ):
            for _ in range(5):
                self.assertTrue(ended(self.breaker, error))
            self.assertEqual(self.breaker.status().failures, 0, error)
        for error in (
            DOWN,
            TimedOut("slow"),
            Remote("busy", class_="transient"),
            ProtocolError("nonsense", reason="json"),
            ConnectionResetError("gone"),
        ):
            breaker = CircuitBreaker(max_failures=1, clock=self.clock)
            self.assertTrue(ended(breaker, error))
            self.assertEqual(breaker.status().state, "open", error)

    def test_a_probe_that_is_interrupted_gives_its_place_back(self):
        self.failing(3)
        self.clock.now += 600.0
        self.assertTrue(ended(self.breaker, KeyboardInterrupt()))
        self.assertTrue(self.breaker.status().would_pass)
        self.assertTrue(ended(self.breaker))

    def test_each_transition_is_logged(self):
        logging.getLogger("darkslide").setLevel(logging.INFO)
        with self.assertLogs("darkslide", logging.INFO) as logged:
            self.failing(3)
            self.clock.now += 600.0
            ended(self.breaker, DOWN)
            self.clock.now += 600.0
            ended(self.breaker)
        told = [record.getMessage().split(": ")[1] for record in logged.records]
        self.assertEqual(
            told,
            ["closed -> open", "open -> half-open", "half-open -> open", "open -> half-open",
             "half-open -> closed"],
        )  # fmt: skip

    def test_numbers_that_make_no_sense_are_refused(self):
        for numbers in ((0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1)):
            with self.assertRaises(ValueError):
                CircuitBreaker(*numbers)

    def test_it_does_as_the_model_for_any_sequence(self):
        for seed in range(300):
            self.one_sequence(random.Random(seed))

    def one_sequence(self, dice):
        numbers = (dice.randint(1, 4), dice.choice([5, 20]), dice.choice([3, 30]))
        clock, model = self.clock, Model(*numbers)
        breaker = CircuitBreaker(*numbers, clock=clock)
        errors = {"failure": DOWN, "answer": Denied("no"), "unknown": KeyboardInterrupt()}
        under_way = []
        for _ in range(80):
            clock.now += dice.choice([0, 0, 0.5, 1, 3, 10])
            if under_way and dice.random() < 0.6:
                begun, guard = under_way.pop(dice.randrange(len(under_way)))
                outcome = dice.choice(["failure", "failure", "answer", "unknown"])
                model.settle(clock.now, begun, outcome)
                error = errors[outcome]
                with self.assertRaises(type(error)):
                    if not guard.__exit__(type(error), error, None):
                        raise error
            else:
                guard, wanted = breaker.guard(), model.admit(clock.now)
                try:
                    guard.__enter__()
                    self.assertTrue(wanted)
                    under_way.append((model.turn, guard))
                except BreakerOpen:
                    self.assertFalse(wanted)
            status = breaker.status()
            self.assertEqual(breaker.status(), status, "looking changes nothing")
            self.assertEqual(status.state, model.state(clock.now))
            self.assertEqual(status.would_pass, model.passes(clock.now))
        for _, guard in under_way:
            guard.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
