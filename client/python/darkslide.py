"""Client of the darkslide daemon, in one file of the standard library; Python 3.9 or newer.

    import darkslide

    with darkslide.Client() as client:
        for asset in client.assets("main", {"album": "Summer 2024"}):
            print(asset["original_filename"])

`Client` blocks, `AsyncClient` has the same methods for asyncio. What can go wrong is one of five
things, each a `DarkslideError` with a hint. `CircuitBreaker` stands for itself.

How it is made: `_Link` is one connection without its socket (bytes and descriptors in, bytes out);
`_Core` is the client, written once as coroutines. `AsyncClient` awaits them on asyncio's loop.
`Client` runs the same coroutines to their end at once, for over a `_BlockingSocket` they never
suspend. The hazard that shaped it: a file descriptor that is lost or leaked, so each is either in
the queue of its connection, in one answer, or closed.
"""

from __future__ import annotations

import array
import asyncio
import base64
import binascii
import contextlib
import copy
import io
import json
import logging
import math
import os
import random
import secrets
import select
import socket
import stat
import struct
import sys
import threading
import time
import weakref
from collections import deque
from typing import (
    Any,
    AsyncContextManager,
    AsyncIterator,
    Callable,
    ContextManager,
    Coroutine,
    Deque,
    Dict,
    Generic,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Type,
    TypeVar,
    Union,
)

__version__ = "0.1.0"
__all__ = [
    "AsyncClient",
    "AsyncExport",
    "AsyncSubscription",
    "BreakerOpen",
    "BreakerStatus",
    "CircuitBreaker",
    "Client",
    "DarkslideError",
    "Denied",
    "Event",
    "Export",
    "OsxphotosSandboxClient",
    "ProtocolError",
    "Remote",
    "Resource",
    "Subscription",
    "TimedOut",
    "Unavailable",
    "default_socket",
]

Json = Dict[str, Any]
T = TypeVar("T")

SERVICE = "darkslide"
PROTOCOL = 1

MAX_REQUEST_BYTES = 64 * 1024  # the longest request, by the protocol
MAX_RESPONSE_BYTES = 8 * 1024 * 1024  # the longest response
MAX_IN_FLIGHT = 64  # requests of one connection that are not answered yet; then the daemon waits
MAX_SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107  # what `sockaddr_un` holds
MAX_QUEUED_EVENTS = 256  # that wait for their reader: 25 seconds of a job at full speed

CONNECT_SECONDS = 15.0 if sys.platform == "darwin" else 5.0  # launchd may hold a start back for 10
CALL_SECONDS = 30.0
KEEP_ALIVE_SECONDS = 30.0  # the daemon says something after so much silence
MISSED_KEEP_ALIVES = 3  # after which nobody is there any more

_READ_BYTES = 64 * 1024
_DESCRIPTOR_ROOM = 4  # one may come at once; what is more is told apart from what fits, and closed
_BACKLOG_SECONDS = 0.02  # between two attempts on a socket whose backlog is full
_LOOK_SECONDS = 1.0  # an interrupt in the moment before a wait is seen so late at most

_log = logging.getLogger("darkslide")


# Errors ------------------------------------------------------------------------------------------


