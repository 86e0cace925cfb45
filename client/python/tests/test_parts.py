"""The parts that need no socket: frames, messages, errors, the place, pauses, queues of events."""

import os
import random
import socket
import stat
import struct
import tempfile
import unittest

import darkslide
from darkslide import ProtocolError, Unavailable

US = 1000


def links():
    """A connection that has asked one thing, and the answer that it waits for."""
    link, answer = darkslide._Link(), darkslide._Answer()
    link.ask("library.list", {}, answer)
    return link, answer


RESULT = b'{"jsonrpc":"2.0","id":1,"result":{"libraries":[]}}'


def framed(payload):
    return struct.pack(">I", len(payload)) + payload


class Frames(unittest.TestCase):
    def test_frames_cut_and_glued_at_random_come_out_whole(self):
        dice = random.Random(7)
        for _ in range(200):
            sent = [dice.randbytes(dice.choice([0, 1, 3, 4, 5, 300])) for _ in range(8)]
            stream = b"".join(framed(payload) for payload in sent)
            frames, told = darkslide._Frames(300), []
            while stream:
                cut = dice.randint(1, min(len(stream), 400))
                frames.feed(stream[:cut])
                stream = stream[cut:]
                told += iter(frames.next, None)
            self.assertEqual(told, sent)
            self.assertFalse(frames.has_begun)

    def test_a_length_above_the_limit_is_refused_by_itself(self):
        limit = darkslide.MAX_RESPONSE_BYTES
        for length, refused in ((limit, False), (limit + 1, True), (2**32 - 1, True)):
            frames = darkslide._Frames(limit)
            frames.feed(struct.pack(">I", length))
            if refused:
                with self.assertRaises(ProtocolError) as caught:
                    frames.next()
                self.assertEqual(caught.exception.reason, "too-large")
            else:
                self.assertIsNone(frames.next())

    def test_a_request_at_the_limit_is_sent_and_one_byte_more_is_not(self):
        bare = len(darkslide._framed({"x": ""})) - 4
        room = darkslide.MAX_REQUEST_BYTES - bare
        self.assertEqual(len(darkslide._framed({"x": "a" * room})), darkslide.MAX_REQUEST_BYTES + 4)
        for length in (room + 1, room * 100):
            with self.assertRaises(ProtocolError) as caught:
                darkslide._framed({"x": "a" * length})
            self.assertEqual(caught.exception.class_, "caller")

    def test_params_that_are_no_json_are_refused_before_they_are_sent(self):
        link, _ = links()
        before = bytes(link.out)
        endless = []
        endless.append(endless)
        for params in ({"x": float("nan")}, {"x": object()}, {"x": "\udcff"}, {"x": endless}):
            with self.assertRaises(ProtocolError):
                link.ask("health", params, darkslide._Answer())
        self.assertEqual(bytes(link.out), before)


class Messages(unittest.TestCase):
    def test_an_answer_finds_its_request_byte_by_byte(self):
        link, answer = links()
        for byte in framed(RESULT):
            self.assertFalse(answer.done)
            link.feed(bytes([byte]), [], False)
        self.assertEqual((answer.result, link.ended), ({"libraries": []}, None))

    def test_what_is_no_message_ends_the_connection(self):
        for payload in (
            b"",
            b"nonsense",
            b"\xff\xfe{}",
            "{}".encode("utf-16"),
            b"[" * 100_000,
            b"[]",
            b'{"jsonrpc":"1.0","id":1,"result":{}}',
            b'{"jsonrpc":"2.0"}',
            b'{"jsonrpc":"2.0","id":1}',
            b'{"jsonrpc":"2.0","id":1,"result":[]}',
            b'{"jsonrpc":"2.0","id":1,"result":{"x":NaN}}',
            b'{"jsonrpc":"2.0","id":2,"result":{}}',
            b'{"jsonrpc":"2.0","id":true,"result":{}}',
            b'{"jsonrpc":"2.0","id":[],"result":{}}',
            b'{"jsonrpc":"2.0","id":null,"result":{}}',
            b'{"jsonrpc":"2.0","id":1,"fd":true,"result":{}}',
            b'{"jsonrpc":"2.0","method":"event","params":{"seq":"1"}}',
        ):
            with self.subTest(payload=payload[:40]):
                link, answer = links()
                link.feed(framed(payload), [], False)
                self.assertIsInstance(link.ended, ProtocolError)
                self.assertIsInstance(answer.error, ProtocolError)
                with self.assertRaises(ProtocolError):
                    link.ask("health", {}, darkslide._Answer())

    def test_unknown_words_are_passed_over(self):
        link, answer = links()
        link.feed(framed(b'{"jsonrpc":"2.0","method":"later","params":{}}'), [], False)
        link.feed(framed(RESULT[:-1] + b',"later":1}'), [], False)
        self.assertEqual((answer.done, answer.error, link.ended), (True, None, None))

    def test_each_error_has_its_class_and_keeps_its_words(self):
        data = {"name": "DENIED", "reason": "path-outside-root", "hint": "ask", "class": "policy"}
        denied = darkslide._remote({"code": 1001, "message": "no", "data": data})
        self.assertIsInstance(denied, darkslide.Denied)
        self.assertEqual(
            (denied.code, denied.name, denied.reason, denied.hint, denied.class_, str(denied)),
            (1001, "DENIED", "path-outside-root", "ask", "policy", "no (ask)"),
        )
        data = {"name": "NEWER", "class": "transient", "limit": 64}
        remote = darkslide._remote({"code": 4711, "message": "later", "data": data})
        self.assertIsInstance(remote, darkslide.Remote)
        self.assertEqual((remote.class_, remote.data["limit"], remote.hint), ("transient", 64, ""))
        for odd in (None, [], {"code": "1"}, {"message": "no"}):
            self.assertIsInstance(darkslide._remote(odd), ProtocolError)
        self.assertIsInstance(darkslide._remote({"code": 1001, "data": 5}), darkslide.Denied)

    def test_the_daemons_last_words_are_told_to_all_who_wait(self):
        link, answer = links()
        other = darkslide._Answer()
        link.ask("health", {}, other)
        link.feed(framed(b'{"jsonrpc":"2.0","id":null,"error":{"code":1001}}'), [], False)
        link.feed(b"", [], False)
        self.assertIsInstance(answer.error, darkslide.Denied)
        self.assertIsInstance(other.error, darkslide.Denied)
        self.assertIsNot(answer.error, other.error)


