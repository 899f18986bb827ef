"""Keeps the tables of ../README.md true: every variable and output of the code, and no other.

    readme.py          writes them
    readme.py --check  says what is not true, and ends with 1

Needs python-hcl2.
"""

import pathlib
import re
import sys

import hcl2

TERRAFORM = pathlib.Path(__file__).parents[1]
README = TERRAFORM / "README.md"
# Each table stands between <!-- NAME --> and <!-- /NAME -->.
TABLES = {
    "inputs": (".", "variable"),
    "outputs": (".", "output"),
    "bootstrap-inputs": ("bootstrap", "variable"),
    "bootstrap-outputs": ("bootstrap", "output"),
}


def declared(folder, kind):
    """(name, description, whether it must be given) of each declaration, by name."""
    found = []
    for file in sorted((TERRAFORM / folder).glob("*.tf")):
        with open(file, encoding="utf-8") as text:
            for block in hcl2.load(text).get(kind, []):
                for name, body in block.items():
                    value = body["description"]
                    description = value[0] if isinstance(value, list) else value
                    found.append((name.strip('"'), description.strip('"'), "default" not in body))
    return sorted(found)


def table(folder, kind):
    lines = ["| name | meaning |", "|---|---|"]
    for name, description, required in declared(folder, kind):
        mark = " **(required)**" if required and kind == "variable" else ""
        lines.append(f"| `{name}`{mark} | {description.replace('|', '&#124;')} |")
    return "\n".join(lines)


def main():
    text = README.read_text(encoding="utf-8")
    wanted = text
    for name, (folder, kind) in TABLES.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(wanted):
            print(f"README.md has no table between <!-- {name} --> and <!-- /{name} -->.")
            return 1
        wanted = pattern.sub(lambda match: f"{match[1]}{table(folder, kind)}\n{match[2]}", wanted)
    # What it names in code style with a folder or an ending must be there.
    missing = [
        path
        for path in re.findall(r"`((?:terraform|functions|\.ci|modules|environments|tests|bootstrap)/[\w./-]+|[\w-]+\.(?:tf|yaml|tfvars))`", text)
        if not any((root / path).exists() for root in (TERRAFORM, TERRAFORM.parent))
    ]
    for path in missing:
        print(f"README.md names {path}, which does not exist.")
    if sys.argv[1:] != ["--check"]:
        README.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        print("README.md's tables are not those of the code: run terraform/tests/readme.py.")
        return 1
    print("README.md: tables and paths are those of the code." if not missing else "")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
