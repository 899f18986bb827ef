"""Tests of the lines that Terraform's output `commands` gives people to paste."""

import http.server
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import stand_in_iam  # noqa: E402

TERRAFORM = pathlib.Path(__file__).parents[2] / "terraform"
ACCOUNT = "push-crm@fanout-test.iam.gserviceaccount.com"


class Private(http.server.BaseHTTPRequestHandler):
    """A service that only one identity may call."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        allowed = self.headers["Authorization"] == f"Bearer {stand_in_iam.token(ACCOUNT, self.server.url)}"
        self.send_response(200 if allowed else 403)
        self.end_headers()
        self.wfile.write(f"{self.path}: {'ok' if allowed else 'refused'}".encode())


class CommandsTest(unittest.TestCase):
    def test_a_private_service_is_called_with_an_identity_token_and_nothing_wider(self):
        template = (TERRAFORM / "call.sh.tftpl").read_text(encoding="utf-8")
        with stand_in_iam.serving(Private) as service, stand_in_iam.serving() as iam, stand_in_iam.gcloud_on_path():
            line = template.replace("${account}", ACCOUNT).replace("${url}", service.url).replace("https://iamcredentials.googleapis.com", iam.url)
            for shell in ["bash", "sh"]:
                with self.subTest(shell):
                    done = subprocess.run([shell, "-c", line], capture_output=True, text=True, check=False)
                    self.assertEqual(done.stdout, "/health: ok", done.stderr)


if __name__ == "__main__":
    unittest.main()