class Descriptors(unittest.TestCase):
    def test_what_the_kernel_cut_off_ends_the_connection(self):
        link, answer = links()
        link.feed(framed(RESULT), [], True)
        self.assertEqual((link.ended.reason, answer.error.reason), ("descriptor", "descriptor"))

    def test_each_answer_gets_its_own_however_the_stream_is_cut(self):
        for seed in range(300):
            self.one_stream(random.Random(seed))

    def one_stream(self, dice):
        link, answers, stream, begins = darkslide._Link(), [], b"", {}
        for number in range(1, 12):
            answers.append(darkslide._Answer())
            link.ask("any", {}, answers[-1])
            with_one = dice.random() < 0.5
            if with_one:
                begins[len(stream)] = number  # stands for a descriptor; nobody closes it here
            flag = b'"fd":true,' if with_one else b""
            stream += framed(b'{"jsonrpc":"2.0","id":%d,%s"result":{}}' % (number, flag))
            if dice.random() < 0.3:
                stream += framed(b'{"jsonrpc":"2.0","method":"later","params":{}}')
        at = 0
        while at < len(stream):
            end = min(len(stream), at + dice.randint(1, 150))
            within = sorted(place for place in begins if at <= place < end)
            if len(within) > 1:
                end = within[1]  # one read brings one at most
            brought = [begins[place] for place in within[:1]]
            link.feed(stream[at:end], brought, False)
            at = end
        self.assertIsNone(link.ended)
        wanted = [n if n in begins.values() else None for n in range(1, 12)]
        self.assertEqual([answer.take_descriptor() for answer in answers], wanted)


