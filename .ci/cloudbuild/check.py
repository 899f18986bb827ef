"""Checks cloudbuild.yaml and the workflow against the repository: what they name is there, what must
come first does, and nothing that was checked can fail unseen.

    check.py [ROOT]

Needs PyYAML and python-hcl2. Exit code 1 with one full sentence for each fault.
"""

import pathlib
import re
import sys

import hcl2
import yaml

# Set by Cloud Build itself.
BUILT_IN = {"PROJECT_ID", "PROJECT_NUMBER", "BUILD_ID", "LOCATION", "BRANCH_NAME", "COMMIT_SHA", "SHORT_SHA", "REPO_FULL_NAME", "REPO_NAME", "TAG_NAME", "REVISION_ID"}
# Each of the left needs all of the right to be done.
ORDER = {
    "emulators": ["verify"],
    "push": ["image", "verify", "emulators"],
    "plan": ["push"],
    "apply": ["plan"],
    "smoke-test": ["apply"],
}
# What Terraform must not see before what: no test on a mocked provider can tell.
TERRAFORM_ORDER = {
    ("firestore.tf", "resource", "google_firestore_field.others"): {"google_firestore_field.single"},
    ("services.tf", "module", "service"): {"google_firestore_field.expires_at", "google_firestore_field.single", "google_firestore_index.query"},
    ("ticker.tf", "resource", "google_cloud_scheduler_job.tick"): {"google_service_account_iam_member.caller_deployer"},
    ("topics.tf", "module", "topic"): {"google_service_account_iam_member.caller_deployer", "google_service_account_iam_member.push_tokens"},
    ("modules/dead-letters/outputs.tf", "output", "topic"): {
        "google_pubsub_subscription.dead_letters",
        "google_pubsub_topic_iam_member.forwarder",
        "google_pubsub_topic_iam_member.parking",
    },
    ("modules/event-topic/iam.tf", "resource", "google_pubsub_topic_iam_member.publisher"): {"google_pubsub_subscription.push", "google_pubsub_subscription_iam_member.forwarder"},
    ("modules/service/outputs.tf", "output", "url"): {"google_cloud_run_v2_service.service", "google_cloud_run_v2_service_iam_member.invoker"},
    ("modules/service/service.tf", "resource", "google_cloud_run_v2_service.service"): {
        "google_project_iam_member.firestore",
        "google_secret_manager_secret_iam_member.secret",
        "google_service_account_iam_member.deployer",
    },
}


def faults(root):
    text = (root / "cloudbuild.yaml").read_text(encoding="utf-8")
    build = yaml.safe_load(text)
    steps = {step.get("id"): step for step in build["steps"]}
    yield from _graph(build["steps"], steps)
    yield from _scripts(build["steps"], root)
    yield from _images(build, steps)
    yield from _settings(build, text)
    yield from _bootstrap(build, root)
    yield from _versions(root)
    yield from _order(root)
    yield from _workflow(root)


def _order(root):
    """Nothing is pushed before it can be parked, nobody publishes before somebody listens, and the like."""
    for (file, kind, name), needed in TERRAFORM_ORDER.items():
        waits = _plain_list(_blocks(root / "terraform" / file, kind).get(name, {}).get("depends_on", []))
        for other in sorted(needed - waits):
            yield f"terraform/{file}: {kind} {name} does not wait for {other}."


def _plain_list(value):
    """A list of references, whatever the parser puts around each."""
    inner = [one for part in value for one in (part if isinstance(part, list) else [part])]
    return {re.sub(r"^\$\{|\}$", "", str(one)) for one in inner}


def _graph(listed, steps):
    if None in steps or len(steps) != len(listed):
        yield "Every step must have an id of its own."
        return
    seen = set()
    for step in listed:
        if "waitFor" not in step:
            yield f"Step {step['id']} does not say what it waits for; without waitFor it would wait for everything before it."
        for other in step.get("waitFor", []):
            if other != "-" and other not in steps:
                yield f"Step {step['id']} waits for {other}, which is no step."
            elif other != "-" and other not in seen:
                yield f"Step {step['id']} waits for {other}, which comes after it."
        for name in sorted({"allowFailure", "allowExitCodes"} & set(step)):
            yield f"Step {step['id']} has {name}: a failure would be deployed."
        if not re.fullmatch(r"[1-9]\d*s", str(step.get("timeout", ""))):
            yield f"Step {step['id']} has no timeout."
        seen.add(step["id"])
    for step, needed in ORDER.items():
        if step not in steps:
            yield f"There is no step {step}."
            continue
        for other in needed:
            if other not in _before(step, steps):
                yield f"Step {step} can run before {other} is done."


