"""Tests of the pipeline's scripts, with stand-ins for the programs that they call."""

import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import plan_guard  # noqa: E402


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

    def test_so_does_a_topic(self):
        self.assertEqual(self.guard(("google_pubsub_topic.events", ["delete", "create"]))[0], 1)

    def test_it_can_be_allowed(self):
        status, printed = self.guard(("google_pubsub_topic.events", ["create", "delete"]), allow="true")
        self.assertEqual((status, "allowed" in printed), (0, True))


class Workspace:
    """A repository with the pipeline's scripts, and stand-ins on PATH that note how they are called."""

    def __init__(self, test):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        shutil.copytree(HERE, self.root / ".ci/cloudbuild")
        for made in ["bin", "terraform/environments", ".build"]:
            (self.root / made).mkdir(parents=True)

    def stand_in(self, name, script):
        """A program that notes its arguments, a line for each call, and then does this."""
        program = self.root / "bin" / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self.root}/calls"\n{script}\n', encoding="utf-8")
        program.chmod(0o755)

    def run(self, script, *arguments, **variables):
        (self.root / "calls").write_text("", encoding="utf-8")
        environment = {**os.environ, "PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        for name in ["BRANCH_NAME", "ALLOW_REPLACE"]:
            environment.pop(name, None)
        command = [self.root / ".ci/cloudbuild" / script, *arguments]
        return subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, check=False)

    def calls(self):
        return (self.root / "calls").read_text(encoding="utf-8").replace(str(self.root), "ROOT").splitlines()

    def read(self, name):
        file = self.root / name
        return file.read_text(encoding="utf-8") if file.exists() else None


class ApplyTest(unittest.TestCase):
    def setUp(self):
        self.place = Workspace(self)
        self.place.stand_in("terraform", 'if [[ $2 == output ]]; then echo "{}"; fi')

    def test_on_main_exactly_the_plan_is_applied_and_the_outputs_are_kept(self):
        done = self.place.run("apply", BRANCH_NAME="main", MAIN_BRANCH="main")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            self.place.calls(),
            ["terraform -chdir=terraform apply -input=false -no-color -lock-timeout=10m ROOT/.build/plan.tfplan", "terraform -chdir=terraform output -json"],
        )
        self.assertEqual(self.place.read(".build/outputs.json"), "{}\n")

    def test_another_branch_or_none_applies_nothing(self):
        for branch in [{"BRANCH_NAME": "feature"}, {"BRANCH_NAME": ""}, {}]:
            with self.subTest(branch):
                done = self.place.run("apply", MAIN_BRANCH="main", **branch)
                self.assertEqual((done.returncode, self.place.calls()), (0, []))
                self.assertIsNone(self.place.read(".build/outputs.json"))

    def test_a_branch_without_a_name_is_not_the_main_branch(self):
        done = self.place.run("apply", MAIN_BRANCH="")
        self.assertEqual((done.returncode, self.place.calls()), (1, []))