class DarkslideError(Exception):
    """Why a call has no answer.

    `name` is what to decide by, `reason` says it closer, `hint` what to do, `class_` whose turn it
    is: `caller`, `policy`, `environment`, `transient` or `bug`. `code` and `data` are the wire's.
    """

    name = "ERROR"
    class_ = "bug"

    def __init__(
        self,
        message: str,
        *,
        code: Optional[int] = None,
        name: Optional[str] = None,
        reason: str = "",
        hint: str = "",
        class_: Optional[str] = None,
        data: Optional[Json] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.name = name or type(self).name
        self.reason = reason
        self.hint = hint
        self.class_ = class_ or type(self).class_
        self.data: Json = data or {}

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Denied(DarkslideError):
    """The policy says no."""

    name = "DENIED"
    class_ = "policy"


class Unavailable(DarkslideError):
    """There is no daemon to ask, or none to be trusted, or it went away."""

    name = "UNAVAILABLE"
    class_ = "transient"


class TimedOut(DarkslideError):
    """No answer within the time; the connection stays usable, and the request is given up."""

    name = "TIMED_OUT"
    class_ = "transient"


class ProtocolError(DarkslideError):
    """One side does not keep to the protocol."""

    name = "PROTOCOL"
    class_ = "bug"


class Remote(DarkslideError):
    """The daemon answered with another error than a denial."""


def _remote(error: Any) -> DarkslideError:
    """The exception for the `error` of an answer."""
    if not isinstance(error, dict) or type(error.get("code")) is not int:
        return ProtocolError("the daemon's error is of another form", reason="error")
    data = error.get("data")
    data = data if isinstance(data, dict) else {}
    words = {key: data[key] for key in ("name", "reason", "hint") if isinstance(data.get(key), str)}
    class_ = data.get("class")
    kind = Denied if words.get("name") == Denied.name or error["code"] == 1001 else Remote
    return kind(
        str(error.get("message", "")),
        code=error["code"],
        class_=class_ if isinstance(class_, str) else None,
        data=data,
        **words,
    )


# Where the daemon is, and whether what is there can be trusted -----------------------------------


def default_socket() -> str:
    """Where the daemon's socket is by default; nothing is said of whether it is there.

    Raises `Unavailable` where no variable tells.
    """
    return _choose_socket(os.environ, sys.platform, os.geteuid(), _owner_of_folder)


def _choose_socket(
    around: Mapping[str, str], platform: str, uid: int, owner: Callable[[str], Optional[int]]
) -> str:
    def absolute(variable: str) -> str:
        if not os.path.isabs(around[variable]):
            raise _misplaced(f"{variable} is not an absolute path", "not-absolute")
        return around[variable]

    if around.get("DARKSLIDE_SOCKET"):
        return absolute("DARKSLIDE_SOCKET")
    if platform == "darwin":
        if not around.get("HOME"):
            raise _misplaced("HOME is not set", "nowhere")
        return os.path.join(absolute("HOME"), "Library/Application Support/darkslide/s")
    if around.get("XDG_RUNTIME_DIR"):
        return os.path.join(absolute("XDG_RUNTIME_DIR"), "darkslide/s")
    folder = f"/run/user/{uid}"  # the variable is unset under cron, ssh or su
    if owner(folder) != uid:
        raise _misplaced(f"XDG_RUNTIME_DIR is not set, and {folder} is not ours", "nowhere")
    return os.path.join(folder, "darkslide/s")


def _owner_of_folder(path: str) -> Optional[int]:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_uid if stat.S_ISDIR(found.st_mode) else None


def _misplaced(message: str, reason: str) -> Unavailable:
    hint = "set DARKSLIDE_SOCKET to the absolute path of the daemon's socket"
    return Unavailable(message, reason=reason, hint=hint, class_="environment")


def _untrusted(message: str, reason: str, hint: str) -> Unavailable:
    return Unavailable(message, reason=reason, hint=hint, class_="environment")


def _check_place(path: str, uid: int) -> None:
    """Looks at the folder and the socket, before anything connects; follows no link."""
    length = len(os.fsencode(path))
    if length > MAX_SOCKET_PATH_BYTES:
        message = f"the socket's path has {length} bytes; {MAX_SOCKET_PATH_BYTES} are allowed"
        raise _misplaced(message, "too-long")
    folder = os.path.dirname(path) or "."
    for place, check in ((folder, _check_folder), (path, _check_socket)):
        try:
            found = os.lstat(place)
        except OSError as error:
            hint = "start the daemon (`darkslided`)"
            message = f"cannot look at {place}: {error.strerror}"
            raise Unavailable(message, reason="absent", hint=hint) from error
        check(place, found.st_mode, found.st_uid, uid)


def _check_folder(path: str, mode: int, owner: int, uid: int) -> None:
    hint = "use a folder of your own with mode 0700, and no link"
    if not stat.S_ISDIR(mode):
        raise _untrusted(f"{path} is not a folder", "not-a-folder", hint)
    if owner not in (uid, 0):
        raise _untrusted(f"the folder {path} belongs to uid {owner}", "folder-owner", hint)
    if mode & 0o022:
        message = f"the folder {path} can be written by others (mode {stat.S_IMODE(mode):04o})"
        raise _untrusted(message, "folder-mode", hint)


_STRANGER = "find out who listens there, remove it, and start the daemon anew"


def _check_socket(path: str, mode: int, owner: int, uid: int) -> None:
    if not stat.S_ISSOCK(mode):
        raise _untrusted(f"{path} is not a socket", "not-a-socket", _STRANGER)
    if owner not in (uid, 0):
        raise _untrusted(f"the socket {path} belongs to uid {owner}", "socket-owner", _STRANGER)
    if mode & 0o002:  # the group may connect where the policy names one
        message = f"the socket {path} is open to everybody (mode {stat.S_IMODE(mode):04o})"
        raise _untrusted(message, "socket-mode", _STRANGER)


def _check_peer(path: str, peer: int, uid: int) -> None:
    # Root: of an activated socket the kernel names whoever listened first.
    if peer not in (uid, 0):
        raise _untrusted(f"uid {peer} listens at {path}", "peer-uid", _STRANGER)


def _peer_uid(sock: socket.socket) -> int:
    """The uid of the other end, as the kernel names it."""
    if sys.platform == "darwin":
        return int(struct.unpack_from("=II", sock.getsockopt(0, 1, 76))[1])  # LOCAL_PEERCRED
    return int(struct.unpack("=iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])


# Events ------------------------------------------------------------------------------------------


class Event(NamedTuple):
    """What happened. Kinds may come that this file does not know: skip those."""

    subscription: str
    seq: int
    time: str
    topic: str
    kind: str
    data: Json

    @property
    def is_terminal(self) -> bool:
        """Does nothing of the job come after it?"""
        return self.kind in ("finished", "failed", "cancelled")


def _event(params: Any) -> Event:
    told: List[Any] = []
    if isinstance(params, dict):
        told = [params.get(name) for name in Event._fields]
    if [type(value) for value in told] != [str, int, str, str, str, dict]:
        raise ProtocolError("an event is of another form", reason="event")
    return Event(*told)


class _Feed:
    """Events of one subscription, between the connection and whoever reads them.

    Bounded: the oldest are dropped, and `overflow` tells how many; the end of a job is the last to
    go. It outlives its connection, and is attached to the next one by `since`.
    """

    def __init__(self, topics: Sequence[str], since: Optional[int]) -> None:
        self.topics = list(topics)
        self.since = since
        self.name = ""
        self.home: Optional[_Socket] = None
        self.closed = False
        self.pauses = _BackOff()
        self._events: Deque[Event] = deque()
        self._dropped = 0
        of_jobs = all(topic.startswith(("job:", "key:")) for topic in topics)
        self._unfinished: Optional[Set[str]] = set(topics) if of_jobs else None

    def attach(self, result: Json, home: Optional[_Socket]) -> None:
        """Notes under which name the daemon tells its events on this connection."""
        name, seq = result.get("subscription"), result.get("seq")
        if not isinstance(name, str):
            raise ProtocolError("the subscription has no name", reason="result")
        self.name, self.home = name, home
        if self.since is None and type(seq) is int:
            self.since = seq

    def push(self, event: Event) -> None:
        self.since = event.seq
        self.pauses = _BackOff()
        if event.kind == "keepalive" or self.closed:
            return
        if len(self._events) >= MAX_QUEUED_EVENTS:
            oldest = next((at for at, old in enumerate(self._events) if not old.is_terminal), 0)
            del self._events[oldest]
            self._dropped += 1
        self._events.append(event)

    def pop(self) -> Optional[Event]:
        if not self._events:
            return None
        if self._dropped:
            told = self._events[0]._replace(kind="overflow", data={"dropped": self._dropped})
            self._dropped = 0
            return told._replace(seq=told.seq - 1)
        event = self._events.popleft()
        if event.is_terminal and self._unfinished is not None:
            self._unfinished.discard(event.topic)
        return event

    @property
    def ready(self) -> bool:
        return bool(self._events)

    @property
    def over(self) -> bool:
        """Is there nothing to come? Of jobs, when all are; other topics have no end."""
        return self.closed or (not self._events and self._unfinished == set())


# One connection, without its socket --------------------------------------------------------------


class _Frames:
    """Cuts a stream of bytes into frames; a length above the limit is refused by itself."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def has_begun(self) -> bool:
        """Is there a part of a frame?"""
        return bool(self._buffer)

    def next(self) -> Optional[bytes]:
        if len(self._buffer) < 4:
            return None
        (length,) = struct.unpack_from(">I", self._buffer)
        if length > self._limit:
            message = f"a frame of {length} bytes; {self._limit} are allowed"
            raise ProtocolError(message, reason="too-large")
        if len(self._buffer) < 4 + length:
            return None
        frame = bytes(self._buffer[4 : 4 + length])
        del self._buffer[: 4 + length]
        return frame


def _framed(request: Json) -> bytes:
    """The bytes of a request, or `ProtocolError` if it cannot be one."""
    try:
        text = json.dumps(request, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        payload = text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        message = f"the params are no JSON: {error}"
        raise ProtocolError(message, reason="params", class_="caller") from error
    if len(payload) > MAX_REQUEST_BYTES:
        text = f"the request has {len(payload)} bytes; {MAX_REQUEST_BYTES} are allowed"
        raise ProtocolError(text, reason="too-large", hint="ask for less at once", class_="caller")
    return struct.pack(">I", len(payload)) + payload


def _not_a_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _message(frame: bytes) -> Json:
    try:
        message = json.loads(frame.decode("utf-8"), parse_constant=_not_a_number)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a frame is no JSON document", reason="json") from error
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise ProtocolError("a frame is no JSON-RPC 2.0 message", reason="envelope")
    return message


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)


class _Answer:
    """What one request waits for."""

    def __init__(self, feed: Optional[_Feed] = None) -> None:
        self.feed = feed
        self.home: Optional[_Socket] = None
        self.number = 0
        self.done = False
        self.given_up = False
        self.result: Json = {}
        self.error: Optional[DarkslideError] = None
        self.descriptor: Optional[int] = None

    def take_descriptor(self) -> Optional[int]:
        descriptor, self.descriptor = self.descriptor, None
        return descriptor

    def settle(
        self, result: Json, error: Optional[DarkslideError] = None, descriptor: Optional[int] = None
    ) -> None:
        self.done, self.result, self.error, self.descriptor = True, result, error, descriptor
        if self.given_up or error is not None:
            self.drop()

    def taken(self) -> _Answer:
        """Itself, or its error."""
        if self.error is not None:
            raise self.error
        return self

    def drop(self) -> None:
        """Nobody wants it any more."""
        self.given_up = True
        descriptor = self.take_descriptor()
        if descriptor is not None:
            _close(descriptor)


class _Link:
    """One connection: what arrives finds its request or subscription, what is to be sent is `out`.

    An answer of `fd: true` takes the oldest descriptor of the queue; which byte it came with does
    not tell. One too few, one too many, or one that the kernel cut off ends the connection.
    """

    def __init__(self) -> None:
        self.out = bytearray()
        self.ended: Optional[DarkslideError] = None
        self.heard = 0
        self._frames = _Frames(MAX_RESPONSE_BYTES)
        self._descriptors: Deque[int] = deque()
        self._waiting: Dict[int, _Answer] = {}
        # What nobody holds any more is given up when its next event comes.
        self._feeds: weakref.WeakValueDictionary[str, _Feed] = weakref.WeakValueDictionary()
        self._unsubscribed: Set[str] = set()
        self._last_id = 0

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < MAX_IN_FLIGHT

    def ask(self, method: str, params: Json, answer: _Answer) -> None:
        """Puts a request into `out`; nothing has changed if that is refused."""
        if self.ended is not None:
            raise copy.copy(self.ended)
        number = self._last_id + 1
        frame = _framed({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        self._last_id = answer.number = number
        self._waiting[number] = answer
        self.out += frame

    def post(self, method: str, params: Json) -> None:
        """A request whose answer nobody waits for."""
        answer = _Answer()
        answer.given_up = True
        self.ask(method, params, answer)

    def give_up(self, answer: _Answer) -> None:
        """Nobody waits for that answer any more: tells the daemon, unless it came meanwhile."""
        answer.drop()
        if answer.number and not answer.done and self.ended is None:
            params = {"id": answer.number}
            self.out += _framed({"jsonrpc": "2.0", "method": "$/cancel", "params": params})

    def forget(self, feed: _Feed) -> None:
        """Gives a subscription up."""
        if self.ended is None and self._feeds.pop(feed.name, None) is not None:
            self._unsubscribe(feed.name)

    def feed(self, data: bytes, descriptors: Sequence[int], cut: bool) -> None:
        """Takes what one `recvmsg` brought; no data is the end of the stream."""
        self._descriptors.extend(descriptors)
        if self.ended is not None:
            self._close_descriptors()
            return
        try:
            if cut:
                raise ProtocolError("a descriptor was cut off", reason="descriptor")
            if not data:
                what = "in the middle of a frame" if self._frames.has_begun else "the connection"
                raise Unavailable(f"the daemon ended {what}", reason="closed")
            self._frames.feed(data)
            frame = self._frames.next()
            while frame is not None:
                self.heard += 1
                self._take(_message(frame))
                frame = self._frames.next()
            # A frame that has begun may have brought its descriptor along.
            if len(self._descriptors) > int(self._frames.has_begun):
                raise ProtocolError("a descriptor that belongs to no answer", reason="descriptor")
        except DarkslideError as error:
            self.end(error)

    def end(self, error: DarkslideError) -> None:
        """The connection is over; tells all who wait."""
        if self.ended is None:
            self.ended = error
        self.out.clear()
        self._close_descriptors()
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.settle({}, copy.copy(self.ended))

    def _close_descriptors(self) -> None:
        while self._descriptors:
            _close(self._descriptors.popleft())

    def _take(self, message: Json) -> None:
        if "method" in message:
            if message["method"] == "event":
                self._tell(_event(message.get("params")))
            return
        result, error = message.get("result"), None
        if "error" in message:
            result, error = {}, _remote(message["error"])
        elif not isinstance(result, dict):
            raise ProtocolError("an answer is of another form", reason="result")
        number = message.get("id")
        if number is None and error is not None:
            raise error  # about the connection as such; the daemon closes it
        if type(number) is not int or number not in self._waiting:
            raise ProtocolError("an answer to what was not asked", reason="id")
        descriptor = None
        if message.get("fd") is True:
            if not self._descriptors:
                raise ProtocolError("an announced descriptor is not there", reason="descriptor")
            descriptor = self._descriptors.popleft()
        answer = self._waiting.pop(number)
        answer.settle(result, error, descriptor)
        if answer.feed is not None and error is None and not answer.given_up:
            # Before the next frame, for that may be its first event.
            answer.feed.attach(result, answer.home)
            self._feeds[answer.feed.name] = answer.feed

    def _tell(self, event: Event) -> None:
        feed = self._feeds.get(event.subscription)
        if feed is not None:
            feed.push(event)
        elif event.subscription not in self._unsubscribed:
            self._unsubscribe(event.subscription)

    def _unsubscribe(self, name: str) -> None:
        self._unsubscribed.add(name)
        self.post("event.unsubscribe", {"subscription": name})


# Its socket, blocking and for asyncio ------------------------------------------------------------

_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


def _descriptors_in(ancillary: Sequence[Tuple[int, int, bytes]]) -> List[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    for descriptor in found:
        os.set_inheritable(descriptor, False)  # where the flag above is missing
    return found.tolist()


class _Socket:
    """A connected, non-blocking socket and its link; whoever touches the link holds `guard`."""

    def __init__(self, sock: socket.socket) -> None:
        self.link = _Link()
        self._sock = sock
        self.guard: ContextManager[Any] = contextlib.nullcontext()

    def receive(self) -> None:
        """Hands to the link what is there, once."""
        try:
            room = socket.CMSG_SPACE(_DESCRIPTOR_ROOM * struct.calcsize("i"))
            data, ancillary, flags, _ = self._sock.recvmsg(_READ_BYTES, room, _CLOSE_ON_EXEC)
            self.link.feed(data, _descriptors_in(ancillary), bool(flags & socket.MSG_CTRUNC))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.link.end(Unavailable(f"the connection is broken: {error}", reason="closed"))
        except BaseException:  # what was read may be lost: an interrupt, no memory
            self.link.end(Unavailable("the connection was interrupted", reason="closed"))
            raise

    def glance(self) -> None:
        """Takes in what came while nobody waited: the end, perhaps."""
        raise NotImplementedError

    def send(self) -> bool:
        """Sends what it can; true if nothing is left."""
        out = self.link.out
        try:
            while out:
                del out[: self._sock.send(bytes(out[:_READ_BYTES]))]
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            out.clear()  # why it failed is told by what can still be read: last words
        except BaseException:  # nobody knows what was sent
            self.link.end(Unavailable("the connection was interrupted", reason="closed"))
            raise
        return True

    def push(self) -> None:
        """Sends what it can now; who waits next, or the loop, sends the rest."""
        self.send()

    @staticmethod
    async def sleep(seconds: float) -> None:
        raise NotImplementedError

    @staticmethod
    def lock() -> AsyncContextManager[Any]:
        raise NotImplementedError

    async def flush(self, deadline: float) -> None:
        """Sends all of `out`, or as much as the time allows; the rest stays there."""
        raise NotImplementedError

    async def until(self, done: Callable[[], bool], deadline: float) -> bool:
        """Reads until something is done, or the time is over: then false."""
        raise NotImplementedError

    def close(self) -> None:
        with self.guard:
            self.link.end(Unavailable("the client is closed", reason="closed"))
            self._sock.close()


class _Lock:
    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class _BlockingSocket(_Socket):
    """For threads: whoever waits reads, one at a time, and wakes the others."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._turn = threading.Condition()
        self._somebody_reads = False
        self.guard = self._turn

    @staticmethod
    async def sleep(seconds: float) -> None:
        time.sleep(seconds)

    @staticmethod
    def lock() -> AsyncContextManager[Any]:
        return _Lock()

    async def flush(self, deadline: float) -> None:
        while True:
            with self.guard:
                if self.send() or deadline <= time.monotonic():
                    return
            self._look(select.POLLOUT, deadline)

    async def until(self, done: Callable[[], bool], deadline: float) -> bool:
        while True:
            is_reader = False
            try:
                with self._turn:
                    if done():
                        return True
                    if deadline <= time.monotonic():
                        return False
                    if self._somebody_reads:
                        self._turn.wait(deadline - time.monotonic())
                        continue
                    self._somebody_reads = is_reader = True
                self._look(select.POLLIN, deadline)
            finally:
                if is_reader:
                    with self._turn:
                        self._somebody_reads = False
                        self.receive()
                        self.send()
                        if self.link.ended is not None:
                            self._sock.close()
                        self._turn.notify_all()

    def glance(self) -> None:
        with self._turn:
            if not self._somebody_reads:
                self.receive()
                self._turn.notify_all()

    def close(self) -> None:
        with self._turn:
            self.link.end(Unavailable("the client is closed", reason="closed"))
            if self._somebody_reads:
                # Wakes him; he closes it, so that its number is no other's while he looks at it.
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)
            else:
                self._sock.close()
            self._turn.notify_all()

    def _look(self, what: int, deadline: float) -> None:
        """Waits until something can be read or written, or for a while."""
        if self._sock.fileno() >= 0:
            poll = select.poll()
            poll.register(self._sock, what)
            seconds = min(deadline - time.monotonic(), _LOOK_SECONDS)
            poll.poll(max(0.0, seconds) * 1000)


class _AsyncSocket(_Socket):
    """For asyncio: the loop reads, and wakes all who wait."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._loop = asyncio.get_running_loop()
        self._waiters: Set[asyncio.Future[None]] = set()
        self._loop.add_reader(sock, self.glance)

    @staticmethod
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)

    @staticmethod
    def lock() -> AsyncContextManager[Any]:
        return asyncio.Lock()

    async def flush(self, deadline: float) -> None:
        self.push()

    async def until(self, done: Callable[[], bool], deadline: float) -> bool:
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            waiter: asyncio.Future[None] = self._loop.create_future()
            timer = self._loop.call_later(left, _wake, waiter)
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiters.discard(waiter)
        return True

    def close(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
        super().close()
        self._wake_all()

    def glance(self) -> None:
        self.receive()
        if self.link.ended is not None:
            self.close()
        self.push()
        self._wake_all()

    def push(self) -> None:
        if self._sock.fileno() < 0:
            return
        if self.send():
            self._loop.remove_writer(self._sock)
        else:
            self._loop.add_writer(self._sock, self.push)

    def _wake_all(self) -> None:
        for waiter in self._waiters:
            _wake(waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


# The client, written once ------------------------------------------------------------------------

# What changes nothing by being asked twice: after a lost connection these are asked again.
_ASKED_AGAIN = frozenset(
    "health rpc.discover policy.show library.list library.info album.list facet.list asset.query "
    "asset.count asset.get resource.list resource.open resource.read thumbnail.open change.token "
    "change.since export.plan export.destinations job.list job.status job.report job.cancel "
    "event.subscribe".split()
)


class _BackOff:
    """Pauses between attempts: doubled each time up to two seconds, with jitter."""

    FIRST_SECONDS = 0.05
    LONGEST_SECONDS = 2.0

    def __init__(self, roll: Callable[[], float] = random.random) -> None:
        self._roll = roll
        self._next = self.FIRST_SECONDS

    def next(self) -> float:
        pause = self._next * (0.5 + self._roll() / 2)
        self._next = min(self._next * 2, self.LONGEST_SECONDS)
        return pause


class Resource(io.BufferedReader):
    """A file of the library, open for reading: `info` is what the daemon says of it."""

    def __init__(self, descriptor: int, info: Json) -> None:
        super().__init__(io.FileIO(descriptor, "rb"))
        self.info = info


class _Core:
    def __init__(self, over: Type[_Socket], settings: _Settings) -> None:
        self._over = over
        self._settings = settings
        self._socket: Optional[_Socket] = None
        self._connecting: Optional[AsyncContextManager[Any]] = None
        self._was_connected = False
        self._closed = False
        self.server: Json = {}

    # Connecting.

    async def connected(self, deadline: float = math.inf) -> _Socket:
        """The connection; a new one if there is none any more."""
        if self._connecting is None:
            self._connecting = self._over.lock()  # not before there is a loop
        async with self._connecting:
            if self._closed:
                raise Unavailable("the client is closed", reason="closed", class_="caller")
            if self._socket is not None:
                self._socket.glance()
                if self._socket.link.ended is None:
                    return self._socket
                self._socket.close()
                self._socket = None
            latest = time.monotonic() + self._settings.connect_timeout
            self._socket = await self._connect(min(deadline, latest))
            self._was_connected = True
            return self._socket

    async def _connect(self, deadline: float) -> _Socket:
        path = self._settings.socket_path or default_socket()
        _check_place(path, os.geteuid())
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            while True:
                try:
                    sock.connect(path)
                    break
                except BlockingIOError:  # the backlog is full: somebody listens
                    if deadline <= time.monotonic():
                        raise TimedOut(f"nobody accepts at {path}", reason="connect") from None
                    await self._over.sleep(_BACKLOG_SECONDS)
                except OSError as error:
                    hint = "start the daemon (`darkslided`)"
                    message = f"nobody listens at {path}: {error.strerror}"
                    raise Unavailable(message, reason="absent", hint=hint) from error
            _check_peer(path, _peer_uid(sock), os.geteuid())
            connection = self._over(sock)
        except BaseException:
            sock.close()
            raise
        try:
            await self._greet(connection, deadline)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _greet(self, connection: _Socket, deadline: float) -> None:
        name, version = self._settings.claim
        params = {"client": {"name": name, "version": version}, "brief": True}
        told = (await self._exchange(connection, "health", params, deadline, _Answer())).result
        if told.get("service") != SERVICE or told.get("protocol") != PROTOCOL:
            message = f"what answers is no {SERVICE} of protocol {PROTOCOL}"
            raise ProtocolError(message, reason="service", hint="find out who listens there")
        self.server = told

    def close(self) -> None:
        self._closed = True
        if self._socket is not None:
            self._socket.close()

    # Calling.

    async def call(
        self,
        method: str,
        params: Json,
        *,
        timeout: Optional[float] = None,
        patient: bool = False,
        feed: Optional[_Feed] = None,
    ) -> _Answer:
        """Asks, and asks again after a lost connection if that can do no harm."""
        with self._settings.breaker.guard() if self._settings.breaker else contextlib.nullcontext():
            limit = self._settings.call_timeout if timeout is None else timeout
            deadline = time.monotonic() + limit
            pauses = _BackOff()
            while True:
                try:
                    connection = await self.connected(deadline)
                    answer = _Answer(feed)
                    if patient and timeout is None:
                        return await self._exchange_patiently(connection, method, params, answer)
                    return await self._exchange(connection, method, params, deadline, answer)
                except (Unavailable, Remote) as error:
                    gone = isinstance(error, Unavailable) or error.name == "SHUTTING_DOWN"
                    again = gone and error.class_ == "transient" and method in _ASKED_AGAIN
                    pause = pauses.next()
                    if not (again and self._was_connected and time.monotonic() + pause < deadline):
                        raise
                await self._over.sleep(pause)

    async def result(self, method: str, params: Json, **how: Any) -> Json:
        answer = await self.call(method, params, **how)
        answer.drop()  # a descriptor that nobody asked for
        return answer.result

    async def opened(self, method: str, params: Json) -> Resource:
        answer = await self.call(method, params)
        descriptor = answer.take_descriptor()
        if descriptor is None:
            raise ProtocolError("the answer has no descriptor", reason="descriptor")
        try:
            return Resource(descriptor, answer.result)
        except BaseException:
            _close(descriptor)
            raise

    async def read(self, params: Json) -> Json:
        result = await self.result("resource.read", params)
        try:
            return {**result, "data": base64.b64decode(result["data"], validate=True)}
        except (KeyError, TypeError, binascii.Error) as error:
            raise ProtocolError("the data is no base64", reason="result") from error

    async def _exchange(
        self, connection: _Socket, method: str, params: Json, deadline: float, answer: _Answer
    ) -> _Answer:
        with self._giving_up(connection, answer):
            await self._ask(connection, method, params, deadline, answer)
            if not await connection.until(lambda: answer.done, deadline):
                message = f"no answer within the time to {method}"
                raise TimedOut(message, reason="timeout", hint="ask whether the daemon is busy")
        return answer.taken()

    async def _exchange_patiently(
        self, connection: _Socket, method: str, params: Json, answer: _Answer
    ) -> _Answer:
        """Waits as long as the other side is alive, and asks for a sign where it is silent."""
        deadline = time.monotonic() + self._settings.call_timeout
        silent, heard, link = 0, -1, connection.link
        with self._giving_up(connection, answer):
            await self._ask(connection, method, params, deadline, answer)
            while not await connection.until(lambda: answer.done, self._settings.next_sign()):
                silent = silent + 1 if link.heard == heard else 0
                heard = link.heard
                if silent >= MISSED_KEEP_ALIVES:
                    raise TimedOut(f"no sign of life while {method} is at work", reason="timeout")
                if silent == 0:
                    with connection.guard:
                        link.post("health", {"brief": True})
                    await connection.flush(self._settings.next_sign())
        return answer.taken()

    async def _ask(
        self, connection: _Socket, method: str, params: Json, deadline: float, answer: _Answer
    ) -> None:
        link = connection.link
        if not await connection.until(lambda: link.has_room or link.ended is not None, deadline):
            raise TimedOut(f"{MAX_IN_FLIGHT} requests are not answered yet", reason="timeout")
        answer.home = connection
        with connection.guard:
            link.ask(method, params, answer)
        await connection.flush(deadline)

    @contextlib.contextmanager
    def _giving_up(self, connection: _Socket, answer: _Answer) -> Iterator[None]:
        """Whatever ends the wait, a cancelled task or an interrupt, the daemon is told."""
        try:
            yield
        except BaseException:
            with connection.guard:
                connection.link.give_up(answer)
                connection.push()
            raise

    # Events.

    async def subscribe(self, topics: Sequence[str], since: Optional[int]) -> _Feed:
        feed = _Feed(topics, since)
        await self._attach(feed)
        return feed

    async def _attach(self, feed: _Feed) -> _Socket:
        while True:
            home = feed.home
            if home is not None and home.link.ended is None:
                return home
            if home is not None:  # a daemon that ends it each time is not asked without a pause
                await self._over.sleep(feed.pauses.next())
            since = {} if feed.since is None else {"since": feed.since}
            await self.call("event.subscribe", {"topics": feed.topics, **since}, feed=feed)

    async def next_event(self, feed: _Feed) -> Optional[Event]:
        """The next event; none after the last. After a lost connection it is attached anew."""
        while True:
            home = feed.home
            with home.guard if home is not None else contextlib.nullcontext():
                event = feed.pop()
            if event is not None:
                return event
            if feed.over:
                return None
            home = await self._attach(feed)
            link, heard = home.link, home.link.heard
            deadline = time.monotonic() + self._settings.keep_alive * MISSED_KEEP_ALIVES
            awake = await home.until(
                lambda: feed.ready or feed.closed or link.ended is not None, deadline
            )
            if not awake and link.heard == heard:
                with home.guard:
                    link.end(Unavailable("nothing was heard for long", reason="silent"))

    async def unsubscribe(self, feed: _Feed) -> None:
        feed.closed = True
        if feed.home is not None:
            with feed.home.guard:
                feed.home.link.forget(feed)
            await feed.home.flush(self._settings.next_sign())


class _Settings(NamedTuple):
    socket_path: Optional[str]
    connect_timeout: float
    call_timeout: float
    keep_alive: float
    claim: Tuple[str, str]
    breaker: Optional[CircuitBreaker]

    def next_sign(self) -> float:
        return time.monotonic() + self.keep_alive


class _Walk:
    """Pages, one item after the other; the next page is asked for when it is wanted."""

    def __init__(
        self, core: _Core, method: str, params: Json, items: Optional[str], place: str
    ) -> None:
        self._core, self._method, self._params = core, method, params
        self._items, self._place = items, place
        self._page: Deque[Json] = deque()
        self._over = False

    async def next(self) -> Optional[Json]:
        while not self._page and not self._over:
            page = await self._core.result(self._method, self._params)
            items = [page] if self._items is None else page.get(self._items)
            if not isinstance(items, list):
                raise ProtocolError(f"a page of {self._method} is of another form", reason="result")
            following = page.get("next") if page.get("more") is not False else None
            if following is not None and following == self._params.get(self._place):
                message = f"a page of {self._method} leads back to itself"
                raise ProtocolError(message, reason="page-loop")
            self._over = following is None
            self._params = {**self._params, self._place: following}
            self._page.extend(items)
        return self._page.popleft() if self._page else None


class _Follow:
    """A job that is being followed. It belongs to the daemon, and runs on whoever looks."""

    def __init__(self, core: _Core, status: Json, feed: _Feed) -> None:
        self.core, self.status, self.feed = core, status, feed

    @classmethod
    async def start(cls, core: _Core, status: Json) -> _Follow:
        return cls(core, status, await core.subscribe([f"job:{status.get('job')}"], None))

    @classmethod
    async def of_key(cls, core: _Core, key: str) -> _Follow:
        return cls(core, {}, await core.subscribe([f"key:{key}"], None))

    @property
    def job(self) -> str:
        if "job" not in self.status:
            raise Remote(
                "nothing was told of a job of that key",
                name="NOT_FOUND",
                reason="not-found",
                hint="wait for its first event",
                class_="caller",
            )
        return str(self.status["job"])

    async def cancel(self, mode: Optional[str]) -> Json:
        return await self.core.result("job.cancel", _given(job=self.job, mode=mode))

    async def next(self) -> Optional[Event]:
        event = await self.core.next_event(self.feed)
        if event is not None and isinstance(event.data.get("job"), dict):
            self.status = event.data["job"]
        elif event is not None and event.is_terminal:
            self.status = await self.core.result("job.status", {"job": self.job})
        return event

    async def wait(self) -> Json:
        while await self.next() is not None:
            pass
        return self.status


# What users see ----------------------------------------------------------------------------------

R = TypeVar("R")  # a result: a dictionary, or a coroutine of one
F = TypeVar("F")  # an open file likewise
W = TypeVar("W")  # an iterator over dictionaries, or an asynchronous one


def _given(**params: Any) -> Json:
    """The params that were given; a name that is a word of Python has a `_` behind it."""
    return {name.rstrip("_"): value for name, value in params.items() if value is not None}


class _Surface(Generic[R, F, W]):
    """The methods of the wire, said once for both clients. `docs/protocol.md` explains each."""

    _socket_class: Type[_Socket]

    def __init__(
        self,
        socket_path: Union[str, os.PathLike[str], None] = None,
        *,
        connect_timeout: float = CONNECT_SECONDS,
        call_timeout: float = CALL_SECONDS,
        keep_alive: float = KEEP_ALIVE_SECONDS,
        client_name: str = "darkslide-python",
        client_version: str = __version__,
        breaker: Optional[CircuitBreaker] = None,
    ) -> None:
        """Says how to connect, times in seconds; the first call, or `with`, connects.

        `keep_alive` is the silence after which `extract` and events wonder whether anybody is
        there. The client's name is a claim for the daemon's log, and decides nothing.
        """
        path = None if socket_path is None else os.fspath(socket_path)
        claim = (client_name, client_version)
        settings = _Settings(path, connect_timeout, call_timeout, keep_alive, claim, breaker)
        self._core = _Core(self._socket_class, settings)

    @property
    def server(self) -> Json:
        """What the daemon said of itself when it was connected to: version, instance, ..."""
        return dict(self._core.server)

    def _do(self, coroutine: Coroutine[Any, Any, Json]) -> R:
        raise NotImplementedError

    def _open(self, coroutine: Coroutine[Any, Any, Resource]) -> F:
        raise NotImplementedError

    def _each(self, walk: _Walk) -> W:
        raise NotImplementedError

    def _ask(self, method: str, **params: Any) -> R:
        return self._do(self._core.result(method, _given(**params)))

    def call(
        self, method: str, params: Optional[Json] = None, timeout: Optional[float] = None
    ) -> R:
        """Any method by its name on the wire."""
        return self._do(self._core.result(method, params or {}, timeout=timeout))

    def health(self, brief: Optional[bool] = None) -> R:
        """Who serves, and what the kernel says is enforced."""
        return self._ask("health", brief=brief)

    def discover(self) -> R:
        """The OpenRPC document of all methods (`rpc.discover`)."""
        return self._ask("rpc.discover")

    def policy_show(self) -> R:
        """What this client is granted."""
        return self._ask("policy.show")

    def library_list(self) -> R:
        """The libraries that this client may read."""
        return self._ask("library.list")

    def library_info(self, library: str) -> R:
        """What a library is and holds."""
        return self._ask("library.info", library=library)

    def album_list(
        self,
        library: str,
        kinds: Optional[Sequence[str]] = None,
        include: Optional[Sequence[str]] = None,
    ) -> R:
        """Albums, folders and what else gathers assets."""
        return self._ask("album.list", library=library, kinds=kinds, include=include)

    def facet_list(
        self,
        library: str,
        facet: str,
        filter: Optional[Json] = None,
        include: Optional[Sequence[str]] = None,
        limit: Optional[int] = None,
    ) -> R:
        """Which values a thing has among assets, and how many assets have each."""
        return self._ask(
            "facet.list", library=library, facet=facet, filter=filter, include=include, limit=limit
        )

    def asset_query(
        self,
        library: str,
        filter: Optional[Json] = None,
        *,
        include: Optional[Sequence[str]] = None,
        fields: Optional[Sequence[str]] = None,
        sort: Optional[str] = None,
        descending: Optional[bool] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> R:
        """One page of the assets that fit a filter; `assets` walks them all."""
        return self._ask(
            "asset.query", library=library, filter=filter, include=include, fields=fields,
            sort=sort, descending=descending, limit=limit, cursor=cursor,
        )  # fmt: skip

    def assets(
        self,
        library: str,
        filter: Optional[Json] = None,
        *,
        include: Optional[Sequence[str]] = None,
        fields: Optional[Sequence[str]] = None,
        sort: Optional[str] = None,
        descending: Optional[bool] = None,
        limit: Optional[int] = None,
    ) -> W:
        """All assets that fit a filter, page by page (`limit` assets each)."""
        params = _given(
            library=library, filter=filter, include=include, fields=fields,
            sort=sort, descending=descending, limit=limit,
        )  # fmt: skip
        return self._each(_Walk(self._core, "asset.query", params, "assets", "cursor"))

    def asset_count(
        self,
        library: str,
        filter: Optional[Json] = None,
        include: Optional[Sequence[str]] = None,
        with_: Optional[Sequence[str]] = None,
    ) -> R:
        """How many assets fit a filter, and what else is asked for `with_` that."""
        return self._ask(
            "asset.count", library=library, filter=filter, include=include, with_=with_
        )

    def asset_get(
        self, library: str, uuids: Sequence[str], fields: Optional[Sequence[str]] = None
    ) -> R:
        """Assets by UUID."""
        return self._ask("asset.get", library=library, uuids=uuids, fields=fields)

    def resource_list(self, library: str, uuids: Sequence[str]) -> R:
        """The files of assets: every version, on this disk or not."""
        return self._ask("resource.list", library=library, uuids=uuids)

    def resource_open(self, library: str, uuid: str, version: str) -> F:
        """One file of an asset, open for reading."""
        params = _given(library=library, uuid=uuid, version=version)
        return self._open(self._core.opened("resource.open", params))

    def resource_read(self, library: str, uuid: str, version: str, offset: int, length: int) -> R:
        """A piece of a file for who cannot receive a descriptor; `data` is bytes."""
        params = _given(library=library, uuid=uuid, version=version, offset=offset, length=length)
        return self._do(self._core.read(params))

    def thumbnail_open(self, library: str, uuid: str, min_pixels: int) -> F:
        """The smallest local derivative that is large enough, open for reading."""
        params = _given(library=library, uuid=uuid, min_pixels=min_pixels)
        return self._open(self._core.opened("thumbnail.open", params))

    def change_token(self, library: str) -> R:
        """The newest place in a library's history."""
        return self._ask("change.token", library=library)

    def change_since(self, library: str, token: str, limit: Optional[int] = None) -> R:
        """One page of what changed since a place in the history; `changes` walks them all."""
        return self._ask("change.since", library=library, token=token, limit=limit)

    def changes(self, library: str, token: str, limit: Optional[int] = None) -> W:
        """The pages of what changed since a place; keep the `next` of the last."""
        params = _given(library=library, token=token, limit=limit)
        return self._each(_Walk(self._core, "change.since", params, None, "token"))

    def export_plan(
        self, spec: Json, limit: Optional[int] = None, cursor: Optional[Any] = None
    ) -> R:
        """One page of what an export would do, the first with the totals; `plan` walks the rows."""
        return self._ask("export.plan", spec=spec, limit=limit, cursor=cursor)

    def plan(self, spec: Json, limit: Optional[int] = None) -> W:
        """The rows of what an export would do; nothing is written."""
        params = _given(spec=spec, limit=limit)
        return self._each(_Walk(self._core, "export.plan", params, "rows", "cursor"))

    def export_start(self, spec: Json, key: Optional[str] = None) -> R:
        """Starts an export; the answer is its job. `export` follows it, too."""
        return self._ask("export.start", spec=spec, key=key)

    def export_verify(
        self, destination: Any, by: Optional[str] = None, library: Optional[str] = None
    ) -> R:
        """Compares a destination with its record; the answer is the job."""
        return self._ask("export.verify", destination=destination, by=by, library=library)

    def export_prune(
        self,
        library: str,
        destination: Any,
        max_delete: Union[int, str, None] = None,
        plan: Optional[str] = None,
    ) -> R:
        """Plans to put into the trash what the library has no longer, or does it, by a plan."""
        return self._ask(
            "export.prune", library=library, destination=destination,
            max_delete=max_delete, plan=plan,
        )  # fmt: skip

    def export_destinations(self, library: Optional[str] = None) -> R:
        """What has been exported where."""
        return self._ask("export.destinations", library=library)

    def extract(
        self,
        album: str,
        export_path: str,
        key: Optional[str] = None,
        library: Optional[str] = None,
        options: Optional[Json] = None,
        timeout: Optional[float] = None,
    ) -> R:
        """Exports an album and answers when all is done; waits as long as the daemon is alive.

        Given up, by a `timeout` or a cancelled task, its job is cancelled; a lost connection
        cancels nothing, and the same `key` joins the job again.
        """
        params = _given(
            album=album, export_path=export_path, key=key, library=library, options=options
        )
        return self._do(self._core.result("extract", params, patient=True, timeout=timeout))

    def job_list(self) -> R:
        """The jobs that this client may know of, the newest first."""
        return self._ask("job.list")

    def job_status(self, job: str) -> R:
        """How far a job is."""
        return self._ask("job.status", job=job)

    def job_report(
        self,
        job: str,
        limit: Optional[int] = None,
        after: Optional[int] = None,
        undone: Optional[bool] = None,
    ) -> R:
        """One page of what became of each resource; `report` walks them all."""
        return self._ask("job.report", job=job, limit=limit, after=after, undone=undone)

    def report(self, job: str, undone: Optional[bool] = None, limit: Optional[int] = None) -> W:
        """The rows of what became of each resource."""
        params = _given(job=job, undone=undone, limit=limit)
        return self._each(_Walk(self._core, "job.report", params, "rows", "after"))

    def job_cancel(self, job: str, mode: Optional[str] = None) -> R:
        """Asks a job to stop: `after_file`, or `now`."""
        return self._ask("job.cancel", job=job, mode=mode)

    def job_resume(self, job: str) -> R:
        """Goes on with a job that failed, was cancelled or interrupted."""
        return self._ask("job.resume", job=job)


def _now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that never suspends, as none does over a `_BlockingSocket`."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("a blocking call was suspended")


def _topics(topics: Union[str, Sequence[str]]) -> List[str]:
    return [topics] if isinstance(topics, str) else list(topics)


class Subscription(Iterator[Event]):
    """Events of some topics, in order. It ends after the end of its jobs; other topics have none.

    It is attached again, by the last `seq`, after a lost connection. Close it when you are done.
    """

    def __init__(self, core: _Core, feed: _Feed) -> None:
        self._core, self._feed = core, feed

    @property
    def seq(self) -> Optional[int]:
        """The number of the newest event that arrived: `since` for another subscription."""
        return self._feed.since

    def __next__(self) -> Event:
        event = _now(self._core.next_event(self._feed))
        if event is None:
            raise StopIteration
        return event

    def close(self) -> None:
        """Gives it up (`event.unsubscribe`)."""
        _now(self._core.unsubscribe(self._feed))

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncSubscription(AsyncIterator[Event]):
    """As `Subscription`, for asyncio."""

    def __init__(self, core: _Core, feed: _Feed) -> None:
        self._core, self._feed = core, feed

    @property
    def seq(self) -> Optional[int]:
        """The number of the newest event that arrived: `since` for another subscription."""
        return self._feed.since

    async def __anext__(self) -> Event:
        event = await self._core.next_event(self._feed)
        if event is None:
            raise StopAsyncIteration
        return event

    async def close(self) -> None:
        """Gives it up (`event.unsubscribe`)."""
        await self._core.unsubscribe(self._feed)

    async def __aenter__(self) -> AsyncSubscription:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Export:
    """A job that is being followed: iterate `progress`, or `wait`. Dropping it stops nothing."""

    def __init__(self, follow: _Follow) -> None:
        self._follow = follow

    @property
    def job(self) -> str:
        """The job's identity."""
        return self._follow.job

    @property
    def status(self) -> Json:
        """The job as it was last told."""
        return self._follow.status

    def progress(self) -> Iterator[Event]:
        """Its events up to the last one."""
        while True:
            event = _now(self._follow.next())
            if event is None:
                return
            yield event

    def wait(self) -> Json:
        """Waits for its end; one that failed is no exception: its `state` says so."""
        return _now(self._follow.wait())

    def cancel(self, mode: Optional[str] = None) -> Json:
        """Asks it to stop: `after_file`, or `now`."""
        return _now(self._follow.cancel(mode))


class AsyncExport:
    """As `Export`, for asyncio."""

    def __init__(self, follow: _Follow) -> None:
        self._follow = follow

    @property
    def job(self) -> str:
        """The job's identity."""
        return self._follow.job

    @property
    def status(self) -> Json:
        """The job as it was last told."""
        return self._follow.status

    async def progress(self) -> AsyncIterator[Event]:
        """Its events up to the last one."""
        while True:
            event = await self._follow.next()
            if event is None:
                return
            yield event

    async def wait(self) -> Json:
        """Waits for its end; one that failed is no exception: its `state` says so."""
        return await self._follow.wait()

    async def cancel(self, mode: Optional[str] = None) -> Json:
        """Asks it to stop: `after_file`, or `now`."""
        return await self._follow.cancel(mode)


class Client(_Surface[Json, Resource, Iterator[Json]]):
    """The blocking client. Threads may share it; each call is bounded in time."""

    _socket_class = _BlockingSocket

    def connect(self) -> Client:
        """Connects now, and not with the first call."""
        _now(self._core.connected())
        return self

    def close(self) -> None:
        """Ends the connection; jobs run on."""
        self._core.close()

    def __enter__(self) -> Client:
        return self.connect()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, coroutine: Coroutine[Any, Any, Json]) -> Json:
        return _now(coroutine)

    def _open(self, coroutine: Coroutine[Any, Any, Resource]) -> Resource:
        return _now(coroutine)

    def _each(self, walk: _Walk) -> Iterator[Json]:
        item = _now(walk.next())
        while item is not None:
            yield item
            item = _now(walk.next())

    def subscribe(
        self, topics: Union[str, Sequence[str]], since: Optional[int] = None
    ) -> Subscription:
        """Asks for events: of `job:ID`, `key:KEY`, `jobs`, `library:NAME`."""
        return Subscription(self._core, _now(self._core.subscribe(_topics(topics), since)))

    def export(self, spec: Json, key: Optional[str] = None) -> Export:
        """Starts an export and follows it."""
        return self.follow(self.export_start(spec, key))

    def attach(self, job: str) -> Export:
        """Follows a job by its identity."""
        return self.follow(self.job_status(job))

    def attach_key(self, key: str) -> Export:
        """Follows the job that one's own rule has started under that key, or will start.

        Its `status` is empty until the first event.
        """
        return Export(_now(_Follow.of_key(self._core, key)))

    def follow(self, status: Json) -> Export:
        """Follows a job that another call answered with."""
        return Export(_now(_Follow.start(self._core, status)))


class AsyncClient(
    _Surface[Coroutine[Any, Any, Json], Coroutine[Any, Any, Resource], AsyncIterator[Json]]
):
    """The client for asyncio; it belongs to the loop that it was first used in."""

    _socket_class = _AsyncSocket

    async def connect(self) -> AsyncClient:
        """Connects now, and not with the first call."""
        await self._core.connected()
        return self

    async def close(self) -> None:
        """Ends the connection; jobs run on."""
        self._core.close()

    async def __aenter__(self) -> AsyncClient:
        return await self.connect()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _do(self, coroutine: Coroutine[Any, Any, Json]) -> Coroutine[Any, Any, Json]:
        return coroutine

    def _open(self, coroutine: Coroutine[Any, Any, Resource]) -> Coroutine[Any, Any, Resource]:
        return coroutine

    async def _each(self, walk: _Walk) -> AsyncIterator[Json]:
        item = await walk.next()
        while item is not None:
            yield item
            item = await walk.next()

    async def subscribe(
        self, topics: Union[str, Sequence[str]], since: Optional[int] = None
    ) -> AsyncSubscription:
        """Asks for events: of `job:ID`, `key:KEY`, `jobs`, `library:NAME`."""
        return AsyncSubscription(self._core, await self._core.subscribe(_topics(topics), since))

    async def export(self, spec: Json, key: Optional[str] = None) -> AsyncExport:
        """Starts an export and follows it."""
        return await self.follow(await self.export_start(spec, key))

    async def attach(self, job: str) -> AsyncExport:
        """Follows a job by its identity."""
        return await self.follow(await self.job_status(job))

    async def attach_key(self, key: str) -> AsyncExport:
        """Follows the job that one's own rule has started under that key, or will start.

        Its `status` is empty until the first event.
        """
        return AsyncExport(await _Follow.of_key(self._core, key))

    async def follow(self, status: Json) -> AsyncExport:
        """Follows a job that another call answered with."""
        return AsyncExport(await _Follow.start(self._core, status))


# A part of its own -------------------------------------------------------------------------------


class BreakerOpen(DarkslideError):
    """The breaker lets nothing through; `retry_in` seconds from now it may."""

    name = "BREAKER_OPEN"
    class_ = "transient"

    def __init__(self, message: str, retry_in: float = 0.0) -> None:
        super().__init__(message, reason="breaker-open", hint=f"try again in {retry_in:.0f} s")
        self.retry_in = retry_in


class BreakerStatus(NamedTuple):
    """A look at a breaker, which changes nothing."""

    state: str  # closed, open, half-open
    failures: int  # within the window
    max_failures: int
    last_failure: Optional[str]
    would_pass: bool
    retry_in: Optional[float]  # seconds; none where a call would pass, or waits for the probe's end


class CircuitBreaker:
    """Stops asking whoever fails all the time: so many failures within the window open it.

    After the cooldown one call is let through as a probe, and others fail at once meanwhile; its
    success closes the breaker, its failure opens it for the whole cooldown. A success clears the
    window, and so does an answer such as a denial: somebody is there. Only transport and transient
    errors are failures. What is left unsaid, as by a cancelled task, counts as nothing, and so does
    a call from before the last transition. Threads may share it.
    """

    def __init__(
        self,
        max_failures: int = 3,
        window: float = 300.0,
        cooldown: float = 600.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        name: str = "darkslide",
    ) -> None:
        """Times in seconds, by a clock that never goes back."""
        if max_failures < 1 or window <= 0 or cooldown <= 0:
            raise ValueError("a breaker needs a failure, a window and a cooldown")
        self._max_failures, self._window, self._cooldown = max_failures, window, cooldown
        self._clock, self._name = clock, name
        self._lock = threading.Lock()
        self._failures: Deque[float] = deque(maxlen=max_failures)
        self._last_failure: Optional[str] = None
        self._state = "closed"
        self._open_until = 0.0
        self._is_probed = False
        self._epoch = 0

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Around one call, also one that is awaited: lets it pass and sees how it ends.

        Raises `BreakerOpen` where it may not pass.
        """
        epoch = self._admit()
        try:
            yield
        except BaseException as error:
            self._settle(epoch, _is_failure(error), str(error))
            raise
        self._settle(epoch, False, "")

    def status(self) -> BreakerStatus:
        """How it stands; nothing changes by asking."""
        with self._lock:
            now = self._clock()
            left = self._open_until - now if self._state == "open" else 0.0
            # One whose time has come is half-open, whether somebody has tried or not.
            state = "half-open" if self._state == "open" and left <= 0 else self._state
            return BreakerStatus(
                state,
                self._recent(now),
                self._max_failures,
                self._last_failure,
                state == "closed" or state == "half-open" and not self._is_probed,
                left if left > 0 else None,
            )

    def _admit(self) -> int:
        with self._lock:
            left = self._open_until - self._clock()
            if self._state == "open" and left > 0:
                raise BreakerOpen(f"{self._name} failed too often", left)
            if self._state == "open":
                self._enter("half-open")
            if self._is_probed:
                raise BreakerOpen(f"{self._name} is being tried by another call")
            self._is_probed = self._state == "half-open"
            return self._epoch

    def _settle(self, epoch: int, failed: Optional[bool], why: str) -> None:
        with self._lock:
            if epoch != self._epoch:
                return
            self._is_probed = False
            if failed is None:
                return
            if not failed:
                self._failures.clear()
                if self._state == "half-open":
                    self._enter("closed")
                return
            now = self._clock()
            self._failures.append(now)
            self._last_failure = why
            if self._state == "half-open" or self._recent(now) >= self._max_failures:
                self._open_until = now + self._cooldown
                self._enter("open")

    def _recent(self, now: float) -> int:
        return sum(1 for at in self._failures if now - at < self._window)

    def _enter(self, state: str) -> None:
        level = logging.WARNING if state == "open" else logging.INFO
        _log.log(level, "breaker of %s: %s -> %s", self._name, self._state, state)
        self._state, self._is_probed = state, False
        self._epoch += 1


def _is_failure(error: BaseException) -> Optional[bool]:
    """Did nobody answer, or may it pass by itself? None where that is unknown."""
    if isinstance(error, BreakerOpen):
        return None
    if isinstance(error, DarkslideError):
        if isinstance(error, (Denied, Remote)):
            return error.class_ == "transient"
        if error.reason in ("result", "page-loop"):
            return False
        return None if error.class_ == "caller" else True
    return True if isinstance(error, OSError) else None


def _refuses_path(error: DarkslideError, path: str) -> bool:
    if error.name == "INVALID_PARAMS" and not path.startswith(("/", "~")):
        return True
    return error.name in ("DENIED", "INVALID_PARAMS") and error.reason == "path-outside-root"


def _allowed(client: Client) -> str:
    try:
        roots = client.policy_show()["roots"]
    except Denied:
        return ""  # a denial names them in its own words
    return "; allowed: " + (", ".join(root["path"] for root in roots) or "none")


class OsxphotosSandboxClient:
    """For scripts that had a class of that name: one method, and three built-in exceptions."""

    def __init__(self, socket_path: Union[str, os.PathLike[str], None] = None) -> None:
        self._socket_path = socket_path

    def extract_photos(
        self, album: str, export_path: Union[str, os.PathLike[str]], options: Optional[Json] = None
    ) -> Json:
        """Exports an album and returns the result of `extract`.

        Raises `ValueError` for a path that is not allowed, with those that are; `ConnectionError`
        if there is no daemon; `RuntimeError` for anything else.
        """
        path = os.fspath(export_path)
        try:
            with Client(self._socket_path) as client:
                try:
                    return client.extract(album, path, options=options)
                except (Denied, Remote) as error:
                    if not _refuses_path(error, path):
                        raise
                    raise ValueError(f"{error.message}{_allowed(client)}") from error
        except Unavailable as error:
            raise ConnectionError(str(error)) from error
        except DarkslideError as error:
            raise RuntimeError(str(error)) from error
