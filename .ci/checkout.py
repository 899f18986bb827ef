#!/usr/bin/env python3
"""Makes a folder as this checkout is: what git would commit here, and nothing else.

    .ci/checkout.py FOLDER
    .ci/checkout.py FOLDER --back      brings back what tests have written down there

A file that is the same keeps its time, so that cargo compiles in that folder what has changed since the
last time and no more, however fresh the checkout is.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def files():
    """The names of what git would commit; where there is no git, of all but what is built."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
        return {name for name in names if name and (ROOT / name).is_file()}
    skipped = {".build", ".git", ".fanout", ".terraform", "target", "node_modules"}
    names = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return {str(name) for name in names if not skipped.intersection(name.parts)}


def clear(here, folder, names, folders):
    """What is not among these goes. An empty folder would be taken for a member of the workspace."""
    for entry in here.iterdir():
        name = str(entry.relative_to(folder))
        if not entry.is_dir() or entry.is_symlink():
            if name not in names:
                entry.unlink()
        elif name in folders:
            clear(entry, folder, names, folders)
        else:
            shutil.rmtree(entry)


def bring(folder, contents):
    """Makes the folder hold these files, by name, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    clear(folder, folder, contents.keys(), {str(parent) for name in contents for parent in Path(name).parents})
    for name, data in contents.items():
        file = folder / name
        if not file.exists() or file.read_bytes() != data:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def copy_to(folder):
    """Makes the folder as this checkout is, and answers the names of its files."""
    names = files()
    bring(folder, {name: (ROOT / name).read_bytes() for name in names})
    for name in names:
        shutil.copymode(ROOT / name, folder / name)
    return names


def bring_back(folder):
    """The seeds of cases that failed, which proptest leaves beside its tests and tries first."""
    for file in folder.rglob("*.proptest-regressions"):
        ours = ROOT / file.relative_to(folder)
        if not ours.exists() or ours.read_bytes() != file.read_bytes():
            ours.write_bytes(file.read_bytes())
            print(f"{ours}: the seed of a case that failed")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [folder]:
            copy_to(Path(folder))
        case [folder, "--back"]:
            bring_back(Path(folder))
        case _:
            sys.exit(__doc__)
