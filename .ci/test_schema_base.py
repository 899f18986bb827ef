"""Which commit the schemas of a change are compared with: never the change itself, and never none unsaid."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).with_name("schema-base")
# Neither the machine's settings nor, in a hook, the repository around.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{who}_{what}": "test@example.com" for who in ["AUTHOR", "COMMITTER"] for what in ["NAME", "EMAIL"]},
}


@unittest.skipUnless(shutil.which("git"), "git is not installed")
class SchemaBase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="fanout-schema-base-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.main = self.folder / "main"
        self.main.mkdir()
        self.git(self.main, "init", "--quiet", "--initial-branch=main")
        self.first, self.second = self.commit(self.main, "first"), self.commit(self.main, "second")

    def git(self, place, *arguments):
        done = subprocess.run(["git", *arguments], cwd=place, env=ENVIRONMENT, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, place, name):
        self.git(place, "commit", "--quiet", "--allow-empty", f"--message={name}")
        return self.git(place, "rev-parse", "HEAD")

    def clone(self, *arguments):
        clone = self.folder / "clone"
        self.git(self.folder, "clone", "--quiet", *arguments, self.main.as_uri(), str(clone))
        return clone

    def base(self, place, *arguments):
        (place / ".ci").mkdir(exist_ok=True)
        shutil.copy(SCRIPT, place / ".ci")
        return subprocess.run([place / ".ci/schema-base", *arguments], env=ENVIRONMENT, check=False, capture_output=True, text=True)

    def assert_base(self, done, expected):
        self.assertEqual((done.returncode, done.stdout.strip(), done.stderr), (0, expected, ""))

    def assert_none(self, done, why):
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"NOT CHECKED AGAINST AN EARLIER COMMIT: {why}", done.stderr)

    def test_a_branch_is_compared_with_where_it_left_main(self):
        clone = self.clone()
        self.git(clone, "checkout", "--quiet", "-b", "change")
        self.commit(clone, "change")
        self.commit(self.main, "third")
        self.git(clone, "fetch", "--quiet")
        self.assert_base(self.base(clone), self.second)

    def test_main_is_compared_with_the_commit_before_and_not_with_itself(self):
        self.assert_base(self.base(self.clone()), self.first)

    def test_another_revision_can_stand_for_main(self):
        self.assert_base(self.base(self.clone(), self.first), self.first)

    def test_the_zeros_of_a_new_branch_stand_for_no_revision(self):
        self.assert_base(self.base(self.clone(), "0" * 40), self.first)

    def test_a_clone_of_one_commit_says_that_nothing_is_compared(self):
        self.assert_none(self.base(self.clone("--depth=1")), "the commit before this one is not here")

    def test_a_pull_request_of_which_one_commit_was_fetched_says_so(self):
        clone = self.clone("--depth=1")
        self.git(clone, "update-ref", "-d", "refs/remotes/origin/main")
        self.assert_none(self.base(clone), "origin/main is not here")

    def test_without_git_it_says_so(self):
        place = self.folder / "submitted"
        place.mkdir()
        self.assert_none(self.base(place), "there is no git repository here")


if __name__ == "__main__":
    unittest.main()
