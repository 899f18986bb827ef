"""Tests of check.py: each of its rules is broken once, and found."""

import pathlib
import shutil
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import check  # noqa: E402


class CheckTest(unittest.TestCase):
    """check.py on a copy of the files that it reads, with one of them changed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        configuration = [str(file.relative_to(ROOT)) for file in (ROOT / "terraform").rglob("*.tf") if ".terraform" not in file.parts]
        for name in ["cloudbuild.yaml", "functions/Dockerfile", ".ci/cloudbuild/tools.Dockerfile", ".github/workflows/ci.yml", "rust-toolchain.toml", *configuration]:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        for script in ["run", "cloudbuild/tools", "cloudbuild/emulators", "cloudbuild/image", "cloudbuild/push", "cloudbuild/plan", "cloudbuild/apply", "cloudbuild/smoke-test"]:
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
        self.change("waitFor: [emulators, image]", "waitFor: [image]")
        self.assert_faults("push can run before verify", "push can run before emulators", "plan runs in", "apply runs in", "smoke-test runs in")

    def test_a_step_without_timeout(self):
        self.change("    timeout: 600s\n", "")
        self.assert_faults("smoke-test has no timeout")

    def test_a_script_that_does_not_exist(self):
        self.change(".ci/cloudbuild/smoke-test", ".ci/cloudbuild/smoke")
        self.assert_faults("smoke-test runs .ci/cloudbuild/smoke, which does not exist")

    def test_a_script_that_is_not_executable(self):
        (self.root / ".ci/run").chmod(0o644)
        self.assert_faults("verify runs .ci/run, which is not executable")

    def test_an_image_without_provenance(self):
        self.change("  - ${_REGISTRY}/service:${BUILD_ID}\n", "  - ${_REGISTRY}/crm-service:${BUILD_ID}\n")
        self.assert_faults("it would have no provenance")

    def test_a_substitution_without_default(self):
        self.change("  _MAIN_BRANCH: main", "  _BRANCH: main")
        self.assert_faults("${_MAIN_BRANCH} is used and has no default", "_MAIN_BRANCH is None")

    def test_logs_that_an_own_account_can_not_write(self):
        self.change("CLOUD_LOGGING_ONLY", "LEGACY")
        self.assert_faults("CLOUD_LOGGING_ONLY")

    def test_two_compilers(self):
        self.change("ARG RUST_VERSION=", "ARG RUST_VERSION=0.", "functions/Dockerfile")
        self.assert_faults("The Rust versions differ")

    def test_another_compiler_or_terraform_on_github(self):
        self.change("  CARGO_TARGET_DIR: ", "  RUSTUP_TOOLCHAIN: stable\n  CARGO_TARGET_DIR: ", ".github/workflows/ci.yml")
        self.change("terraform_version: 1", "terraform_version: 0", ".github/workflows/ci.yml")
        self.assert_faults("ci.yml sets RUSTUP_TOOLCHAIN", "The Terraform versions differ")

    def test_a_compiler_that_is_not_one_and_exact(self):
        self.change('"1.95.0"', '"1.95"', "rust-toolchain.toml")
        self.assert_faults("The Rust versions differ")

    def test_a_provider_that_the_next_build_may_get_newer(self):
        self.change('"6.50.0"', '"~> 6.50"', "terraform/versions.tf")
        self.assert_faults("The provider's version is not one and exact")

    def test_terraform_that_does_not_wait(self):
        for name, old, part in [
            ("modules/dead-letters/outputs.tf", "    google_pubsub_topic_iam_member.parking,\n", "topic does not wait for google_pubsub_topic_iam_member.parking"),
            ("modules/event-topic/iam.tf", "    google_pubsub_subscription.push,\n", "publisher does not wait for google_pubsub_subscription.push"),
            ("modules/service/outputs.tf", "    google_cloud_run_v2_service_iam_member.invoker,\n", "url does not wait for google_cloud_run_v2_service_iam_member.invoker"),
        ]:
            with self.subTest(part):
                self.change(old, "", f"terraform/{name}")
                self.assert_faults(part)
                shutil.copy(ROOT / "terraform" / name, self.root / "terraform" / name)

    def test_a_workflow_that_runs_less_than_everything(self):
        self.change("bash .ci/run", "bash .ci/terraform", ".github/workflows/ci.yml")
        self.assert_faults("ci.yml does not run `bash .ci/run`")

    def test_a_workflow_whose_failure_is_not_seen(self):
        self.change("      - run: bash .ci/run", "      - run: bash .ci/run\n        continue-on-error: true", ".github/workflows/ci.yml")
        self.assert_faults("has `continue-on-error`")

    def test_a_workflow_that_is_not_run_for_every_change(self):
        self.change("  pull_request:\n", "", ".github/workflows/ci.yml")
        self.assert_faults("ci.yml does not run for each push to main and each pull request")

    def test_a_checkout_without_history(self):
        self.change("fetch-depth: 0", "fetch-depth: 1", ".github/workflows/ci.yml")
        self.assert_faults("fetches no history")

    def test_an_action_by_its_tag(self):
        self.change("actions/checkout@", "actions/checkout@v4 # ", ".github/workflows/ci.yml")
        self.assert_faults("actions/checkout@v4, which can be moved")

    def test_a_step_that_may_fail(self):
        self.change("    args: [.ci/run]\n", "    args: [.ci/run]\n    allowFailure: true\n")
        self.assert_faults("verify has allowFailure")
        self.change("allowFailure: true", "allowExitCodes: [1]")
        self.assert_faults("verify has allowExitCodes")

    def test_a_step_in_another_builds_tools(self):
        self.change("${_BUILD_REGISTRY}/verify:${BUILD_ID}", "${_BUILD_REGISTRY}/verify")
        self.assert_faults("verify runs in ${_BUILD_REGISTRY}/verify, which may be another build's")

    def test_losses_that_are_always_allowed(self):
        self.change('_ALLOW_REPLACE: "false"', '_ALLOW_REPLACE: "true"')
        self.assert_faults("_ALLOW_REPLACE is not")

    def test_a_guard_that_is_told_nothing(self):
        self.change("    - BRANCH_NAME=${BRANCH_NAME}\n", "")
        self.assert_faults("options.env lacks BRANCH_NAME=${BRANCH_NAME}")

    def test_names_that_the_bootstrap_does_not_make(self):
        for old, new, part in [
            ('repository_id = "fanout-build"', 'repository_id = "build"', "_BUILD_REGISTRY is "),
            ('repository_id = "fanout"', 'repository_id = "images"', "_REGISTRY is "),
            ('-builds"', '-plans"', "_BUILDS_BUCKET is "),
            ('bucket = "${var.project_id}-terraform"', 'bucket = "${var.project_id}-state"', "_STATE_BUCKET is "),
            ('branch = "^main$"', 'branch = "^trunk$"', "_MAIN_BRANCH is main, and the trigger of the bootstrap waits for ^trunk$"),
        ]:
            with self.subTest(old):
                file = next(file for file in (self.root / "terraform/bootstrap").glob("*.tf") if old in file.read_text(encoding="utf-8"))
                before = file.read_text(encoding="utf-8")
                self.change(old, new, str(file.relative_to(self.root)))
                self.assert_faults(part)
                file.write_text(before, encoding="utf-8")

    def test_another_account_than_the_bootstraps(self):
        self.change("serviceAccounts/fanout-delivery@", "serviceAccounts/fanout-delivery-2@")
        self.assert_faults("serviceAccount is projects/")
        self.change("serviceAccounts/fanout-delivery-2@", "serviceAccounts/fanout-delivery@")
        self.change('"fanout-delivery"', '"builder"', "terraform/variables.tf")
        self.assert_faults("The default of delivery_account_id is builder")


if __name__ == "__main__":
    unittest.main()
