"""Checks cloudbuild.yaml against the repository: what it names is there, and what must come first does.

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
    "plan": ["verify", "emulators"],
    "apply": ["plan"],
    "smoke-test": ["apply"],
}


def faults(root):
    text = (root / "cloudbuild.yaml").read_text(encoding="utf-8")
    build = yaml.safe_load(text)
    steps = {step.get("id"): step for step in build["steps"]}
    yield from _graph(build["steps"], steps)
    yield from _scripts(build["steps"], root)
    yield from _images(build, steps, root)
    yield from _settings(build, text)
    yield from _versions(root)


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


def _images(build, steps, root):
    built = {}
    for name, step in steps.items():
        args = step.get("args", [])
        if args[:1] == [".ci/cloudbuild/image"] and len(args) == 2:
            built[args[1]] = name
            if not (root / "functions" / args[1]).is_dir():
                yield f"Step {name} builds {args[1]}, which is no folder of functions/."
    recorded = {re.sub(r".*/|:.*", "", image) for image in build.get("images", [])}
    for service in sorted(recorded - set(built)):
        yield f"images names {service}, which no step builds."
    for service in sorted(set(built) - recorded):
        yield f"The image of {service} is built but not among images: it would have no provenance."
    for service in sorted(deployed_services(root) - set(built)):
        yield f"Terraform deploys {service}, whose image no step builds: add a step `image-{service}` like the others, its entry under images, and let plan wait for it."
    for service in sorted(set(built) & deployed_services(root)):
        if "plan" in steps and built[service] not in _before("plan", steps):
            yield f"Step plan does not wait for {built[service]}."
    for folder in sorted((root / "functions").glob("*-service")):
        if folder.name not in built:
            yield f"No step builds the image of functions/{folder.name}."
    for name, step in steps.items():
        image = step.get("name", "")
        if image.startswith("${_BUILD_REGISTRY}/") and "tools" not in _before(name, steps):
            yield f"Step {name} runs in {image} and does not wait for tools, which builds it."


def deployed_services(root):
    """What Terraform deploys: the defaults of its two maps."""
    with open(root / "terraform" / "variables-system.tf", encoding="utf-8") as file:
        variables = {_unquoted(name): body for block in hcl2.load(file)["variable"] for name, body in block.items()}

    def default(name):
        # Some versions of the parser put each value into a list of one.
        value = variables[name]["default"]
        return value[0] if isinstance(value, list) else value

    services = {_unquoted(name) for name in default("services")}
    return services | {f"{_unquoted(name)}-service" for name in default("consumers")}


def _unquoted(text):
    return text.strip('"')


def _settings(build, text):
    if build.get("options", {}).get("logging") != "CLOUD_LOGGING_ONLY":
        yield "options.logging is not CLOUD_LOGGING_ONLY: with an own service account the build would not start."
    if "fanout-delivery@" not in build.get("serviceAccount", ""):
        yield "serviceAccount is not the pipeline's own."
    if "timeout" not in build:
        yield "The build has no timeout."
    if build.get("options", {}).get("requestedVerifyOption") != "VERIFIED":
        yield "options.requestedVerifyOption is not VERIFIED: images would have no signed provenance."
    known = BUILT_IN | set(build.get("substitutions", {}))
    uncommented = re.sub(r"(^|\s)#.*", "", text)
    for name in sorted(set(re.findall(r"\$\{?([A-Z_][A-Z0-9_]*)", uncommented)) - known):
        yield f"${{{name}}} is used and has no default in substitutions."


def _versions(root):
    """What is tested and what is built must come from the same compiler."""
    found = {}
    for name in ["functions/Dockerfile", ".ci/cloudbuild/tools.Dockerfile"]:
        match = re.search(r"^ARG RUST_VERSION=(\S+)$", (root / name).read_text(encoding="utf-8"), re.MULTILINE)
        found[name] = match and match[1]
    if len(set(found.values())) != 1 or None in found.values():
        yield f"The Rust versions differ: {found}."


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    found = list(faults(root))
    for fault in found:
        print(fault)
    print(f"cloudbuild.yaml: {'no fault' if not found else f'{len(found)} faults'}.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
