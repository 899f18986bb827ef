"""Tests of adopt-database, with stand-ins for gcloud and Terraform."""

import json
import pathlib
import shutil
import sys
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

from test_scripts import ROOT, Workspace  # noqa: E402


def index(collection, number, *fields, scope="COLLECTION"):
    """A composite index as gcloud shows it."""
    last = fields[-1].endswith(" desc")
    fields = [*fields, "__name__ desc" if last else "__name__"]
    shown = [{"fieldPath": field.removesuffix(" desc"), "order": "DESCENDING" if field.endswith(" desc") else "ASCENDING"} for field in fields]
    return {"name": f"projects/my-project/databases/restored/collectionGroups/{collection}/indexes/{number}", "queryScope": scope, "fields": shown, "state": "READY"}


class AdoptDatabaseTest(unittest.TestCase):
    LIST = "gcloud firestore indexes composite list --project=my-project --database=restored --format=json"
    IMPORT = "terraform -chdir=terraform import -input=false -var-file=environments/prod.tfvars"

    def setUp(self):
        self.place = Workspace(self)
        shutil.copy(ROOT / "terraform/system.auto.tfvars.json", self.place.root / "terraform")
        self.name_database('firestore_database = "restored"\n')
        self.state("google_cloud_run_v2_service.service", "google_firestore_database.fanout", 'google_firestore_field.others["events"]', 'google_firestore_index.query["posts-author_id-posted_at-desc"]')
        self.indexes(
            index("posts", "A", "author_id", "posted_at desc"),
            index("events", "B", "waiting", "recorded_at"),
            index("events", "C", "made", "by-hand"),
            index("events", "D", "subject", "sequence", scope="COLLECTION_GROUP"),
        )

    def name_database(self, text):
        (self.place.root / "terraform/environments/prod.tfvars").write_text(text, encoding="utf-8")

    def state(self, *addresses):
        self.place.stand_in("terraform", f"if [[ $3 == list ]]; then printf '%s\\n' {' '.join(map(repr, addresses))}; fi")

    def indexes(self, *shown):
        self.place.stand_in("gcloud", f"echo '{json.dumps(shown)}'")

    def adopt(self):
        return self.place.run("adopt-database", "my-project", "restored", "environments/prod.tfvars")

    def test_what_was_kept_is_forgotten_and_the_copy_is_taken_over_with_its_indexes(self):
        done = self.adopt()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            self.place.calls(),
            [
                self.LIST,
                "terraform -chdir=terraform state list",
                'terraform -chdir=terraform state rm google_firestore_database.fanout google_firestore_field.others["events"] google_firestore_index.query["posts-author_id-posted_at-desc"]',
                f"{self.IMPORT} google_firestore_database.fanout projects/my-project/databases/restored",
                f'{self.IMPORT} google_firestore_index.query["events-waiting-recorded_at"] projects/my-project/databases/restored/collectionGroups/events/indexes/B',
                f'{self.IMPORT} google_firestore_index.query["posts-author_id-posted_at-desc"] projects/my-project/databases/restored/collectionGroups/posts/indexes/A',
            ],
        )

    def test_where_nothing_is_kept_any_more_nothing_is_forgotten(self):
        self.state("google_cloud_run_v2_service.service")
        self.assertEqual(self.adopt().returncode, 0)
        self.assertEqual([call for call in self.place.calls() if " state rm" in call], [])

    def test_an_environment_that_names_another_database_is_refused(self):
        for text, named in [("", "(default)"), ('firestore_database = "other"\n', "other")]:
            self.name_database(text)
            done = self.adopt()
            self.assertEqual((done.returncode, self.place.calls()), (1, []))
            self.assertIn(f"names the database {named}: write firestore_database = \"restored\"", done.stderr)

    def test_a_database_that_can_not_be_looked_at_leaves_the_state_alone(self):
        self.place.stand_in("gcloud", "exit 1")
        done = self.adopt()
        self.assertEqual((done.returncode, self.place.calls()), (1, [self.LIST]))
        self.assertIn("gcloud ended with 1", done.stderr)


if __name__ == "__main__":
    unittest.main()
