"""Both clients against a real daemon: the one at `DARKSLIDE_SOCKET`, as the service tests start it.

It serves a library `main` with an album `Summer` of eight assets, one of which is not on this disk,
and the root `exports`, at `DARKSLIDE_TEST_EXPORTS`.
"""

import asyncio
import os
import re
import unittest

import darkslide
from darkslide import Denied, OsxphotosSandboxClient, Remote

from .fake import open_descriptors, twice

SOCKET = os.environ.get("DARKSLIDE_SOCKET")
EXPORTS = os.environ.get("DARKSLIDE_TEST_EXPORTS", "")
METHODS = os.environ.get("DARKSLIDE_TEST_METHODS", "").split()
JPEG = b"\xff\xd8"


@unittest.skipUnless(SOCKET, "there is no daemon at DARKSLIDE_SOCKET")
class Daemon:
    def folder(self, name):
        """A destination of this test's own."""
        return os.path.join(EXPORTS, f"{type(self).__name__}-{name}")

    def summer(self, client, **more):
        return list(client.assets("main", {"album": "Summer"}, **more))

    def test_it_says_what_it_is_and_what_is_granted(self):
        with self.client(None) as client:
            self.assertEqual(client.health(brief=True)["service"], "darkslide")
            self.assertIn("confinement", client.health()["detail"])
            self.assertEqual(client.policy_show()["roots"][0]["path"], EXPORTS)
            self.assertEqual(client.library_list()["libraries"][0]["name"], "main")
            self.assertEqual(client.library_info("main")["movies"], 0)
            self.assertEqual(client.discover()["openrpc"][:2], "1.")

    def test_it_tells_what_a_library_holds(self):
        with self.client(None) as client:
            albums = client.album_list("main", kinds=["album"])["albums"]
            self.assertEqual([album["title"] for album in albums], ["Summer"])
            count = client.asset_count("main", {"album": "Summer"}, with_=["not_local"])
            self.assertEqual((count["count"], count["not_local"]), (8, 1))
            months = client.facet_list("main", "month")["values"]
            self.assertEqual({value["value"] for value in months}, {"2024-05", "2024-06"})
            pages = self.summer(client, limit=3)
            self.assertEqual(len({asset["uuid"] for asset in pages}), 8)
            whole = self.summer(client, sort="taken", fields=["original_filename"])
            self.assertEqual(whole[0]["original_filename"], "IMG_0.JPG")
            uuid = whole[0]["uuid"]
            self.assertEqual(client.asset_get("main", [uuid])["assets"][0]["uuid"], uuid)
            listed = client.resource_list("main", [uuid])["assets"][0]["resources"]
            self.assertEqual([found["version"] for found in listed], ["original"])
            token = client.change_token("main")["token"]
            self.assertEqual([page["updated"] for page in client.changes("main", token)], [[]])

    def test_files_come_as_descriptors_or_as_bytes(self):
        before = open_descriptors()
        with self.client(None) as client:
            for asset in self.summer(client, sort="taken", fields=["original_filename"])[:5]:
                with client.resource_open("main", asset["uuid"], "original") as file:
                    data = file.read()
                    self.assertFalse(os.get_inheritable(file.fileno()))
                    self.assertEqual(file.info["name"], asset["original_filename"])
                    self.assertEqual((data[:2], len(data)), (JPEG, file.info["size"]))
                with client.thumbnail_open("main", asset["uuid"], 1) as file:
                    self.assertEqual(len(file.read()), file.info["size"])
                half = len(data) // 2
                parts = [
                    client.resource_read("main", asset["uuid"], "original", offset, half + 1)
                    for offset in (0, half + 1)
                ]
                self.assertEqual(parts[0]["data"] + parts[1]["data"], data)
                self.assertEqual([part["end"] for part in parts], [False, True])
            away = next(client.assets("main", {"is": "missing"}))["uuid"]
            with self.assertRaises(Remote) as caught:
                client.resource_open("main", away, "original")
            self.assertEqual((caught.exception.name, caught.exception.reason),
                             ("NOT_LOCAL", "in-icloud"))  # fmt: skip
            with self.assertRaises(Remote) as caught:
                client.thumbnail_open("main", away, 256)
            self.assertEqual(caught.exception.name, "NOT_LOCAL")
        self.assertEqual(open_descriptors(), before)

    def test_an_export_is_planned_followed_reported_and_verified(self):
        spec = {"library": "main", "destination": self.folder("export")}
        with self.client(None) as client:
            planned = list(client.plan(spec, limit=2))
            self.assertGreater(len(planned), 8)
            export = client.export(spec, key=self.folder("key"))
            kinds = [event.kind for event in export.progress()]
            self.assertEqual(kinds[-1], "finished")
            self.assertEqual(export.wait()["state"], "finished")
            again = client.export(spec, key=self.folder("key"))
            self.assertEqual(again.job, export.job, "the same key is the same job")
            rows = list(client.report(export.job, limit=2))
            self.assertEqual(len(rows), len(planned))
            self.assertEqual(len(list(client.report(export.job, undone=True))), 1)
            checked = client.follow(client.export_verify(spec["destination"], by="hash")).wait()
            self.assertEqual(checked["outcomes"], {"intact": len(rows) - 1})
            pruned = client.follow(client.export_prune("main", spec["destination"])).wait()
            self.assertEqual(pruned["state"], "finished")
            found = client.export_destinations("main")["destinations"]
            self.assertIn(os.path.basename(spec["destination"]), [one["path"] for one in found])
            jobs = {job["job"] for job in client.job_list()["jobs"]}
            self.assertIn(export.job, jobs)
            self.assertEqual(client.attach(export.job).wait()["state"], "finished")
            self.assertEqual(client.job_cancel(export.job)["state"], "finished")
            self.assertEqual(client.job_status(export.job)["job"], export.job)

    def test_a_job_is_followed_by_its_key_before_there_is_one(self):
        key = self.folder("before")
        spec = {"library": "main", "destination": self.folder("by-key")}
        with self.client(None) as client:
            events = client.subscribe(f"key:{key}")
            job = client.export_start(spec, key=key)["job"]
            told = list(events)
            self.assertEqual(told[-1].kind, "finished")
            jobs = [event.data["job"]["job"] for event in told if "job" in event.data]
            self.assertEqual(set(jobs), {job})
            replayed = list(client.subscribe(f"key:{key}", since=told[0].seq))
            self.assertEqual(replayed[-1][1:], told[-1][1:])
            self.assertGreater(replayed[0].seq, told[0].seq)

    def test_extract_answers_when_all_is_there_and_its_events_can_be_heard_before(self):
        key = self.folder("extract-key")
        with self.client(None) as client:
            events = client.subscribe(f"key:{key}")
            done = client.extract("Summer", self.folder("extract"), key=key)
            told = list(events)
            self.assertEqual(told[-1].kind, "finished")
            self.assertEqual(told[-1].data["job"]["job"], done["job"])
            self.assertIn("item", [event.kind for event in told], "of what is not on this disk")
            self.assertEqual((done["status"], done["success"]), ("partial", False))
            again = client.extract("Summer", self.folder("extract"), key=key)
            self.assertEqual(again["job"], done["job"])
            self.assertEqual(done["count"], len(done["photos"]))
            there = set(os.listdir(self.folder("extract")))
            self.assertLessEqual({row["filename"] for row in done["media_files"]}, there)

    def test_refusals_say_what_to_do(self):
        with self.client(None) as client:
            with self.assertRaises(Denied) as caught:
                client.export_plan({"library": "main", "destination": "/etc"})
            self.assertEqual((caught.exception.reason, caught.exception.class_),
                             ("path-outside-root", "policy"))  # fmt: skip
            with self.assertRaises(Remote) as caught:
                client.asset_count("main", {"album": "Sumer"})
            self.assertEqual(caught.exception.name, "NOT_FOUND")
            self.assertEqual(caught.exception.data["candidates"][0]["path"], "Summer")
            with self.assertRaises(Remote) as caught:
                client.call("album.list", {"library": "main", "colour": "red"})
            self.assertEqual((caught.exception.code, caught.exception.class_), (-32602, "caller"))