class Place(unittest.TestCase):
    def test_the_variable_wins_then_the_platform_decides(self):
        def chosen(platform="linux", owner=US, **around):
            return darkslide._choose_socket(around, platform, US, lambda _: owner)

        everything = {"DARKSLIDE_SOCKET": "/x/s", "XDG_RUNTIME_DIR": "/run/7", "HOME": "/me"}
        self.assertEqual(chosen(**everything), "/x/s")
        self.assertEqual(chosen(XDG_RUNTIME_DIR="/run/7", HOME="/me"), "/run/7/darkslide/s")
        mac = "/me/Library/Application Support/darkslide/s"
        self.assertEqual(chosen("darwin", XDG_RUNTIME_DIR="/run/7", HOME="/me"), mac)
        self.assertEqual(chosen(XDG_RUNTIME_DIR=""), f"/run/user/{US}/darkslide/s")
        for refused in (
            lambda: chosen(owner=US + 1),
            lambda: chosen(owner=None),
            lambda: chosen("darwin"),
            lambda: chosen(DARKSLIDE_SOCKET="run/s"),
            lambda: chosen(XDG_RUNTIME_DIR="run"),
        ):
            with self.assertRaises(Unavailable) as caught:
                refused()
            self.assertEqual(caught.exception.class_, "environment")

    def flaw(self, check, mode, owner=US):
        try:
            check("/run/x", mode, owner, US)
        except Unavailable as error:
            return error.reason
        return None

    def test_each_flaw_of_folder_socket_and_peer_has_its_own_reason(self):
        folder, sock, link = stat.S_IFDIR, stat.S_IFSOCK, stat.S_IFLNK
        check = darkslide._check_folder
        self.assertIsNone(self.flaw(check, folder | 0o700))
        self.assertIsNone(self.flaw(check, folder | 0o755, 0))
        self.assertEqual(self.flaw(check, link | 0o777), "not-a-folder")
        self.assertEqual(self.flaw(check, folder | 0o700, US + 1), "folder-owner")
        for mode in (0o720, 0o702, 0o777, 0o1777):
            self.assertEqual(self.flaw(check, folder | mode), "folder-mode")
        check = darkslide._check_socket
        self.assertIsNone(self.flaw(check, sock | 0o660, 0))
        self.assertEqual(self.flaw(check, link | 0o777), "not-a-socket")
        self.assertEqual(self.flaw(check, sock | 0o600, US + 1), "socket-owner")
        self.assertEqual(self.flaw(check, sock | 0o666), "socket-mode")
        for peer, flaw in ((US, None), (0, None), (US + 1, "peer-uid"), (2**32 - 1, "peer-uid")):
            peer_check = lambda path, _mode, owner, uid: darkslide._check_peer(path, owner, uid)
            self.assertEqual(self.flaw(peer_check, 0, peer), flaw)

    def test_looks_at_the_disk_itself_and_follows_no_link(self):
        def reason(path):
            with self.assertRaises(Unavailable) as caught:
                darkslide._check_place(path, os.geteuid())
            return caught.exception.reason

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s")
            self.assertEqual(reason(path), "absent")
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
            os.chmod(path, 0o600)
            darkslide._check_place(path, os.geteuid())
            os.symlink(path, os.path.join(folder, "t"))
            self.assertEqual(reason(os.path.join(folder, "t")), "not-a-socket")
            os.symlink(folder, os.path.join(folder, "link"))
            self.assertEqual(reason(os.path.join(folder, "link", "s")), "not-a-folder")
            os.chmod(path, 0o602)
            self.assertEqual(reason(path), "socket-mode")
            os.chmod(folder, 0o720)
            self.assertEqual(reason(path), "folder-mode")

    def test_a_path_at_the_limit_is_looked_at_and_one_byte_more_is_refused(self):
        longest = darkslide.MAX_SOCKET_PATH_BYTES
        for length, reason in ((longest, "absent"), (longest + 1, "too-long"), (10**6, "too-long")):
            with self.assertRaises(Unavailable) as caught:
                darkslide._check_place("/nowhere/" + "x" * (length - 9), US)
            self.assertEqual(caught.exception.reason, reason)


class Pauses(unittest.TestCase):
    def test_they_double_up_to_two_seconds_and_roll_dice(self):
        for roll, wanted in ((0.0, [25, 50, 100, 200, 400, 800, 1000, 1000]),
                             (1.0, [50, 100, 200, 400, 800, 1600, 2000, 2000])):  # fmt: skip
            pauses = darkslide._BackOff(lambda: roll)
            self.assertEqual([round(pauses.next() * 1000) for _ in wanted], wanted)


def event(seq, kind="progress", topic="job:1", **data):
    return darkslide.Event("s", seq, "2026-07-01T00:00:00.000Z", topic, kind, data)


class Events(unittest.TestCase):
    def test_a_full_queue_drops_the_oldest_and_says_how_many(self):
        feed, limit = darkslide._Feed(["jobs"], None), darkslide.MAX_QUEUED_EVENTS
        for seq in range(1, limit + 1):
            feed.push(event(seq))
        self.assertEqual(feed.pop().kind, "progress", "at the limit nothing is dropped")
        for seq in range(limit + 1, limit + 5):
            feed.push(event(seq))
        told = list(iter(feed.pop, None))
        self.assertEqual((told[0].kind, told[0].data), ("overflow", {"dropped": 3}))
        self.assertEqual((told[0].seq, told[1].seq, len(told)), (4, 5, limit + 1))

    def test_the_end_of_a_job_is_not_dropped_for_progress(self):
        feed = darkslide._Feed(["job:1"], None)
        feed.push(event(1, "finished"))
        for seq in range(2, 10_000):
            feed.push(event(seq))
        self.assertEqual([e.seq for e in iter(feed.pop, None) if e.is_terminal], [1])

    def test_a_feed_of_jobs_is_over_when_all_are_and_others_never(self):
        feed = darkslide._Feed(["job:1", "key:k"], None)
        feed.push(event(1, "finished"))
        self.assertFalse(feed.pop() is None or feed.over)
        feed.push(event(2, "failed", "key:k"))
        self.assertFalse(feed.over, "not before it is read")
        self.assertFalse(feed.pop() is None or not feed.over)
        feed = darkslide._Feed(["job:1", "jobs"], None)
        feed.push(event(1, "finished"))
        self.assertFalse(feed.pop() is None or feed.over)

    def test_it_goes_on_from_the_last_number_that_came(self):
        feed = darkslide._Feed(["jobs"], None)
        feed.attach({"subscription": "s", "seq": 41}, None)
        self.assertEqual(feed.since, 41)
        feed.push(event(50, "keepalive"))
        self.assertEqual((feed.since, feed.ready), (50, False))
        feed.attach({"subscription": "t", "seq": 99}, None)
        self.assertEqual(feed.since, 50, "what was kept since then is still to come")
