"""Tests of grants.py: no right appears, widens or goes to somebody else unnoticed."""

import contextlib
import io
import pathlib
import shutil
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import grants  # noqa: E402


class GrantsTest(unittest.TestCase):
    """grants.py on a copy of the configuration, with one line of it changed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        files = [file for file in (ROOT / "terraform").rglob("*.tf") if ".terraform" not in file.parts]
        for file in [*files, HERE / "grants.txt"]:
            copy = self.root / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)

    def change(self, name, old, new):
        file = self.root / "terraform" / name
        text = file.read_text(encoding="utf-8")
        self.assertIn(old, text)
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def look(self):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = grants.main([str(self.root)])
        return status, printed.getvalue()

    def assert_noticed(self, *parts):
        status, printed = self.look()
        self.assertTrue(status, printed)
        for part in parts:
            self.assertIn(part, printed)

    def test_the_repositorys_grants_are_those_of_the_list(self):
        status, printed = self.look()
        self.assertFalse(status, printed)

    def test_a_grant_more(self):
        self.change("topics.tf", "module ", 'resource "google_project_iam_member" "wide" {\n  role = "roles/pubsub.publisher"\n}\nmodule ')
        self.assert_noticed("+terraform google_project_iam_member.wide", "+  role = roles/pubsub.publisher")

    def test_services_that_everybody_may_call(self):
        self.change("callers.tf", "locals ", 'resource "google_cloud_run_v2_service_iam_member" "open" {\n  member = "allUsers"\n}\nlocals ')
        self.assert_noticed("resource google_cloud_run_v2_service_iam_member.open names allUsers", "+terraform google_cloud_run_v2_service_iam_member.open")

    def test_a_service_that_checks_nobody(self):
        self.change("modules/service/service.tf", "= var.public", "= true")
        self.assert_noticed("+  invoker_iam_disabled = True")

    def test_another_member_or_role(self):
        for name, old, new in [
            ("callers.tf", "member             = local.deployer", 'member             = "allAuthenticatedUsers"'),
            ("callers.tf", 'service_account_id = local.caller_accounts["push-${each.key}"]', 'service_account_id = local.caller_accounts["ticker-caller"]'),
            ("modules/event-topic/iam.tf", 'role    = "roles/pubsub.publisher"', 'role    = "roles/pubsub.admin"'),
            ("bootstrap/delivery.tf", 'role   = "roles/storage.objectUser"', 'role   = "roles/storage.admin"'),
            ("bootstrap/delivery.tf", "resource.type ==", "true || resource.type =="),
        ]:
            with self.subTest(new):
                before = (self.root / "terraform" / name).read_text(encoding="utf-8")
                self.change(name, old, new)
                self.assert_noticed("+  ", "-  ")
                (self.root / "terraform" / name).write_text(before, encoding="utf-8")

    def test_what_a_grant_refers_to(self):
        for name, old, new in [
            ("modules/event-topic/iam.tf", "@gcp-sa-pubsub.", "@gcp-sa-else."),
            ("bootstrap/roles.tf", '"iam.serviceAccounts.create",', '"iam.serviceAccounts.signJwt",'),
            ("bootstrap/delivery.tf", '"roles/logging.logWriter" ', '"roles/owner" '),
            ("services.tf", 'each.key == "user-service" && ', ""),
            ("services.tf", "invokers = merge(", "invokers = merge({ everybody = local.deployer },"),
            ("callers.tf", '{ ticker-caller = "ticker" }', '{ ticker-caller = "crm-service" }'),
        ]:
            with self.subTest(new):
                before = (self.root / "terraform" / name).read_text(encoding="utf-8")
                self.change(name, old, new)
                self.assert_noticed("\n+  ")
                (self.root / "terraform" / name).write_text(before, encoding="utf-8")

    def test_a_module_from_elsewhere(self):
        self.change("topics.tf", '"./modules/event-topic"', '"git::https://example.com/event-topic"')
        self.assert_noticed("module topic comes from git::https://example.com/event-topic")


if __name__ == "__main__":
    unittest.main()