class SmokeTestScriptTest(unittest.TestCase):
    def setUp(self):
        self.place = Workspace(self)
        self.place.stand_in("python3", "")

    def test_what_was_applied_is_tried(self):
        (self.place.root / ".build/outputs.json").write_text("{}", encoding="utf-8")
        done = self.place.run("smoke-test", BRANCH_NAME="main", MAIN_BRANCH="main", BUILD_ID="build-1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.place.calls(), ["python3 .ci/cloudbuild/smoke_test.py .build/outputs.json --mark=build-1"])

    def test_another_branch_has_nothing_to_try(self):
        done = self.place.run("smoke-test", BRANCH_NAME="feature", MAIN_BRANCH="main")
        self.assertEqual((done.returncode, self.place.calls()), (0, []))

    def test_on_main_nothing_to_try_is_a_failure(self):
        done = self.place.run("smoke-test", BRANCH_NAME="main", MAIN_BRANCH="main")
        self.assertEqual((done.returncode, self.place.calls()), (1, []))
        self.assertIn("no outputs", done.stderr)


class PlanTest(unittest.TestCase):
    VARIABLES = {
        "BUILD_ID": "build-1",
        "BUILDS_BUCKET": "my-project-builds",
        "ENVIRONMENT": "dev",
        "PROJECT_ID": "my-project",
        "PROJECT_NUMBER": "123456789012",
        "REGION": "europe-west1",
        "STATE_BUCKET": "my-project-terraform",
    }

    def setUp(self):
        self.place = Workspace(self)
        (self.place.root / "terraform/environments/dev.tfvars").write_text('region      = "europe-west1"\n', encoding="utf-8")
        (self.place.root / ".build/image").write_text("registry/service@sha256:aa\n", encoding="utf-8")
        self.place.stand_in("gcloud", "")
        self.plan({"resource_changes": []})

    def plan(self, shown):
        self.place.stand_in("terraform", f"if [[ $2 == show ]]; then echo '{json.dumps(shown)}'; fi")

    def run_plan(self, **variables):
        return self.place.run("plan", **{**self.VARIABLES, **variables})

    def test_the_plan_is_made_with_the_image_of_this_build_and_kept(self):
        done = self.run_plan()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            self.place.calls(),
            [
                "terraform -chdir=terraform init -input=false -no-color -backend-config=bucket=my-project-terraform -backend-config=prefix=fanout",
                "terraform -chdir=terraform validate -no-color",
                "terraform -chdir=terraform plan -input=false -no-color -lock-timeout=10m -out=ROOT/.build/plan.tfplan "
                "-var-file=environments/dev.tfvars -var-file=ROOT/.build/image.tfvars.json -var=project_id=my-project -var=project_number=123456789012",
                "terraform -chdir=terraform show -json ROOT/.build/plan.tfplan",
                "gcloud storage cp .build/plan.tfplan .build/plan.txt .build/plan.json .build/image.tfvars.json gs://my-project-builds/plans/build-1/",
            ],
        )
        self.assertEqual(json.loads(self.place.read(".build/image.tfvars.json")), {"image": "registry/service@sha256:aa"})

    def test_a_plan_that_would_lose_data_is_kept_and_stops_the_build(self):
        self.plan({"resource_changes": [{"address": "google_pubsub_topic.events", "type": "google_pubsub_topic", "change": {"actions": ["delete", "create"]}}]})
        for allowed in [{}, {"ALLOW_REPLACE": "false"}]:
            done = self.run_plan(**allowed)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("The plan replaces google_pubsub_topic.events", done.stdout)
            self.assertIn("gcloud storage cp .build/plan.tfplan", self.place.calls()[-1])
        self.assertEqual(self.run_plan(ALLOW_REPLACE="true").returncode, 0)

    def test_another_region_than_the_environments_is_refused(self):
        done = self.run_plan(REGION="us-central1")
        self.assertEqual((done.returncode, self.place.calls()), (1, []))
        self.assertIn("another region", done.stderr)

    def test_a_plan_that_fails_stops_the_build(self):
        self.place.stand_in("terraform", "[[ $2 != plan ]]")
        self.assertNotEqual(self.run_plan().returncode, 0)


def mib(name):
    """A size that the scripts share."""
    return int(re.search(rf"^{name}_mib=(\d+)$", (HERE / "common").read_text(encoding="utf-8"), re.MULTILINE)[1])


class ImageTest(unittest.TestCase):
    LIMIT = mib("image")
    DIGEST = "registry/service@sha256:" + "a" * 64
    VARIABLES = {"BUILD_ID": "build-1", "BUILD_REGISTRY": "build-registry", "REGISTRY": "registry"}

    def setUp(self):
        self.place = Workspace(self)
        self.docker()

    def docker(self, size=LIMIT * 2**20, user="65532:65532", entrypoint='["/service"]', shell=127, start=2, digests=None):
        digests = [f"elsewhere/service@sha256:{'b' * 64}", self.DIGEST] if digests is None else digests
        self.place.stand_in(
            "docker",
            f"""case "$*" in
  *.Size*) echo {size} ;;
  *.Config.User*) echo '{user}' ;;
  *.Config.Entrypoint*) echo '{entrypoint}' ;;
  *RepoDigests*) printf '%s\\n' {' '.join(digests)} ;;
  "run --rm --entrypoint /bin/sh"*) exit {shell} ;;
  run*) exit {start} ;;
esac""",
        )

    def test_the_digest_that_was_pushed_is_noted_and_not_the_tag(self):
        done = self.place.run("push", **self.VARIABLES)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.place.read(".build/image"), self.DIGEST + "\n")
        self.assertIn("docker push --quiet registry/service:build-1", self.place.calls())

    def test_an_image_without_a_digest_of_our_registry_stops_the_build(self):
        self.docker(digests=["elsewhere/service@sha256:" + "b" * 64])
        self.assertNotEqual(self.place.run("push", **self.VARIABLES).returncode, 0)

    def test_it_is_built_and_looked_at_and_not_pushed(self):
        done = self.place.run("image", **self.VARIABLES)
        self.assertEqual(done.returncode, 0, done.stderr)
        pushed = [call for call in self.place.calls() if call.startswith("docker push")]
        self.assertEqual(pushed, ["docker push --quiet build-registry/dependencies"])

    def test_an_image_that_is_not_as_it_should_be_stops_the_build(self):
        for fault, part in [
            ({"size": self.LIMIT * 2**20 + 1}, f"larger than {self.LIMIT} MiB"),
            ({"user": ""}, "does not run as a number"),
            ({"user": "0:0"}, "does not run as a number"),
            ({"entrypoint": '["/bin/sh","-c","/service"]'}, "as process 1"),
            ({"shell": 0}, "has a shell"),
            ({"start": 0}, "ended with 0"),
        ]:
            with self.subTest(fault):
                self.docker(**fault)
                done = self.place.run("image", **self.VARIABLES)
                self.assertEqual(done.returncode, 1)
                self.assertIn(part, done.stderr)


