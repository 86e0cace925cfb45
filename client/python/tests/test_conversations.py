"""Whole conversations with a scripted daemon, over both clients: what callers see."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
import unittest
from unittest import mock

import darkslide
from darkslide import Denied, ProtocolError, Remote, TimedOut, Unavailable

from .fake import GREETING, Fake, framed, open_descriptors, twice

SOON = 0.05  # a timeout that is to be reached
LIST = {"libraries": []}


def closes(peer):
    """Takes a request and ends the connection without an answer."""
    peer.message()


def lists(peer):
    peer.answer(peer.request("library.list"), LIST)


class Calls:
    def test_it_says_who_it_is_and_calls_a_method(self):
        def script(peer):
            hello = peer.request("health")
            claim = {"name": "tester", "version": "7"}
            assert hello["params"] == {"client": claim, "brief": True}, hello
            peer.answer(hello, GREETING)
            asked = peer.request("asset.count")
            params = {"library": "main", "filter": {"is": "edited"}, "with": ["bytes"]}
            assert asked["params"] == params and asked["jsonrpc"] == "2.0", asked
            peer.answer(asked, {"count": 3})

        with Fake(script, greets=False) as fake:
            settings = {"client_name": "tester", "client_version": "7"}
            with self.client(fake.path, **settings) as client:
                counted = client.asset_count("main", {"is": "edited"}, with_=["bytes"])
                self.assertEqual((counted, client.server), ({"count": 3}, GREETING))

    def test_another_service_or_protocol_is_refused(self):
        for other in ({"service": "other"}, {"protocol": 2}, {"protocol": None}):
            with Fake(lambda peer: peer.greet(**other), greets=False) as fake:
                with self.assertRaises(ProtocolError) as caught, self.client(fake.path):
                    pass
                self.assertEqual(caught.exception.reason, "service")

    def test_a_refusal_leaves_the_connection_usable(self):
        def script(peer):
            peer.refuse(peer.request("library.list"))
            peer.refuse(peer.request("library.list"), 1016, "BUSY", "transient")
            lists(peer)

        with Fake(script) as fake, self.client(fake.path) as client:
            with self.assertRaises(Denied):
                client.library_list()
            with self.assertRaises(Remote) as caught:
                client.library_list()
            busy = caught.exception
            self.assertEqual((busy.name, busy.class_), ("BUSY", "transient"))
            self.assertEqual(client.library_list(), LIST)

    def test_cut_and_glued_frames_are_read(self):
        def script(peer):
            answer = framed({"jsonrpc": "2.0", "id": peer.message()["id"], "result": LIST})
            unknown = framed({"jsonrpc": "2.0", "method": "later", "params": {}})
            for byte in unknown + answer[:9]:
                peer.raw(bytes([byte]))
            peer.raw(answer[9:] + unknown)
            lists(peer)

        with Fake(script) as fake, self.client(fake.path) as client:
            self.assertEqual([client.library_list(), client.library_list()], [LIST, LIST])

    def test_a_call_that_is_not_answered_times_out_and_is_given_up(self):
        def script(peer):
            late = peer.request("export.start")
            cancel = peer.message()
            assert cancel["method"] == "$/cancel" and "id" not in cancel, cancel
            assert cancel["params"] == {"id": late["id"]}, cancel
            next_one = peer.request("library.list")
            peer.answer(late, {"job": "late"})
            peer.answer(next_one, LIST)

        with Fake(script) as fake, self.client(fake.path) as client:
            with self.assertRaises(TimedOut) as caught:
                client.call("export.start", {"spec": {}}, timeout=SOON)
            self.assertEqual(caught.exception.class_, "transient")
            self.assertEqual(client.library_list(), LIST)

    def test_pages_are_walked_to_their_end(self):
        def script(peer):
            for cursor, following in ((None, "a"), ("a", "b"), ("b", None)):
                asked = peer.request("asset.query")
                assert asked["params"].get("cursor") == cursor, asked
                assert asked["params"]["limit"] == 2, asked
                page = {"assets": [{"uuid": f"{cursor}{at}"} for at in range(2)]}
                peer.answer(asked, {**page, "next": following} if following else page)
            for after, following in ((None, 5), (5, None)):
                asked = peer.request("job.report")
                assert asked["params"].get("after") == after, asked
                peer.answer(asked, {"rows": [{"after": after}], "next": following})
            for token, more in (("t", True), ("u", False)):
                asked = peer.request("change.since")
                assert asked["params"]["token"] == token, asked
                peer.answer(asked, {"updated": [token], "next": "u", "more": more})

        with Fake(script) as fake, self.client(fake.path) as client:
            uuids = [asset["uuid"] for asset in client.assets("main", limit=2)]
            self.assertEqual(uuids, ["None0", "None1", "a0", "a1", "b0", "b1"])
            self.assertEqual([row["after"] for row in client.report("j")], [None, 5])
            self.assertEqual([p["updated"] for p in client.changes("main", "t")], [["t"], ["u"]])

    def test_a_page_that_leads_back_to_itself_ends_the_walk(self):
        def script(peer):
            for _ in range(2):
                peer.answer(peer.request("asset.query"), {"assets": [{}], "next": "a"})

        with Fake(script) as fake, self.client(fake.path) as client:
            with self.assertRaises(ProtocolError) as caught:
                list(client.assets("main"))
            self.assertEqual(caught.exception.reason, "page-loop")

    def test_data_for_who_has_no_descriptors_comes_as_bytes(self):
        def script(peer):
            peer.answer(peer.request("resource.read"), {"data": "AAEC", "end": True})
            peer.answer(peer.request("resource.read"), {"data": "A*=="})

        with Fake(script) as fake, self.client(fake.path) as client:
            read = client.resource_read("main", "u", "original", 0, 3)
            self.assertEqual(read["data"], b"\0\1\2")
            with self.assertRaises(ProtocolError):
                client.resource_read("main", "u", "original", 0, 3)

    def test_extract_waits_as_long_as_the_daemon_is_alive(self):
        def script(peer):
            asked = peer.request("extract")
            assert asked["params"] == {"album": "A", "export_path": "~/x", "key": "k"}, asked
            for _ in range(6):
                peer.answer(peer.request("health"), GREETING)
            peer.answer(asked, {"status": "success"})

        # However slow this machine is: the script is alive, and nothing here may give it up.
        patient = mock.patch.object(darkslide, "MISSED_KEEP_ALIVES", 10**9)
        with patient, Fake(script) as fake, self.client(fake.path, keep_alive=SOON) as client:
            done = client.extract("A", "~/x", key="k")
            self.assertEqual(done["status"], "success")

    def test_extract_is_given_up_when_nobody_is_there_any_more(self):
        def script(peer):
            asked = peer.request("extract")
            peer.request("health")
            cancel = peer.request("$/cancel")
            assert cancel["params"]["id"] == asked["id"]

        with Fake(script) as fake, self.client(fake.path, keep_alive=SOON) as client:
            with self.assertRaises(TimedOut):
                client.extract("A", "~/x")

    def test_a_breaker_that_is_open_asks_nobody(self):
        breaker = darkslide.CircuitBreaker(max_failures=2)

        def script(peer):
            for _ in range(3):
                peer.refuse(peer.request("library.list"))
            for _ in range(2):
                peer.refuse(peer.request("library.list"), 1016, "BUSY", "transient")

        logged = self.assertLogs("darkslide")
        with logged, Fake(script) as fake, self.client(fake.path, breaker=breaker) as client:
            for wanted in (Denied, Denied, Denied, Remote, Remote, darkslide.BreakerOpen):
                with self.assertRaises(wanted):
                    client.library_list()
            self.assertEqual(breaker.status().state, "open")


class Connections:
    def test_nobody_there_is_told_at_once(self):
        for missing in ("t", "none/s"):
            with Fake() as fake:
                path = os.path.join(os.path.dirname(fake.path), missing)
                with self.assertRaises(Unavailable) as caught, self.client(path):
                    pass
                self.assertEqual((caught.exception.reason, caught.exception.class_),
                                 ("absent", "transient"))  # fmt: skip
        with Fake() as fake:
            os.rename(fake.path, fake.path + "t")
            with socket.socket(socket.AF_UNIX) as nobody:
                nobody.bind(fake.path)
            with self.assertRaises(Unavailable), self.client(fake.path):
                pass

    def test_nothing_is_sent_to_somebody_else(self):
        def script(peer):
            assert peer.is_closed()

        with Fake(script, greets=False) as fake:
            with mock.patch.object(darkslide, "_peer_uid", return_value=4711):
                with self.assertRaises(Unavailable) as caught, self.client(fake.path):
                    pass
            self.assertEqual(caught.exception.reason, "peer-uid")

    def test_a_place_that_others_can_write_to_is_not_connected_to(self):
        with Fake() as fake:
            os.chmod(fake.path, 0o666)
            with self.assertRaises(Unavailable) as caught, self.client(fake.path):
                pass
            self.assertEqual(caught.exception.reason, "socket-mode")
            os.chmod(fake.path, 0o600)
            if os.geteuid() == 0:
                os.chown(fake.path, 4711, -1)
                with self.assertRaises(Unavailable) as caught, self.client(fake.path):
                    pass
                self.assertEqual(caught.exception.reason, "socket-owner")

    def test_a_daemon_that_greets_nobody_is_waited_for_so_long_and_no_longer(self):
        def script(peer):
            peer.request("health")
            assert peer.request("$/cancel") and peer.is_closed()

        with Fake(script, greets=False) as fake:
            with self.assertRaises(TimedOut), self.client(fake.path, connect_timeout=SOON):
                pass

    def test_a_daemon_that_refuses_this_peer_is_heard(self):
        with Fake(lambda peer: peer.refuse(None), greets=False) as fake:
            with self.assertRaises(Denied), self.client(fake.path):
                pass

    def test_a_read_is_asked_again_after_a_restart(self):
        with Fake(closes, closes, lists) as fake, self.client(fake.path) as client:
            self.assertEqual(client.library_list(), LIST)

    def test_a_read_is_asked_again_when_the_daemon_is_about_to_end(self):
        def ends(peer):
            peer.refuse(peer.request("library.list"), 1013, "SHUTTING_DOWN", "transient")

        with Fake(ends, lists) as fake, self.client(fake.path) as client:
            self.assertEqual(client.library_list(), LIST)

    def test_a_write_is_never_asked_twice(self):
        def ends(peer):
            peer.request("export.start")

        with Fake(ends, lists) as fake, self.client(fake.path) as client:
            with self.assertRaises(Unavailable) as caught:
                client.export_start({"library": "main"})
            self.assertEqual(caught.exception.class_, "transient")
            self.assertEqual(client.library_list(), LIST, "the next call connects anew")

    def test_a_connection_that_ended_while_idle_costs_no_write(self):
        ended = threading.Event()

        def idle(peer):
            peer.sock.shutdown(socket.SHUT_RDWR)
            ended.set()

        def starts(peer):
            peer.answer(peer.request("export.start"), {"job": "1"})

        with Fake(idle, starts) as fake, self.client(fake.path) as client:
            ended.wait()
            self.assertEqual(client.export_start({}), {"job": "1"})

    def test_a_read_that_nobody_answers_any_more_ends_within_its_time(self):
        with Fake(closes) as fake, self.client(fake.path, call_timeout=0.3) as client:
            os.rename(fake.path, fake.path + "x")
            with self.assertRaises(Unavailable):
                client.library_list()

    def test_a_closed_client_calls_nobody(self):
        with Fake(lambda peer: peer.is_closed()) as fake, self.client(fake.path) as client:
            client.close()
            with self.assertRaises(Unavailable) as caught:
                client.library_list()
            self.assertEqual(caught.exception.class_, "caller")


class Events:
    def test_events_are_told_in_order_and_end_with_their_job(self):
        def script(peer):
            asked = peer.request("event.subscribe")
            assert asked["params"] == {"topics": ["key:k"], "since": 7}, asked
            peer.answer(asked, {"subscription": "s", "seq": 9})
            peer.event(10, "started", "key:k")
            peer.event(10, "keepalive", "key:k")
            peer.event(11, "later-word", "key:k")
            peer.event(12, "finished", "key:k")

        with Fake(script) as fake, self.client(fake.path) as client:
            events = client.subscribe("key:k", since=7)
            told = [(event.seq, event.kind) for event in events]
            self.assertEqual(told, [(10, "started"), (11, "later-word"), (12, "finished")])

    def test_a_subscription_goes_on_after_a_lost_connection_where_it_was(self):
        def first(peer):
            asked = peer.request("event.subscribe")
            assert "since" not in asked["params"], asked
            peer.answer(asked, {"subscription": "s", "seq": 4})

        def second(peer):
            asked = peer.request("event.subscribe")
            assert asked["params"]["since"] == 4, asked
            peer.answer(asked, {"subscription": "t", "seq": 4})
            peer.event(5, subscription="t")

        def third(peer):
            asked = peer.request("event.subscribe")
            assert asked["params"]["since"] == 5, asked
            peer.answer(asked, {"subscription": "u", "seq": 2048})
            peer.event(2048, "overflow", subscription="u")
            peer.event(2049, "started", subscription="u")
            unsubscribe = peer.request("event.unsubscribe")
            assert unsubscribe["params"] == {"subscription": "u"}, unsubscribe

        with Fake(first, second, third) as fake, self.client(fake.path) as client:
            events = client.subscribe(["jobs"])
            told = [next(events) for _ in range(3)]
            self.assertEqual([event.kind for event in told], ["progress", "overflow", "started"])
            self.assertEqual(events.seq, 2049)
            events.close()
            self.assertEqual(list(events), [])

    def test_silence_on_a_subscription_ends_the_connection(self):
        def first(peer):
            peer.answer(peer.request("event.subscribe"), {"subscription": "s", "seq": 1})
            assert peer.is_closed()

        def second(peer):
            asked = peer.request("event.subscribe")
            with peer.glued():
                peer.answer(asked, {"subscription": "s", "seq": 1})
                peer.event(2)

        with Fake(first, second) as fake, self.client(fake.path, keep_alive=SOON) as client:
            self.assertEqual(next(client.subscribe("jobs")).seq, 2)

    def test_a_subscription_that_the_new_daemon_refuses_is_an_error(self):
        def first(peer):
            peer.answer(peer.request("event.subscribe"), {"subscription": "s", "seq": 1})

        def second(peer):
            peer.refuse(peer.request("event.subscribe"), 1002, "NOT_FOUND", "caller")

        with Fake(first, second) as fake, self.client(fake.path) as client:
            with self.assertRaises(Remote):
                next(client.subscribe("job:1"))

    def test_what_nobody_holds_any_more_is_given_up(self):
        def script(peer):
            peer.answer(peer.request("event.subscribe"), {"subscription": "s", "seq": 1})
            dropped = peer.request("library.list")
            peer.event(2)
            peer.event(3)
            peer.answer(dropped, LIST)
            assert peer.request("event.unsubscribe")["params"] == {"subscription": "s"}
            lists(peer)

        with Fake(script) as fake, self.client(fake.path) as client:
            client.subscribe("jobs")
            self.assertEqual([client.library_list(), client.library_list()], [LIST, LIST])

    def test_an_export_is_followed_to_its_end(self):
        def job(state):
            return {"job": "j", "state": state}

        def script(peer):
            asked = peer.request("export.start")
            assert asked["params"] == {"spec": {"library": "main"}, "key": "k"}, asked
            peer.answer(asked, job("queued"))
            asked = peer.request("event.subscribe")
            assert asked["params"] == {"topics": ["job:j"]}, asked
            peer.answer(asked, {"subscription": "s", "seq": 1})
            peer.event(2, "started", "job:j", job=job("running"))
            asked = peer.request("job.cancel")
            assert asked["params"] == {"job": "j", "mode": "now"}, asked
            peer.event(3, "cancelled", "job:j")
            peer.answer(asked, job("running"))
            peer.answer(peer.request("job.status"), job("cancelled"))

        with Fake(script) as fake, self.client(fake.path) as client:
            export = client.export({"library": "main"}, key="k")
            progress = export.progress()
            self.assertEqual(next(iter(progress)).kind, "started")
            self.assertEqual((export.job, export.status["state"]), ("j", "running"))
            self.assertEqual(export.cancel("now")["state"], "running")
            self.assertEqual(export.wait()["state"], "cancelled")
            self.assertEqual(list(export.progress()), [])

    def test_a_job_is_followed_by_its_key_from_before_it_is_there(self):
        def job(state):
            return {"job": "j", "state": state}

        def script(peer):
            asked = peer.request("event.subscribe")
            assert asked["params"] == {"topics": ["key:k"]}, asked
            peer.answer(asked, {"subscription": "s", "seq": 1})
            lists(peer)
            peer.event(2, "queued", "key:k", job=job("queued"))
            asked = peer.request("job.cancel")
            assert asked["params"] == {"job": "j"}, asked
            peer.answer(asked, job("queued"))
            peer.event(3, "cancelled", "key:k", job=job("cancelled"))

        with Fake(script) as fake, self.client(fake.path) as client:
            export = client.attach_key("k")
            self.assertEqual(export.status, {})
            with self.assertRaises(Remote) as caught:
                export.cancel()
            self.assertEqual(caught.exception.name, "NOT_FOUND")
            self.assertEqual(client.library_list(), LIST)
            self.assertEqual(next(iter(export.progress())).kind, "queued")
            self.assertEqual(export.job, "j")
            self.assertEqual(export.cancel()["state"], "queued")
            self.assertEqual(export.wait()["state"], "cancelled")


class Descriptors:
    """The n-th frame that announces a descriptor takes the n-th; none is lost, none is left."""

    def setUp(self):
        self.before = open_descriptors()

    def tearDown(self):
        self.assertEqual(open_descriptors(), self.before)

    @contextlib.contextmanager
    def files(self, *contents):
        """Descriptors of anonymous files."""
        with contextlib.ExitStack() as stack:
            made = []
            for content in contents:
                reading, writing = os.pipe()
                stack.callback(os.close, reading)
                os.write(writing, content)
                os.close(writing)
                made.append(reading)
            yield made

    def test_a_file_is_received_and_belongs_to_this_process_alone(self):
        def script(peer):
            with self.files(b"photo") as files:
                asked = peer.request("resource.open")
                params = {"library": "main", "uuid": "u", "version": "original"}
                assert asked["params"] == params, asked
                # Glued in front: whatever came before lies in the same packet.
                peer.raw(framed({"jsonrpc": "2.0", "method": "later", "params": {}}))
                peer.answer(asked, {"name": "a.jpg"}, files, fd=True)
            with self.files(b"small") as files:
                asked = peer.request("thumbnail.open")
                assert asked["params"]["min_pixels"] == 256, asked
                peer.answer(asked, {"width": 300}, files, fd=True)

        with Fake(script) as fake, self.client(fake.path) as client:
            with client.resource_open("main", "u", "original") as file:
                self.assertFalse(os.get_inheritable(file.fileno()))
                self.assertEqual((file.read(), file.info), (b"photo", {"name": "a.jpg"}))
            with client.thumbnail_open("main", "u", 256) as file:
                self.assertEqual((file.read(), file.info["width"]), (b"small", 300))

    def test_an_answer_that_comes_too_late_is_closed(self):
        def script(peer):
            with self.files(b"late", b"next") as (late, following):
                asked = peer.request("resource.open")
                peer.request("$/cancel")
                following_one = peer.request("resource.open")
                peer.answer(asked, {}, [late], fd=True)
                peer.answer(following_one, {}, [following], fd=True)

        with Fake(script) as fake, self.client(fake.path) as client:
            params = {"library": "main", "uuid": "u", "version": "original"}
            with self.assertRaises(TimedOut):
                client.call("resource.open", params, timeout=SOON)
            with client.resource_open("main", "u", "original") as file:
                self.assertEqual(file.read(), b"next")

    def test_one_for_a_call_that_asked_for_none_is_closed(self):
        def script(peer):
            with self.files(b"photo") as files:
                peer.answer(peer.request("library.list"), LIST, files, fd=True)
            with self.files(b"photo") as files:
                asked = peer.request("library.list")
                error = {"code": 1002, "message": "no", "data": {}}
                refused = {"jsonrpc": "2.0", "id": asked["id"], "fd": True, "error": error}
                peer.raw(framed(refused), files)

        with Fake(script) as fake, self.client(fake.path) as client:
            self.assertEqual(client.library_list(), LIST)
            with self.assertRaises(Remote):
                client.library_list()

    def test_too_few_and_too_many_end_the_connection(self):
        for count, announced in ((0, True), (1, False), (2, True), (2, False), (20, True)):
            with self.subTest(count=count, announced=announced):

                def script(peer):
                    with self.files(*[b"photo"] * count) as files:
                        more = {"fd": True} if announced else {}
                        asked = peer.request("resource.open")
                        with contextlib.suppress(BrokenPipeError):
                            peer.answer(asked, {}, files, **more)
                        assert peer.is_closed()

                with Fake(script) as fake, self.client(fake.path) as client:
                    with self.assertRaises(ProtocolError) as caught:
                        client.resource_open("main", "u", "original")
                    self.assertEqual(caught.exception.reason, "descriptor")

    def test_an_opened_resource_that_brings_no_file_is_an_error(self):
        def script(peer):
            peer.answer(peer.request("resource.open"), {"name": "a"})

        with Fake(script) as fake, self.client(fake.path) as client:
            with self.assertRaises(ProtocolError) as caught:
                client.resource_open("main", "u", "original")
            self.assertEqual(caught.exception.reason, "descriptor")

    def test_one_that_waits_for_the_rest_of_its_frame_is_closed_with_the_connection(self):
        def script(peer):
            peer.request("later.open")  # a method that is not asked again
            with self.files(b"photo") as files:
                peer.raw(b"\0\0\1\0{", files)

        with Fake(script) as fake, self.client(fake.path) as client:
            with self.assertRaises(Unavailable):
                client.call("later.open")


twice(globals(), Calls, Connections, Events, Descriptors)


class Threads(unittest.TestCase):
    def test_threads_share_a_client_and_each_gets_its_own_answer(self):
        def script(peer):
            waiting = []
            for _ in range(40):
                waiting.append(peer.request("library.info"))
                if len(waiting) == 4:
                    for asked in reversed(waiting):
                        peer.answer(asked, asked["params"])
                    waiting.clear()

        got = []

        def ask(client, number):
            for turn in range(10):
                name = f"{number}.{turn}"
                got.append(client.library_info(name) == {"library": name})

        with Fake(script) as fake, darkslide.Client(fake.path) as client:
            threads = [threading.Thread(target=ask, args=(client, at)) for at in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(got, [True] * 40)

    def test_closing_wakes_a_thread_that_waits_for_events(self):
        subscribed = threading.Event()

        def script(peer):
            peer.answer(peer.request("event.subscribe"), {"subscription": "s", "seq": 1})
            peer.event(2)
            assert peer.is_closed()

        ended = []

        def follow(client):
            with contextlib.suppress(Unavailable):
                for _ in client.subscribe("jobs"):
                    subscribed.set()
            ended.append(True)

        with Fake(script) as fake, darkslide.Client(fake.path) as client:
            thread = threading.Thread(target=follow, args=(client,))
            thread.start()
            subscribed.wait()
            client.close()
            thread.join(60)
        self.assertEqual(ended, [True])


    def test_an_interrupt_gives_the_request_up_and_leaves_the_client_usable(self):
        waits, look = threading.Event(), darkslide._BlockingSocket._look

        def seen(connection, what, deadline):
            if connection.link._last_id == 2:  # behind the greeting: the request is sent
                waits.set()
            return look(connection, what, deadline)

        def script(peer):
            asked = peer.request("extract")
            waits.wait()
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            assert peer.request("$/cancel")["params"] == {"id": asked["id"]}
            lists(peer)

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        seeing = mock.patch.object(darkslide._BlockingSocket, "_look", seen)
        with seeing, Fake(script) as fake, darkslide.Client(fake.path) as client:
            with self.assertRaises(KeyboardInterrupt):
                client.extract("A", "~/x")
            self.assertEqual(client.library_list(), LIST)


class Tasks(unittest.TestCase):
    def test_a_cancelled_task_gives_its_request_up(self):
        asked_first = threading.Event()

        def script(peer):
            asked = peer.request("extract")
            asked_first.set()
            assert peer.request("$/cancel")["params"] == {"id": asked["id"]}
            other = peer.request("library.list")
            peer.refuse(asked, 1012, "CANCELLED", "caller")
            peer.answer(other, LIST)

        async def play(path):
            async with darkslide.AsyncClient(path) as client:
                task = asyncio.ensure_future(client.extract("A", "~/x"))
                await asyncio.get_running_loop().run_in_executor(None, asked_first.wait)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                self.assertEqual(await client.library_list(), LIST)

        with Fake(script) as fake:
            asyncio.run(play(fake.path))

    def test_hundreds_of_tasks_share_a_connection_and_its_64_places(self):
        all_asked = threading.Event()

        def script(peer):
            waiting = [peer.message() for _ in range(darkslide.MAX_IN_FLIGHT)]
            all_asked.wait()
            peer.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                raise AssertionError(f"one more: {peer.sock.recv(99)!r}")
            peer.sock.setblocking(True)
            for at in range(300):
                asked = waiting.pop()
                peer.answer(asked, asked["params"])
                if at < 300 - darkslide.MAX_IN_FLIGHT:
                    waiting.append(peer.message())

        async def play(path):
            async with darkslide.AsyncClient(path) as client:
                names = [str(at) for at in range(300)]
                asked = asyncio.gather(*(client.library_info(name) for name in names))
                for _ in range(20):  # each task gets as far as it can
                    await asyncio.sleep(0)
                all_asked.set()
                self.assertEqual(await asked, [{"library": name} for name in names])

        with Fake(script) as fake:
            asyncio.run(play(fake.path))

    def test_tasks_follow_events_while_others_ask(self):
        def script(peer):
            peer.answer(peer.request("event.subscribe"), {"subscription": "s", "seq": 1})
            for seq in range(2, 20):
                peer.event(seq, topic="job:1")
                lists(peer)
            peer.event(20, "finished", "job:1")

        async def play(path):
            async with darkslide.AsyncClient(path) as client:
                async with await client.subscribe("job:1") as events:
                    seqs = []
                    async for event in events:
                        seqs.append(event.seq)
                        if not event.is_terminal:
                            await client.library_list()
                self.assertEqual(seqs, list(range(2, 21)))

        with Fake(script) as fake:
            asyncio.run(play(fake.path))


class OldName(unittest.TestCase):
    """`OsxphotosSandboxClient`: its result, and its three exceptions."""

    def extract(self, *scripts, at=None, path="~/Exports/x"):
        with Fake(*scripts) as fake:
            client = darkslide.OsxphotosSandboxClient(at or fake.path)
            return client.extract_photos("Summer", path, {"live": False})

    def test_it_returns_the_result(self):
        def script(peer):
            asked = peer.request("extract")
            params = {"album": "Summer", "export_path": "~/Exports/x", "options": {"live": False}}
            assert asked["params"] == params, asked
            peer.answer(asked, {"status": "success", "count": 2})

        self.assertEqual(self.extract(script), {"status": "success", "count": 2})

    def test_a_refused_path_is_a_value_error_that_names_the_allowed_ones(self):
        roots = [{"path": "/home/me/Exports"}, {"path": "/mnt/nas"}]
        params = {"code": -32602, "name": "INVALID_PARAMS", "class_": "caller"}
        for path, error in (
            ("/etc", {"reason": "path-outside-root"}),
            ("/home/me/Exports/../.ssh", {**params, "reason": "path-outside-root"}),
            ("Exports/x", {**params, "reason": "invalid-params"}),
        ):

            def script(peer):
                peer.refuse(peer.request("extract"), **error)
                peer.answer(peer.request("policy.show"), {"roots": roots})

            with self.assertRaisesRegex(ValueError, "/home/me/Exports, /mnt/nas"):
                self.extract(script, path=path)

    def test_whoever_may_not_ask_for_the_policy_has_the_denials_own_words(self):
        def script(peer):
            message = "it has exports (/home/me/Exports)"
            peer.refuse(peer.request("extract"), message=message, reason="path-outside-root")
            peer.refuse(peer.request("policy.show"))

        with self.assertRaisesRegex(ValueError, "/home/me/Exports"):
            self.extract(script)

    def test_an_absent_daemon_is_a_connection_error(self):
        with self.assertRaises(ConnectionError):
            self.extract(at="/nowhere/s")

    def test_anything_else_is_a_runtime_error(self):
        for error in ((1002, "NOT_FOUND"), (1001, "DENIED"), (-32602, "INVALID_PARAMS")):

            def script(peer):
                peer.refuse(peer.request("extract"), *error, "caller", "no such album")

            with self.assertRaisesRegex(RuntimeError, "no such album"):
                self.extract(script)