twice(globals(), Daemon)


@unittest.skipUnless(SOCKET, "there is no daemon at DARKSLIDE_SOCKET")
class Rest(unittest.TestCase):
    def test_every_method_of_the_wire_has_one_here(self):
        self.assertTrue(METHODS)
        others = {"rpc.discover": "discover", "event.subscribe": "subscribe"}
        for method in METHODS:
            name = others.get(method, method.replace(".", "_"))
            if method == "event.unsubscribe":
                self.assertTrue(darkslide.Subscription.close and darkslide.AsyncSubscription.close)
            else:
                for client in (darkslide.Client, darkslide.AsyncClient):
                    self.assertTrue(callable(getattr(client, name, None)), method)
                self.assertTrue(getattr(darkslide.Client, name).__doc__, method)

    def test_tasks_ask_for_many_files_at_once(self):
        async def size(client, uuid):
            with await client.resource_open("main", uuid, "original") as file:
                return len(file.read()) == file.info["size"]

        async def play():
            async with darkslide.AsyncClient() as client:
                local = {"all": [{"album": "Summer"}, {"is": "local"}]}
                uuids = [asset["uuid"] async for asset in client.assets("main", local)]
                return await asyncio.gather(*(size(client, uuid) for uuid in uuids * 20))

        before = open_descriptors()
        self.assertEqual(asyncio.run(play()), [True] * 140)
        self.assertEqual(open_descriptors(), before)

    def test_the_old_name_has_its_three_exceptions(self):
        client = OsxphotosSandboxClient(SOCKET)
        done = client.extract_photos("Summer", os.path.join(EXPORTS, "old"), {"live": False})
        self.assertEqual(done["status"], "partial")
        for refused in ("/etc", EXPORTS + "-evil", EXPORTS + "/../.ssh", "Exports"):
            with self.assertRaisesRegex(ValueError, re.escape(EXPORTS)):
                client.extract_photos("Summer", refused)
        with self.assertRaisesRegex(RuntimeError, "Sumer|album"):
            client.extract_photos("Sumer", os.path.join(EXPORTS, "old"))
        with self.assertRaises(ConnectionError):
            OsxphotosSandboxClient(SOCKET + "x").extract_photos("Summer", EXPORTS)
