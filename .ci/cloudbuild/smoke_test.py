"""Tries a deployed system: a test user signs up, three effects are seen, the test user is deleted.

    smoke_test.py OUTPUTS.json --mark=BUILD_ID

OUTPUTS.json is what `terraform output -json` prints. What is not public is called with the token of the
one identity that may call it: gcloud says who we are, and IAM makes the token. (`gcloud auth
print-identity-token` would ask for that identity's access token first, and we may not be it.) The test
user's address is our own sender's with a tag, so that no mail goes to a stranger.
"""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE_SECONDS = 180.0  # cold starts of four services, and a first push that has to be repeated
PAUSE_SECONDS = 2.0
# Where IAM makes tokens; gcloud reads the same variable.
IAM_CREDENTIALS_URL = os.environ.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", "https://iamcredentials.googleapis.com/")


class Failed(Exception):
    """A full sentence about what is not as it should be."""


class Deployed:
    """The services behind Terraform's outputs."""

    def __init__(self, outputs, iam=IAM_CREDENTIALS_URL):
        self.urls = outputs["service_urls"]["value"]
        self.sender = outputs["test_sender"]["value"]
        self._callers = outputs["callers"]["value"]
        self._iam = iam.rstrip("/")
        self._tokens = {}

    def call(self, method, service, path, body=None, headers=None):
        """The answer's status and JSON body; (None, reason) if there was no answer."""
        request = urllib.request.Request(self.urls[service] + path, method=method, headers=headers or {})
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            if service in self._callers:
                request.add_header("Authorization", f"Bearer {self._token(service)}")
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _json(error.read())
        except OSError as error:
            return None, str(error)

    def _token(self, service):
        """The token of the identity that may call the service, for the service's address."""
        if service not in self._tokens:
            account = self._callers[service]
            asked = {"audience": self.urls[service], "includeEmail": True}
            request = urllib.request.Request(f"{self._iam}/v1/projects/-/serviceAccounts/{account}:generateIdToken", json.dumps(asked).encode())
            request.add_header("Authorization", f"Bearer {self._access_token()}")
            request.add_header("Content-Type", "application/json")
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    self._tokens[service] = json.load(answer)["token"]
            except urllib.error.HTTPError as error:
                # A grant of the apply just done may not be known everywhere yet: no answer, for now.
                raise OSError(f"no token of {account}: {error.code}, {_json(error.read())}") from error
        return self._tokens[service]

    def _access_token(self):
        printed = subprocess.run(["gcloud", "auth", "print-access-token"], capture_output=True, text=True, check=False)
        if printed.returncode != 0:
            raise Failed(f"gcloud does not say who we are: {printed.stderr.strip()}")
        return printed.stdout.strip()


def _json(body):
    try:
        return json.loads(body)
    except ValueError:
        return None


def _tagged(sender, tag):
    """Our own address with a tag, by which the test user is known: as much of it as an address has room for,
    64 characters before the @ and 254 in all."""
    local, _, domain = sender.partition("@")
    most = min(64, 253 - len(domain))
    return f"{(local + tag)[:most]}@{domain}"


class SmokeTest:
    """One round, told line by line."""

    def __init__(self, system, mark, today, patience=PATIENCE_SECONDS, pause=PAUSE_SECONDS):
        self._system = system
        self._mark = mark
        # The day in UTC, and the next: midnight may come between two questions.
        self._signups = f"/signups?from={today}&to={today + datetime.timedelta(days=1)}"
        self._patience = patience
        self._pause = pause

    def run(self):
        before = self._see("analytics counts", "GET", "analytics-service", self._signups)["total"]
        email = _tagged(self._system.sender, f"+smoke-{self._mark[:8]}")
        user_id = self._see(
            "a test user signs up",
            "POST",
            "user-service",
            "/users",
            status=201,
            body={"email": email, "name": "Smoke Test"},
            # An answer that got lost may be asked for again.
            headers={"Idempotency-Key": f"smoke-{self._mark}"},
        )["id"]
        user = urllib.parse.quote(user_id, safe="")
        try:
            self._see("the CRM has the contact", "GET", "crm-service", f"/contacts/{user}", lambda seen: seen["email"] == email)
            self._see(
                "the welcome mail is recorded as sent, once",
                "GET",
                "email-service",
                f"/emails?user_id={user}",
                lambda seen: [mail["status"] for mail in seen["emails"]] == ["sent"],
            )
            self._see("the sign-up is counted", "GET", "analytics-service", self._signups, lambda seen: seen["total"] > before)
        finally:
            self._see("the test user is deleted", "DELETE", "user-service", f"/users/{user}", status=204, after_lost_answer=404)
        self._see("the test user is gone", "GET", "user-service", f"/users/{user}", status=404)

    def _see(self, what, method, service, path, good=lambda seen: True, status=200, after_lost_answer=None, **call):
        """Calls until the answer is what it should be; complains with the last answer.

        `after_lost_answer` is as good as `status` once a call may have worked without saying so.
        """
        end = time.monotonic() + self._patience
        expected = {status}
        while True:
            got, seen = self._system.call(method, service, path, **call)
            if got in expected and good(seen):
                print(f"  {what}")
                return seen
            if after_lost_answer is not None and (got is None or got >= 500):
                expected.add(after_lost_answer)
            if time.monotonic() >= end:
                raise Failed(f"Not within {self._patience:.0f} s: {what}. The last answer of {service} was {got}, {seen}.")
            time.sleep(self._pause)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Tries a deployed system with a test user.")
    parser.add_argument("outputs", type=pathlib.Path)
    parser.add_argument("--mark", required=True, help="what the test user's address is tagged with")
    options = parser.parse_args(arguments)
    try:
        system = Deployed(json.loads(options.outputs.read_text(encoding="utf-8")))
        if "user-service" not in system.urls:
            print("There is no sign-up to try: user-service is not deployed.")
            return 0
        SmokeTest(system, options.mark, datetime.datetime.now(datetime.timezone.utc).date()).run()
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    print("All three effects were seen.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
