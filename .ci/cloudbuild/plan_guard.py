"""Stops a plan that would lose data, unless that was allowed for this one build.

    plan_guard.py PLAN.json [--allow-replace=true]

PLAN.json is what `terraform show -json PLAN` prints. Replacing is deleting too: a subscription that
is replaced (another topic does that) comes back empty, and what waited in it is gone.
"""

import argparse
import json
import pathlib
import sys

# What goes with each, and what brings it back.
LOSSES = {
    "google_firestore_database": "every document",
    "google_pubsub_subscription": "the messages that wait in it",
    "google_pubsub_topic": "the messages it keeps, and its subscriptions get nothing more",
}
ADVICE = """\
If this is meant, run the build once with --substitutions=_ALLOW_REPLACE=true. For a push subscription
that is replaced, note the time before, and afterwards let the new one seek back to it:
  gcloud pubsub subscriptions seek SUBSCRIPTION --time=TIME
The topic keeps messages for that, and consumers recognise what they have done already."""


def losses(plan):
    """The addresses that the plan deletes or replaces, with what is lost, in the plan's order."""
    for change in plan.get("resource_changes", []):
        if "delete" in change["change"]["actions"] and change["type"] in LOSSES:
            kind = "replaces" if "create" in change["change"]["actions"] else "deletes"
            yield f"The plan {kind} {change['address']}: {LOSSES[change['type']]} would be lost."


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Stops a plan that would lose data.")
    parser.add_argument("plan", type=pathlib.Path)
    parser.add_argument("--allow-replace", choices=["true", "false"], default="false")
    options = parser.parse_args(arguments)
    found = list(losses(json.loads(options.plan.read_text(encoding="utf-8"))))
    if not found:
        print("Nothing that holds data is deleted or replaced.")
        return 0
    print("\n".join(found))
    if options.allow_replace == "true":
        print("It was allowed for this build.")
        return 0
    print(ADVICE)
    return 1


if __name__ == "__main__":
    sys.exit(main())
