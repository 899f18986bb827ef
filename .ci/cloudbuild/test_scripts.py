"""Tests of the pipeline's own scripts: each rule is broken once, and found."""

import contextlib
import http.server
import io
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import types
import unittest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import check  # noqa: E402
import plan_guard  # noqa: E402
import smoke_test  # noqa: E402


class CheckTest(unittest.TestCase):
    """check.py on a copy of the files that it reads, with one of them changed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name in ["cloudbuild.yaml", "functions/Dockerfile", "terraform/variables-system.tf", ".ci/cloudbuild/tools.Dockerfile"]:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        for folder in (ROOT / "functions").glob("*-service"):
            (self.root / "functions" / folder.name).mkdir()
        for script in ["run", "cloudbuild/tools", "cloudbuild/emulators", "cloudbuild/dependencies", "cloudbuild/image", "cloudbuild/plan", "cloudbuild/apply", "cloudbuild/smoke-test"]:
            (self.root / ".ci" / script).touch(0o755)

    def change(self, old, new, name="cloudbuild.yaml"):
        file = self.root / name
        text = file.read_text(encoding="utf-8")
        self.assertIn(old, text)
        file.write_text(text.replace(old, new), encoding="utf-8")

    def assert_faults(self, *parts):
        found = list(check.faults(self.root))
        self.assertEqual(len(found), len(parts), found)
        for part in parts:
            self.assertTrue(any(part in fault for fault in found), (part, found))

    def test_the_repository_has_no_fault(self):
        self.assert_faults()

    def test_a_step_that_waits_for_nothing_known(self):
        self.change("waitFor: [verify]", "waitFor: [verify, lint]")
        self.assert_faults("emulators waits for lint, which is no step")

    def test_a_step_that_waits_for_a_later_one(self):
        self.change("waitFor: [tools]", "waitFor: [tools, plan]")
        self.assert_faults("verify waits for plan, which comes after it")

    def test_a_step_that_does_not_say_what_it_waits_for(self):
        self.change("    waitFor: [plan]\n", "")
        self.assert_faults("apply does not say what it waits for", "apply can run before plan", "apply runs in", "smoke-test runs in")

    def test_a_deployment_beside_the_tests(self):
        self.change("waitFor: [emulators, dependencies]", "waitFor: [dependencies]")
        self.assert_faults("plan can run before verify", "plan can run before emulators", "plan runs in", "apply runs in", "smoke-test runs in")

    def test_a_step_without_timeout(self):
        self.change("    timeout: 600s\n", "")
        self.assert_faults("smoke-test has no timeout")

    def test_a_script_that_does_not_exist(self):
        self.change(".ci/cloudbuild/smoke-test", ".ci/cloudbuild/smoke")
        self.assert_faults("smoke-test runs .ci/cloudbuild/smoke, which does not exist")

    def test_a_script_that_is_not_executable(self):
        (self.root / ".ci/run").chmod(0o644)
        self.assert_faults("verify runs .ci/run, which is not executable")

    def test_an_image_that_is_deployed_and_not_built(self):
        self.change("crm = {", 'loyalty = { event_types = ["user.created"] }\n    crm = {', "terraform/variables-system.tf")
        self.assert_faults("Terraform deploys loyalty-service, whose image no step builds")

    def test_an_image_that_the_plan_does_not_wait_for(self):
        self.change("      - image-crm-service\n", "")
        self.assert_faults("plan does not wait for image-crm-service")

    def test_an_image_without_provenance(self):
        self.change("  - ${_REGISTRY}/crm-service:${BUILD_ID}\n", "")
        self.assert_faults("image of crm-service is built but not among images")

    def test_a_service_that_nobody_builds(self):
        (self.root / "functions/loyalty-service").mkdir()
        self.assert_faults("No step builds the image of functions/loyalty-service")

    def test_a_substitution_without_default(self):
        self.change("  _MAIN_BRANCH: main", "  _BRANCH: main")
        self.assert_faults("${_MAIN_BRANCH} is used and has no default")

    def test_logs_that_an_own_account_can_not_write(self):
        self.change("CLOUD_LOGGING_ONLY", "LEGACY")
        self.assert_faults("CLOUD_LOGGING_ONLY")

    def test_two_compilers(self):
        self.change("ARG RUST_VERSION=", "ARG RUST_VERSION=0.", "functions/Dockerfile")
        self.assert_faults("The Rust versions differ")


class PlanGuardTest(unittest.TestCase):
    def guard(self, *changes, allow="false"):
        plan = {"resource_changes": [{"address": address, "type": address.split(".")[0], "change": {"actions": actions}} for address, actions in changes]}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file, contextlib.redirect_stdout(io.StringIO()) as printed:
            json.dump(plan, file)
            file.flush()
            status = plan_guard.main([file.name, f"--allow-replace={allow}"])
        return status, printed.getvalue()

    def test_making_and_changing_loses_nothing(self):
        status, _ = self.guard(("google_pubsub_subscription.push", ["create"]), ("google_pubsub_topic.events", ["update"]), ("google_cloud_run_v2_service.service", ["delete", "create"]))
        self.assertEqual(status, 0)

    def test_a_replaced_subscription_stops_the_build_and_says_what_to_do(self):
        status, printed = self.guard(("google_pubsub_subscription.push", ["delete", "create"]))
        self.assertEqual(status, 1)
        self.assertIn("The plan replaces google_pubsub_subscription.push", printed)
        self.assertIn("gcloud pubsub subscriptions seek", printed)

    def test_so_does_a_deleted_database(self):
        status, printed = self.guard(("google_firestore_database.fanout", ["delete"]))
        self.assertEqual((status, "deletes google_firestore_database.fanout: every document" in printed), (1, True))

    def test_it_can_be_allowed(self):
        status, printed = self.guard(("google_pubsub_topic.events", ["create", "delete"]), allow="true")
        self.assertEqual((status, "allowed" in printed), (0, True))


class FakeSystem(http.server.BaseHTTPRequestHandler):
    """All four services at one address. The class's fields are the system's state and faults."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        state, path = self.server.state, self.path
        state.calls.append(("GET", path, self.headers.get("Authorization")))
        users = state.users
        if path == "/signups":
            self.answer(200, {"total": state.signups})
        elif path.startswith("/contacts/"):
            user = users.get(path.split("/")[2])
            self.answer(200, {"email": user["email"]}) if user else self.answer(404, {})
        elif path.startswith("/emails?user_id="):
            self.answer(200, {"emails": state.mails})
        elif path.startswith("/users/"):
            self.answer(200 if path.split("/")[2] in users else 404, {})

    def do_POST(self):
        state = self.server.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state.calls.append(("POST", self.path, self.headers.get("Authorization")))
        state.users["usr_1"] = body
        state.signups += state.counts
        self.answer(201, {"id": "usr_1"})

    def do_DELETE(self):
        self.server.state.calls.append(("DELETE", self.path, self.headers.get("Authorization")))
        self.server.state.users.pop(self.path.split("/")[2])
        self.send_response(204)
        self.end_headers()

    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


class SmokeTestTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeSystem)
        self.state = self.server.state = types.SimpleNamespace(users={}, signups=41, counts=1, mails=[{"status": "sent"}], calls=[])
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def try_out(self, **outputs):
        url = f"http://127.0.0.1:{self.server.server_port}"
        names = ["user-service", "email-service", "analytics-service", "crm-service"]
        everything = {"service_urls": {name: url for name in names}, "test_sender": "hello@example.com", **outputs}
        asked = []

        def gcloud(command, **_):
            asked.append(command)
            return types.SimpleNamespace(returncode=0, stdout=f"token-{len(asked)}\n", stderr="")

        system = smoke_test.Deployed({name: {"value": value} for name, value in everything.items()}, run=gcloud)
        with contextlib.redirect_stdout(io.StringIO()):
            smoke_test.SmokeTest(system, "build-1", patience=0.2, pause=0.05).run()
        return asked

    def test_a_system_that_works(self):
        self.try_out()
        self.assertEqual(self.state.users, {}, "the test user was not deleted")
        self.assertEqual([call[0] for call in self.state.calls].count("POST"), 1)

    def test_consumers_are_called_with_the_token_of_their_subscription(self):
        asked = self.try_out(push_identities={"crm": "push-crm@fanout-test.iam.gserviceaccount.com"})
        self.assertEqual(len(asked), 1)
        self.assertIn("--impersonate-service-account=push-crm@fanout-test.iam.gserviceaccount.com", asked[0])
        tokens = {path.split("/")[1]: token for _, path, token in self.state.calls if path.startswith(("/contacts", "/users"))}
        self.assertEqual(tokens, {"contacts": "Bearer token-1", "users": None})

    def test_a_private_user_service_is_called_as_the_relay(self):
        asked = self.try_out(user_service_public=False, relay_identities={"user-service": "relay@fanout-test.iam.gserviceaccount.com"})
        self.assertIn("--impersonate-service-account=relay@fanout-test.iam.gserviceaccount.com", asked[0])

    def assert_fails(self, part):
        with self.assertRaises(smoke_test.Failed) as raised:
            self.try_out()
        self.assertIn(part, str(raised.exception))
        self.assertEqual(self.state.users, {}, "the test user was not deleted")

    def test_a_mail_that_was_not_sent(self):
        self.state.mails = []
        self.assert_fails("the welcome mail is recorded as sent, once")

    def test_a_mail_that_was_sent_twice(self):
        self.state.mails *= 2
        self.assert_fails("the welcome mail is recorded as sent, once")

    def test_a_sign_up_that_is_not_counted(self):
        self.state.counts = 0
        self.assert_fails("the sign-up is counted")


class PinImagesTest(unittest.TestCase):
    def pin(self, printed):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            shutil.copytree(HERE, root / ".ci/cloudbuild")
            for service in ["crm-service", "user-service"]:
                (root / "functions" / service).mkdir(parents=True)
            (root / "terraform").mkdir()
            gcloud = root / "bin/gcloud"
            gcloud.parent.mkdir()
            gcloud.write_text(f"#!/bin/sh\necho '{printed}'\n", encoding="utf-8")
            gcloud.chmod(gcloud.stat().st_mode | stat.S_IXUSR)
            environment = {**os.environ, "PATH": f"{gcloud.parent}:{os.environ['PATH']}"}
            done = subprocess.run([root / ".ci/cloudbuild/pin-images", "my-project", "europe-west1"], env=environment, capture_output=True, text=True, check=False)
            file = root / "terraform/images.auto.tfvars.json"
            return done, json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    def test_the_file_names_every_service_by_digest(self):
        digest = "sha256:" + "a" * 64
        done, pinned = self.pin(digest)
        self.assertEqual(done.returncode, 0, done.stderr)
        registry = "europe-west1-docker.pkg.dev/my-project/fanout"
        self.assertEqual(pinned, {"images": {name: f"{registry}/{name}@{digest}" for name in ["crm-service", "user-service"]}})

    def test_a_missing_image_is_a_sentence_with_the_command_that_builds_it(self):
        done, pinned = self.pin("")
        self.assertEqual((done.returncode, pinned), (1, None))
        self.assertIn("There is no image of crm-service", done.stderr)
        self.assertIn("gcloud builds submit --project=my-project --region=europe-west1 --config=cloudbuild.yaml", done.stderr)


if __name__ == "__main__":
    unittest.main()