class ToolsTest(unittest.TestCase):
    def test_both_images_get_the_builds_own_tag(self):
        place = Workspace(self)
        place.stand_in("docker", "")
        done = place.run("tools", BUILD_ID="build-1", BUILD_REGISTRY="registry")
        self.assertEqual(done.returncode, 0, done.stderr)
        pushed = [call.split()[-1] for call in place.calls() if call.startswith("docker push")]
        self.assertEqual(pushed, ["registry/verify:build-1", "registry/verify", "registry/deliver:build-1", "registry/deliver"])


class PinImagesTest(unittest.TestCase):
    def pin(self, printed):
        place = Workspace(self)
        place.stand_in("gcloud", f"echo '{printed}'")
        done = place.run("pin-images", "my-project", "europe-west1")
        pinned = place.read("terraform/image.auto.tfvars.json")
        return done, pinned and json.loads(pinned)

    def test_the_file_names_the_image_by_digest(self):
        digest = "sha256:" + "a" * 64
        done, pinned = self.pin(digest)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(pinned, {"image": f"europe-west1-docker.pkg.dev/my-project/fanout/service@{digest}"})

    def test_a_missing_image_is_a_sentence_with_the_command_that_builds_it(self):
        done, pinned = self.pin("")
        self.assertEqual((done.returncode, pinned), (1, None))
        self.assertIn("There is no image europe-west1-docker.pkg.dev/my-project/fanout/service.", done.stderr)
        self.assertIn("gcloud builds submit --project=my-project --region=europe-west1 --config=cloudbuild.yaml", done.stderr)


class InspectImageTest(unittest.TestCase):
    """Without buildah: what is asked of the binary itself."""

    def inspect(self, *arguments):
        script = HERE / "inspect-image"
        return subprocess.run([script, *arguments], capture_output=True, text=True, check=False)

    def test_a_binary_that_is_not_there_is_a_failure(self):
        done = self.inspect("target/no/such/binary")
        self.assertEqual(done.returncode, 1)
        self.assertIn("There is no program", done.stderr)

    @unittest.skipUnless(sys.platform == "linux", "binaries of Linux are looked at")
    def test_a_dynamic_binary_is_a_failure(self):
        done = self.inspect(shutil.which("env"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("not linked statically", done.stderr)

    @unittest.skipUnless(sys.platform == "linux", "binaries of Linux are looked at")
    def test_a_script_is_a_failure(self):
        done = self.inspect(str(HERE / "inspect-image"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("is no program", done.stderr)

    @unittest.skipUnless(sys.platform == "linux", "binaries of Linux are looked at")
    def test_a_binary_that_leaves_no_room_for_the_base_is_a_failure(self):
        most = mib("image") - mib("base")
        with tempfile.TemporaryDirectory() as folder:
            binary = pathlib.Path(folder) / "service"
            binary.write_bytes(b"\x7fELF")
            binary.chmod(0o755)
            for size, part in [(most * 2**20, "less than 3 MiB lie side by side"), (most * 2**20 + 1, f"larger than {most} MiB")]:
                os.truncate(binary, size)
                done = self.inspect(str(binary))
                self.assertEqual(done.returncode, 1)
                self.assertIn(part, done.stderr)


class EmulatorsInstalledTest(unittest.TestCase):
    """A gcloud and a Java runtime alone, as on GitHub's machines, do not run an emulator."""

    PUBSUB = "sdk/platform/pubsub-emulator/lib/cloud-pubsub-emulator-0.8.20-all.jar"
    FIRESTORE = "sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    EVERYTHING = ("sdk/bin/gcloud", "java/bin/java", PUBSUB, FIRESTORE)

    def look(self, files, linked=True):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for file in files:
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                (root / file).touch(0o755)
            (root / "bin").mkdir()
            for program in ["bash", "dirname", "readlink"]:
                (root / "bin" / program).symlink_to(shutil.which(program))
            if linked and (root / "sdk/bin/gcloud").exists():
                (root / "bin/gcloud").symlink_to("../sdk/bin/gcloud")
            debian = root / ("nowhere" if linked else "sdk")
            script = ROOT / ".ci/emulators-installed"
            return subprocess.run(["bash", script, debian], env={"PATH": f"{root}/bin:{root}/java/bin"}, capture_output=True, text=True, check=False)

    def test_everything_is_there(self):
        for linked in [True, False]:
            done = self.look(self.EVERYTHING, linked)
            self.assertEqual(done.returncode, 0, done)

    def test_each_part_that_is_missing_is_named(self):
        for missing, part in [(self.PUBSUB, "the Pub/Sub emulator"), (self.FIRESTORE, "the Firestore emulator"), ("java/bin/java", "java"), ("sdk/bin/gcloud", "the Pub/Sub emulator, the Firestore emulator")]:
            done = self.look([file for file in self.EVERYTHING if file != missing])
            self.assertEqual((done.returncode, done.stdout), (1, f"Google's emulators are not installed here; missing: {part}\n"))


if __name__ == "__main__":
    unittest.main()