def _before(step, steps):
    """All steps that must be done before `step` starts."""
    found, waiting = set(), [step]
    while waiting:
        for other in steps.get(waiting.pop(), {}).get("waitFor", []):
            if other in steps and other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _scripts(listed, root):
    for step in listed:
        words = [step.get("entrypoint", ""), *step.get("args", []), *step.get("script", "").split()]
        scripts = [word for word in words if str(word).startswith(".ci/")]
        if not scripts:
            yield f"Step {step.get('id')} runs no script of .ci: nobody could run it elsewhere."
        for script in scripts:
            file = root / script
            if not file.is_file():
                yield f"Step {step.get('id')} runs {script}, which does not exist."
            elif not file.stat().st_mode & 0o100:
                yield f"Step {step.get('id')} runs {script}, which is not executable."


def _images(build, steps):
    if build.get("images") != ["${_REGISTRY}/service:${BUILD_ID}"]:
        yield f"images is {build.get('images')}, and .ci/cloudbuild/push pushes ${{_REGISTRY}}/service:${{BUILD_ID}}: it would have no provenance."
    for name, step in steps.items():
        image = step.get("name", "")
        if not image.startswith("${_BUILD_REGISTRY}/"):
            continue
        if "tools" not in _before(name, steps):
            yield f"Step {name} runs in {image} and does not wait for tools, which builds it."
        if not image.endswith(":${BUILD_ID}"):
            yield f"Step {name} runs in {image}, which may be another build's: it needs the tag ${{BUILD_ID}}."


def _blocks(file, kind):
    """The blocks of one kind, by all their labels (`google_pubsub_topic.events`)."""
    with open(file, encoding="utf-8") as opened:
        found = {}
        for block in hcl2.load(opened).get(kind, []):
            for name, body in block.items():
                name = _unquoted(name)
                if kind == "resource":
                    found |= {f"{name}.{_unquoted(label)}": inner for label, inner in body.items()}
                else:
                    found[name] = body
        return found


