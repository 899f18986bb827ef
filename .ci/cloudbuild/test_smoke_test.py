"""Tests of smoke_test.py against a system that works, and against ones that do not."""

import contextlib
import datetime
import http.server
import io
import json
import pathlib
import sys
import tempfile
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import smoke_test  # noqa: E402
import stand_in_iam  # noqa: E402

DAY = "2026-12-31"
NEXT_DAY = "2027-01-01"


class FakeSystem(http.server.BaseHTTPRequestHandler):
    """All four services at one address. The class's fields are the system's state and faults."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        state, path = self.server.state, self.path
        state.calls.append(("GET", path, self.headers.get("Authorization")))
        users = state.users
        if path == f"/signups?from={DAY}&to={NEXT_DAY}":
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
        # As user-service takes addresses: at most 64 bytes before the @, and 254 in all.
        local, _, domain = body["email"].partition("@")
        if len(local) > 64 or len(local) + 1 + len(domain) > 254:
            self.answer(422, {})
            return
        state.emails.append(body["email"])
        state.users["usr_1"] = body
        state.signups += state.counts
        self.answer(201, {"id": "usr_1"})

    def do_DELETE(self):
        state = self.server.state
        state.calls.append(("DELETE", self.path, self.headers.get("Authorization")))
        if not state.deletes:
            self.answer(404, {})
            return
        deleted = state.users.pop(self.path.split("/")[2], None)
        if state.loses_answer:
            state.loses_answer = False
            self.close_connection = True
            return
        self.send_response(204 if deleted else 404)
        self.end_headers()

    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


class SmokeTestTest(unittest.TestCase):
    def setUp(self):
        self.state = types.SimpleNamespace(users={}, emails=[], signups=41, counts=1, mails=[{"status": "sent"}], calls=[], deletes=True, loses_answer=False)
        self.url = self.enter(stand_in_iam.serving(FakeSystem, state=self.state)).url
        self.iam = self.enter(stand_in_iam.serving())
        self.enter(stand_in_iam.gcloud_on_path())

    def enter(self, context):
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def try_out(self, mark="build-1", **outputs):
        names = ["user-service", "email-service", "analytics-service", "crm-service"]
        everything = {"service_urls": {name: self.url for name in names}, "test_sender": "hello@example.com", "callers": {}, **outputs}
        system = smoke_test.Deployed({name: {"value": value} for name, value in everything.items()}, iam=f"{self.iam.url}/")
        with contextlib.redirect_stdout(io.StringIO()):
            smoke_test.SmokeTest(system, mark, today=datetime.date.fromisoformat(DAY), patience=0.2, pause=0.05).run()

    def tokens(self):
        """What each path was called with, by its first part."""
        return {path.split("/")[1].split("?")[0]: token for _, path, token in self.state.calls}

    def test_a_system_that_works(self):
        self.try_out()
        self.assertEqual(self.state.users, {}, "the test user was not deleted")
        self.assertEqual([call[0] for call in self.state.calls].count("POST"), 1)

    def test_the_test_users_address_is_our_senders_with_a_tag_and_no_longer_than_addresses_are(self):
        mark = "3f2a9c04-7d1e-4b55-9a60-0c7e1d2b8f31"
        long = ".".join(["b" * 63, "b" * 63, "b" * 63, "b" * 45, "example"])
        for sender, expected in [
            ("hello@example.com", "hello+smoke-3f2a9c04@example.com"),
            ("notifications-of-orders@example.com", "notifications-of-orders+smoke-3f2a9c04@example.com"),
            (f"{'a' * 55}@example.com", f"{'a' * 55}+smoke-3f@example.com"),
            (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
            (f"a@{long}", f"a+smoke-@{long}"),
        ]:
            with self.subTest(sender):
                self.try_out(mark, test_sender=sender)
                self.assertEqual(self.state.emails.pop(), expected)

    def test_consumers_are_called_with_the_token_of_their_subscription(self):
        account = "push-crm@fanout-test.iam.gserviceaccount.com"
        self.try_out(callers={"crm-service": account})
        token = f"Bearer {stand_in_iam.token(account, self.url)}"
        self.assertEqual(self.tokens(), {"contacts": token, "emails": None, "signups": None, "users": None})

    def test_a_private_user_service_is_called_as_the_one_who_may(self):
        account = "sign-up-caller@fanout-test.iam.gserviceaccount.com"
        self.try_out(callers={"user-service": account})
        self.assertEqual(self.tokens()["users"], f"Bearer {stand_in_iam.token(account, self.url)}")

    def test_a_grant_that_is_not_known_everywhere_yet_is_waited_for(self):
        self.iam.refusals = 2
        self.try_out(callers={"crm-service": "push-crm@fanout-test.iam.gserviceaccount.com"})

    def test_a_right_that_is_missing_is_named(self):
        self.iam.refusals = 1000
        with self.assertRaises(smoke_test.Failed) as raised:
            self.try_out(callers={"crm-service": "push-crm@fanout-test.iam.gserviceaccount.com"})
        self.assertIn("no token of push-crm@fanout-test.iam.gserviceaccount.com: 403", str(raised.exception))

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

    def test_a_deletion_whose_answer_was_lost(self):
        self.state.loses_answer = True
        self.try_out()
        self.assertEqual([call[0] for call in self.state.calls].count("DELETE"), 2)

    def test_a_test_user_who_can_not_be_deleted(self):
        self.state.deletes = False
        with self.assertRaises(smoke_test.Failed) as raised:
            self.try_out()
        self.assertIn("the test user is deleted", str(raised.exception))


class WithoutSignUpTest(unittest.TestCase):
    def test_a_system_without_a_sign_up_has_nothing_to_try(self):
        outputs = {"service_urls": {"ticker": "https://ticker.example.com"}, "test_sender": "hello@example.com", "callers": {}}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file, contextlib.redirect_stdout(io.StringIO()) as printed:
            json.dump({name: {"value": value} for name, value in outputs.items()}, file)
            file.flush()
            status = smoke_test.main([file.name, "--mark=build-1"])
        self.assertEqual((status, printed.getvalue()), (0, "There is no sign-up to try: user-service is not deployed.\n"))


if __name__ == "__main__":
    unittest.main()
