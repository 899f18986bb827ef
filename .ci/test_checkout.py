"""What a copy is brought to: cargo goes by the times of its files, so they are what matters here."""

import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
import checkout  # noqa: E402

LONG_AGO = 1_000_000_000


class Bring(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="fanout-checkout-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name, "copy")
        checkout.bring(self.folder, {"a/same.rs": b"same", "a/changed.rs": b"before", "gone/Cargo.toml": b"gone"})
        for file in self.folder.rglob("*"):
            os.utime(file, (LONG_AGO, LONG_AGO))

    def is_old(self, name):
        return (self.folder / name).stat().st_mtime == LONG_AGO

    def test_a_file_that_is_the_same_keeps_its_time_and_no_other_does(self):
        checkout.bring(self.folder, {"a/same.rs": b"same", "a/changed.rs": b"after", "b/new.rs": b"new"})
        self.assertTrue(self.is_old("a/same.rs"))
        for name, data in [("a/changed.rs", b"after"), ("b/new.rs", b"new")]:
            self.assertFalse(self.is_old(name), name)
            self.assertEqual((self.folder / name).read_bytes(), data)

    def test_what_is_gone_goes_and_no_empty_folder_is_left_of_it(self):
        (self.folder / "a/node_modules/.bin").mkdir(parents=True)
        checkout.bring(self.folder, {"a/same.rs": b"same"})
        self.assertEqual([str(path.relative_to(self.folder)) for path in self.folder.rglob("*")], ["a", "a/same.rs"])

    def test_a_folder_may_become_a_file_and_a_file_a_folder(self):
        checkout.bring(self.folder, {"a": b"a file", "gone/Cargo.toml/deep": b"a folder"})
        self.assertEqual((self.folder / "a").read_bytes(), b"a file")
        self.assertEqual((self.folder / "gone/Cargo.toml/deep").read_bytes(), b"a folder")

    def test_the_seed_of_a_case_that_failed_comes_back(self):
        checkout.bring(self.folder, {"law.proptest-regressions": b"old", "new.proptest-regressions": b"new", "law.rs": b""})
        with tempfile.TemporaryDirectory() as ours, mock.patch.object(checkout, "ROOT", Path(ours)), mock.patch("builtins.print"):
            Path(ours, "law.proptest-regressions").write_bytes(b"before")
            checkout.bring_back(self.folder)
            back = {path.name: path.read_bytes() for path in Path(ours).iterdir()}
        self.assertEqual(back, {"law.proptest-regressions": b"old", "new.proptest-regressions": b"new"})

    def test_the_checkout_has_what_git_would_commit_and_nothing_that_is_ignored(self):
        names = checkout.files()
        self.assertIn(".ci/checkout.py", names)
        self.assertIn("Cargo.lock", names)
        self.assertFalse([name for name in names if name.startswith((".git/", "target/")) or "/.terraform/" in name])


if __name__ == "__main__":
    unittest.main()
