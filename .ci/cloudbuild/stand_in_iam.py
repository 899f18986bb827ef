"""Google's IAM Credentials API as it is for a member who holds roles/iam.serviceAccountOpenIdTokenCreator on an
account and nothing else: it makes identity tokens, and refuses access tokens. For tests."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import tempfile
import threading
import unittest.mock

ACCESS_TOKEN = "access-token"
# A gcloud that knows who we are, and can't be anybody else.
_GCLOUD = f"""#!/bin/sh
[ "$*" = "auth print-access-token" ] && echo {ACCESS_TOKEN} && exit
echo "ERROR: (gcloud) Permission 'iam.serviceAccounts.getAccessToken' denied" >&2
exit 1
"""


def token(account, audience):
    """The token that is made of the account for the audience."""
    return f"token.of.{account}.for.{audience}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        account = re.fullmatch(r"/v1/projects/-/serviceAccounts/([^/:]+):generateIdToken", self.path)
        allowed = account and self.headers["Authorization"] == f"Bearer {ACCESS_TOKEN}" and self.server.refusals <= 0
        self.server.refusals -= 1
        if allowed and asked.get("includeEmail"):
            self._answer(200, {"token": token(account[1], asked["audience"])})
        else:
            self._answer(403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}})

    def _answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        # As Google writes it: over several lines.
        self.wfile.write(json.dumps(body, indent=2).encode())


@contextlib.contextmanager
def serving(handler=_Handler, **state):
    """A server on a free port, with its address as `url` and the state as further fields."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.url = f"http://127.0.0.1:{server.server_port}"
    vars(server).update({"refusals": 0, **state})
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def gcloud_on_path():
    """A gcloud of ours before every other."""
    with tempfile.TemporaryDirectory() as folder:
        gcloud = pathlib.Path(folder, "gcloud")
        gcloud.write_text(_GCLOUD, encoding="utf-8")
        gcloud.chmod(0o700)
        with unittest.mock.patch.dict(os.environ, PATH=f"{folder}{os.pathsep}{os.environ['PATH']}"):
            yield
