"""Compares every right that Terraform gives with the list in grants.txt.

    grants.py [ROOT]             Exit code 1 with the difference, if there is one.
    grants.py [ROOT] --write     Writes the list anew: its change is then read like any other.

The list has each resource that says who may do what, with all its arguments as they are written, and
what these refer to: locals, and what modules are given. So a new right, a wider role or another member
can't come unnoticed, whatever the tests look at.

Needs python-hcl2.
"""

import argparse
import difflib
import pathlib
import re
import sys

import hcl2

# google_*_iam_member, _binding, _policy and custom roles; access lists, which grant as well.
GRANTS = re.compile(r"_iam_|_access$|_access_control$|_acl$|_acl_rule$")
# How a grant behaves, and not what it gives.
IGNORED = {"depends_on", "lifecycle"}
PUBLIC = ("allUsers", "allAuthenticatedUsers", "invoker_iam_disabled")
# The one place that opens something to everybody: user-service, by `public`.
OPENED = ["terraform/modules/service google_cloud_run_v2_service.service"]


def read(root):
    """(folder, kind of block, address, body) of everything in the configuration."""
    folders = sorted({file.parent for file in (root / "terraform").rglob("*.tf") if ".terraform" not in file.parts})
    for folder in folders:
        for file in sorted(folder.glob("*.tf")):
            with open(file, encoding="utf-8") as opened:
                parsed = hcl2.load(opened)
            for kind, blocks in parsed.items():
                for block in blocks:
                    yield from _named(folder.relative_to(root).as_posix(), kind, block)


def _named(folder, kind, block):
    labels = {"resource": 2, "data": 2, "module": 1, "variable": 1, "output": 1, "provider": 1}.get(kind, 0)
    bodies = [("", block)]
    for _ in range(labels):
        bodies = [(f"{name}.{_bare(label)}".strip("."), inner) for name, body in bodies for label, inner in body.items()]
    for name, body in bodies:
        yield folder, kind, name, body


def _bare(value):
    """An expression or text without what some versions of the parser put around it."""
    text = str(value).strip()
    match = re.fullmatch(r"\$\{(.*)\}", text, re.DOTALL)
    if match and "${" not in match[1]:
        text = match[1].strip()
    match = re.fullmatch(r'"([^"]*)"', text)
    return match[1] if match else text


def _lines(name, value, indent):
    """An argument as text: the same for each version of the parser."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        yield f"{indent}{name}"
        for inner in sorted(value, key=_bare):
            if not inner.startswith("__"):
                yield from _lines(_bare(inner), value[inner], indent + "  ")
    elif isinstance(value, list):
        for one in value:
            yield from _lines(name, one, indent)
    else:
        yield f"{indent}{name} = {' '.join(_bare(value).split())}"


def listing(root):
    """The list: each grant's address, and below it what it gives; then what they refer to."""
    blocks = list(read(root))
    sections, referred = {}, {}
    for folder, kind, name, body in blocks:
        if kind in ("resource", "data") and GRANTS.search(name.split(".")[0]):
            given = {argument: value for argument, value in body.items() if argument not in IGNORED}
        elif kind == "resource" and "invoker_iam_disabled" in body:
            given = {"invoker_iam_disabled": body["invoker_iam_disabled"]}
        else:
            given = None
        if given is not None:
            sections[f"{folder} {name if kind == 'resource' else f'data.{name}'}"] = given
            referred.setdefault(folder, set()).update(_references(given))
    # Modules first: what they are given refers to locals of their own folder.
    for folder, kind, name, body in blocks:
        if kind == "module":
            asked = _with_locals(blocks, f"{folder}/{_source(body)[2:]}", referred)
            given = {argument: value for argument, value in body.items() if f"var.{argument}" in asked}
            sections[f"{folder} module.{name}"] = given
            referred.setdefault(folder, set()).update(_references(given))
    for folder in sorted(referred):
        asked = _with_locals(blocks, folder, referred)
        sections[f"{folder} locals"] = {local: value for local, value in _locals(blocks, folder).items() if f"local.{local}" in asked}
    return "\n\n".join("\n".join(_lines(name, value, "")) for name, value in sorted(sections.items()) if value) + "\n"


def _references(value):
    return set(re.findall(r"\b(?:local|var)\.\w+", str(value)))


def _locals(blocks, folder):
    return {local: value for place, kind, _, body in blocks if (place, kind) == (folder, "locals") for local, value in body.items()}


def _with_locals(blocks, folder, referred):
    """What the grants of a folder refer to, and what the locals among that refer to."""
    values = _locals(blocks, folder)
    found, waiting = set(), set(referred.get(folder, ()))
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting |= _references(values.get(one.removeprefix("local."), "")) - found
    return found


def _source(body):
    source = body.get("source")
    return _bare(source[0] if isinstance(source, list) else source)


def opened(root):
    """Where something is opened to everybody, and modules whose grants are not among these files."""
    for folder, kind, name, body in read(root):
        if kind in ("resource", "data", "locals", "module") and any(word in str(body) for word in PUBLIC):
            if f"{folder} {name}" not in OPENED:
                yield f"{folder}: {kind} {name} names {' or '.join(word for word in PUBLIC if word in str(body))}: it would be open to everybody."
        if kind == "module":
            if not re.fullmatch(r"\./modules/[a-z-]+", _source(body)):
                yield f"{folder}: module {name} comes from {_source(body)}: what it grants is not seen here."


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Compares every right that Terraform gives with the list in grants.txt.")
    parser.add_argument("root", type=pathlib.Path, nargs="?", default=pathlib.Path(__file__).parents[2])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    file = options.root / ".ci/cloudbuild/grants.txt"
    now = listing(options.root)
    if options.write:
        file.write_text(now, encoding="utf-8")
    faults = list(opened(options.root))
    accepted = file.read_text(encoding="utf-8")
    if now != accepted:
        faults += ["The rights are not those of .ci/cloudbuild/grants.txt. If each of these is meant, run grants.py --write."]
        faults += difflib.unified_diff(accepted.splitlines(), now.splitlines(), "accepted", "now", lineterm="", n=2)
    print("\n".join(faults) if faults else f"All {len(re.findall(r'^terraform.*_iam_', now, re.MULTILINE))} grants are those of grants.txt.")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