def _plain(value):
    """Some versions of the parser put each value into a list of one, or strings into quotes."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return _unquoted(value) if isinstance(value, str) else value


def _unquoted(text):
    return text.strip('"')


def _settings(build, text):
    if build.get("options", {}).get("logging") != "CLOUD_LOGGING_ONLY":
        yield "options.logging is not CLOUD_LOGGING_ONLY: with an own service account the build would not start."
    substitutions = build.get("substitutions", {})
    if substitutions.get("_ALLOW_REPLACE") != "false":
        yield "_ALLOW_REPLACE is not \"false\" by default: every build could lose messages or documents."
    for name in ["ALLOW_REPLACE=${_ALLOW_REPLACE}", "BRANCH_NAME=${BRANCH_NAME}", "MAIN_BRANCH=${_MAIN_BRANCH}"]:
        if name not in build.get("options", {}).get("env", []):
            yield f"options.env lacks {name}, which a guard of plan or apply reads."
    if "timeout" not in build:
        yield "The build has no timeout."
    if build.get("options", {}).get("requestedVerifyOption") != "VERIFIED":
        yield "options.requestedVerifyOption is not VERIFIED: images would have no signed provenance."
    known = BUILT_IN | set(substitutions)
    uncommented = re.sub(r"(^|\s)#.*", "", text)
    for name in sorted(set(re.findall(r"\$\{?([A-Z_][A-Z0-9_]*)", uncommented)) - known):
        yield f"${{{name}}} is used and has no default in substitutions."


def _bootstrap(build, root):
    """The account, the registries, the buckets and the branch are those that terraform/bootstrap makes."""
    resources = {}
    for file in (root / "terraform" / "bootstrap").glob("*.tf"):
        resources |= _blocks(file, "resource")

    def made(address, argument):
        value = _plain(resources.get(address, {}).get(argument))
        return str(value).replace("${var.project_id}", "${PROJECT_ID}")

    account = made("google_service_account.delivery", "account_id")
    host = "${_REGION}-docker.pkg.dev/${PROJECT_ID}/"
    expected = {
        "_REGISTRY": host + made("google_artifact_registry_repository.images", "repository_id"),
        "_BUILD_REGISTRY": host + made("google_artifact_registry_repository.build", "repository_id"),
        "_STATE_BUCKET": made("google_storage_bucket_iam_member.state", "bucket"),
        "_BUILDS_BUCKET": made("google_storage_bucket.builds", "name"),
    }
    substitutions = build.get("substitutions", {})
    for name, value in expected.items():
        if substitutions.get(name) != value:
            yield f"{name} is {substitutions.get(name)}, and the bootstrap makes {value}."
    runs_as = f"projects/${{PROJECT_ID}}/serviceAccounts/{account}@${{PROJECT_ID}}.iam.gserviceaccount.com"
    if build.get("serviceAccount") != runs_as:
        yield f"serviceAccount is {build.get('serviceAccount')}, and the bootstrap makes {runs_as}."
    deployer = _plain(_blocks(root / "terraform" / "variables.tf", "variable")["delivery_account_id"]["default"])
    if deployer != account:
        yield f"The default of delivery_account_id is {deployer}, and the bootstrap makes {account}."
    trigger = resources.get("google_cloudbuild_trigger.main", {})
    branch = _plain(_plain(_plain(trigger.get("github", {})).get("push", {}))).get("branch")
    if _plain(branch) != f"^{substitutions.get('_MAIN_BRANCH')}$":
        yield f"_MAIN_BRANCH is {substitutions.get('_MAIN_BRANCH')}, and the trigger of the bootstrap waits for {_plain(branch)}."


def _argument(root, name, argument):
    match = re.search(rf"^ARG {argument}=(\S+)$", (root / name).read_text(encoding="utf-8"), re.MULTILINE)
    return match and match[1]


def _read_workflow(root):
    return yaml.safe_load((root / ".github/workflows/ci.yml").read_text(encoding="utf-8"))


def _versions(root):
    """What is tested and what is built must come from the same compiler, and from one Terraform."""
    workflow = _read_workflow(root)
    rust = {name: _argument(root, name, "RUST_VERSION") for name in ["functions/Dockerfile", ".ci/cloudbuild/tools.Dockerfile"]}
    channel = re.search(r'^channel = "(\d+\.\d+\.\d+)"$', (root / "rust-toolchain.toml").read_text(encoding="utf-8"), re.MULTILINE)
    rust["rust-toolchain.toml"] = channel and channel[1]
    with_terraform = [step["with"] for job in workflow["jobs"].values() for step in job["steps"] if "setup-terraform@" in step.get("uses", "")]
    terraform = {"ci.yml": with_terraform[0].get("terraform_version") if with_terraform else None}
    terraform[".ci/cloudbuild/tools.Dockerfile"] = _argument(root, ".ci/cloudbuild/tools.Dockerfile", "TERRAFORM_VERSION")
    for what, found in [("Rust", rust), ("Terraform", terraform)]:
        if len(set(found.values())) != 1 or None in found.values():
            yield f"The {what} versions differ: {found}."
    if "RUSTUP_TOOLCHAIN" in (root / ".github/workflows/ci.yml").read_text(encoding="utf-8"):
        yield "ci.yml sets RUSTUP_TOOLCHAIN, which overrules rust-toolchain.toml."
    yield from _providers(root)


def _providers(root):
    found = {}
    for name in ["terraform/versions.tf", "terraform/bootstrap/versions.tf"]:
        match = re.search(r'source += "hashicorp/google"\s+version += "([^"]+)"', (root / name).read_text(encoding="utf-8"))
        found[name] = match and match[1]
    if len(set(found.values())) != 1 or not re.fullmatch(r"\d+\.\d+\.\d+", found["terraform/versions.tf"] or ""):
        yield f"The provider's version is not one and exact: {found}. Two builds could get two providers."


def _workflow(root):
    """What GitHub runs for every change is what everybody runs: .ci/run, and its failure counts."""
    workflow = _read_workflow(root)
    # YAML reads the key `on` as true.
    if workflow.get(True) != {"push": {"branches": ["main"]}, "pull_request": None}:
        yield "ci.yml does not run for each push to main and each pull request."
    jobs = workflow["jobs"].values()
    steps = [step for job in jobs for step in job["steps"]]
    if sum(step.get("run") == "bash .ci/run" for step in steps) != 1:
        yield "ci.yml does not run `bash .ci/run`, once and with nothing around it."
    for part in [*jobs, *steps]:
        for name in sorted({"if", "continue-on-error"} & set(part)):
            yield f"A job or step of ci.yml has `{name}`: a failure, or a check that did not run, would not be seen."
    for step in steps:
        if "actions/checkout@" in step.get("uses", "") and step.get("with", {}).get("fetch-depth") != 0:
            yield "The checkout of ci.yml fetches no history: changes of schemas would be compared with nothing."
        if "uses" in step and not re.fullmatch(r"\S+@[0-9a-f]{40}", step["uses"]):
            yield f"ci.yml uses {step['uses']}, which can be moved: name its commit."


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    found = list(faults(root))
    for fault in found:
        print(fault)
    print(f"cloudbuild.yaml and ci.yml: {'no fault' if not found else f'{len(found)} faults'}.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
