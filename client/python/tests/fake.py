"""A scripted daemon in a thread, and both clients behind one face.

A script plays one connection: it takes requests in order, and answers with results, errors, events,
descriptors, or any bytes at all. It keeps none of the daemon's promises by itself. What a script
did not foresee fails the test that made it.
"""

import asyncio
import contextlib
import inspect
import json
import os
import socket
import struct
import tempfile
import threading
import unittest

import darkslide

GREETING = {"service": "darkslide", "instance": "1", "version": "0", "protocol": 1}
PATIENCE_SECONDS = 60.0


def framed(message):
    payload = json.dumps(message).encode()
    return struct.pack(">I", len(payload)) + payload


class Peer:
    """One connection, as the daemon has it."""

    def __init__(self, sock):
        sock.settimeout(PATIENCE_SECONDS)
        self.sock = sock
        self._glued = None

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise EOFError("the client has closed the connection")
            data += more
        return data

    def message(self):
        (length,) = struct.unpack(">I", self._exactly(4))
        return json.loads(self._exactly(length))

    def request(self, method):
        """The next message, which has to be of that method."""
        message = self.message()
        assert message["method"] == method, message
        return message

    def is_closed(self):
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    @contextlib.contextmanager
    def glued(self):
        """What is sent within goes out at once."""
        self._glued = b""
        yield
        data, self._glued = self._glued, None
        self.raw(data)

    def raw(self, data, descriptors=()):
        if self._glued is not None:
            self._glued += data
            return
        if descriptors:
            sent = socket.send_fds(self.sock, [data[:1]], descriptors)
            assert sent == 1
            data = data[1:]
        self.sock.sendall(data)

    def answer(self, asked, result=None, descriptors=(), **more):
        message = {"jsonrpc": "2.0", "id": asked["id"], "result": result or {}, **more}
        self.raw(framed(message), descriptors)

    def refuse(self, asked, code=1001, name="DENIED", class_="policy", message="no", **data):
        data = {"name": name, "reason": "denied", "hint": "ask", "class": class_, **data}
        error = {"code": code, "message": message, "data": data}
        self.raw(framed({"jsonrpc": "2.0", "id": asked and asked["id"], "error": error}))

    def event(self, seq, kind="progress", topic="jobs", subscription="s", **data):
        params = {"subscription": subscription, "seq": seq, "time": "2026-07-01T00:00:00.000Z"}
        params.update({"topic": topic, "kind": kind, "data": data})
        self.raw(framed({"jsonrpc": "2.0", "method": "event", "params": params}))

    def greet(self, **other):
        self.answer(self.request("health"), {**GREETING, **other})


class Fake:
    """Listens in a folder of its own; each script plays one connection, one after the other."""

    def __init__(self, *scripts, greets=True):
        self._scripts = scripts
        self._greets = greets
        self._error = None

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="darkslide-python")
        self.path = os.path.join(self._folder.name, "s")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        os.chmod(self.path, 0o600)
        self._listener.listen(16)
        self._listener.settimeout(PATIENCE_SECONDS)
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()
        return self

    def _play(self):
        try:
            for script in self._scripts:
                connection, _ = self._listener.accept()
                with connection:
                    peer = Peer(connection)
                    if self._greets:
                        peer.greet()
                    script(peer)
        except BaseException as error:
            self._error = error

    def __exit__(self, kind, *_):
        if kind is None:
            self._thread.join(PATIENCE_SECONDS)
        self._listener.close()
        self._folder.cleanup()
        if kind is None and self._error is not None:
            raise AssertionError(f"the script did not foresee it: {self._error!r}")
        assert kind is not None or not self._thread.is_alive(), "the script goes on"


class Blocked:
    """Anything of asyncio, as if it blocked: what it would return comes at once."""

    def __init__(self, loop, inner):
        self._loop, self._inner = loop, inner

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if not callable(found):
            return found
        return lambda *args, **named: self._wait(found(*args, **named))

    def _wait(self, value):
        if inspect.iscoroutine(value):
            value = self._loop.run_until_complete(value)
        asynchronous = (darkslide.AsyncExport, darkslide.AsyncSubscription)
        if hasattr(value, "__anext__") or isinstance(value, asynchronous):
            return Blocked(self._loop, value)
        return value

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return self._loop.run_until_complete(self._inner.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None


@contextlib.contextmanager
def blocking_client(path, **settings):
    with darkslide.Client(path, **settings) as client:
        yield client


@contextlib.contextmanager
def asyncio_client(path, **settings):
    loop = asyncio.new_event_loop()
    try:
        client = Blocked(loop, darkslide.AsyncClient(path, **settings))
        client.connect()
        try:
            yield client
        finally:
            client.close()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def twice(module, *cases):
    """Makes of each class of cases two tests: one over each client."""
    for case in cases:
        for name, client in (("Blocking", blocking_client), ("Asyncio", asyncio_client)):
            name += case.__name__
            body = {"client": staticmethod(client), "__module__": module["__name__"]}
            module[name] = type(name, (case, unittest.TestCase), body)


def open_descriptors():
    return set(os.listdir("/dev/fd"))
