"""Small mistakes that a line of Rust can hold: each rule says what it looks for, and what a
programmer might have written instead."""

import re
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple


class Mutant(NamedTuple):
    """One change of one file."""

    name: str
    file: str
    at: int
    old: str
    new: str
    # Tells it apart, whatever else of the file changes.
    id: str


def id_of(*parts):
    return sha256("\0".join(parts).encode()).hexdigest()


# What is looked for, outside comments, tests and texts (but for SQL, which is code).
SWAPS = [
    (r"(?<=\S) == (?=\S)", " != "),
    (r"(?<=\S) != (?=\S)", " == "),
    (r"(?<=\S) < (?=\S)", " <= "),
    (r"(?<=\S) <= (?=\S)", " < "),
    (r"(?<=\S) > (?=\S)", " >= "),
    (r"(?<=\S) >= (?=\S)", " > "),
    (r"(?<=\S) && (?!let )", " || "),
    (r"(?<=[\w)\]]) \|\| (?=\S)", " && "),
    (r"^\s*&& (?!let )", "|| "),
    (r"(?<=[\w)\]]) \+ (?=[a-z0-9_])", " - "),
    (r"(?<=[\w)\]]) - (?=[a-z0-9_])", " + "),
    (r"\bif !(?=\w)", "if "),
    (r"(?<=[(&|] )!(?=\w)", ""),
    (r"\.is_some\(\)", ".is_none()"),
    (r"\.is_none\(\)", ".is_some()"),
    (r"\.is_ok\(\)", ".is_err()"),
    (r"\.is_err\(\)", ".is_ok()"),
    (r"\.is_some_and\(", ".is_none_or("),
    (r"\.any\(", ".all("),
    (r"\.all\(", ".any("),
    (r"\.min\(", ".max("),
    (r"\.max\(", ".min("),
    (r"\bfirst\(\)", "last()"),
    (r"\blast\(\)", "first()"),
    (r"\btrue\b(?!.*=>)", "false"),
    (r"\bfalse\b(?!.*=>)", "true"),
    (r"\bPrecondition::Exists\b(?!.*=>)", "Precondition::None"),
    (r"\bPrecondition::Absent\b(?!.*=>)", "Precondition::None"),
    (r"\bPrecondition::UpdatedAt\([^()]*\)(?!.*=>)", "Precondition::Exists"),
    (r"\.only_if\((?:[^()]|\([^()]*\))*\)", ""),
    (r"\bWrite::create\(", "Write::set("),
    (r"\bWrite::merge\(", "Write::set("),
    (r"\bComparison::AtLeast\b(?!.*=>)", "Comparison::Greater"),
    (r"\bDirection::Ascending\b(?!.*=>)", "Direction::Descending"),
    (r"\bif (?!let\b)(?:(?!=>)[^{}])+ \{$", "if true {"),
    (r"\bif (?!let\b)(?:(?!=>)[^{}])+ \{$", "if false {"),
    (r" if (?!let\b)[^{}=]+ =>", " if true =>"),
    (r"\bfrom_secs\((?=\d)", "from_secs(2 * "),
    (r"\bfrom_millis\((?=\d)", "from_millis(2 * "),
    (r"(?<=: u32 = )\d+(?=;)", "1"),
    (r"(?<=: usize = )\d+(?=;)", "1"),
]
# In a statement of SQL.
SQL_SWAPS = [
    (r" AND ", " OR "),
    (r"(?<=\S) = (?=\?)", " <> "),
    (r" <= ", " < "),
    (r" < ", " <= "),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bNOT EXISTS\b", "EXISTS"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bASC\b", "DESC"),
    (r" \+ 1\b", ""),
    (r"\bsubscription = \?1\b", "?1 = ?1"),
]
# A statement that is forgotten.
STATEMENTS = [
    (re.compile(r"^\s*(?:self|[a-z_]+)(?:[.:]+\w+)*\([^;]*\)(?:\.await)?\??;$"), ""),
    (re.compile(r"^\s*(?:self\.)?[a-z_.]+ (?:\+|\||&|-)?= [^;]*;$"), ""),
]

SQL = re.compile(r"\b(SELECT|UPDATE|DELETE FROM|INSERT|WHERE|AND (NOT )?EXISTS|FROM|SET|JOIN|ORDER BY)\b")
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def code_lines(source):
    """The lines of production code, with their starts; tests stand at the end of a file."""
    source = source.split("#[cfg(test)]")[0]
    at = 0
    for line in source.splitlines(keepends=True):
        text = line.rstrip("\n")
        stripped = text.lstrip()
        if not stripped.startswith(("//", "#[", "#![", "use ", "pub use ", "mod ")):
            yield at, text
        at += len(line)


def found_in(line):
    """The changes of a line: where, what was, what comes instead."""
    is_sql = SQL.search(line) is not None
    texts = [match.span() for match in TEXT.finditer(line)]
    in_text = lambda at: any(start < at < end for start, end in texts)
    if "assert!" in line or "macro_rules" in line:
        return
    for pattern, new in SQL_SWAPS if is_sql else SWAPS:
        for match in re.finditer(pattern, line):
            if is_sql or not in_text(match.start()):
                yield match.start(), match.group(), new
    if not is_sql and not line.lstrip().startswith(("let ", "return", "break", "continue", "pub")):
        for pattern, new in STATEMENTS:
            if pattern.match(line):
                yield 0, line, new


def mutants_of(root, file):
    """All mutants of a file."""
    source = (root / file).read_text()
    seen = Counter()
    for at, line in code_lines(source):
        seen[line] += 1
        number = source.count("\n", 0, at) + 1
        for start, old, new in found_in(line):
            shown = f"`{old.strip()}` is `{new.strip()}`" if new.strip() else f"no `{old.strip()}`"
            its_id = id_of(file, line, str(seen[line]), str(start), old, new)
            yield Mutant(f"{file}:{number}:{start + 1} {shown}", file, at + start, old, new, its_id)


def is_other(path):
    """Whether a file holds tests, or only starts a process."""
    return "tests" in path.parts or path.name in ("tests.rs", "main.rs")


def sample_of(root, folders, each, seed):
    """So many mutants of each folder. A change of the sources exchanges only those of its lines."""
    sampled = []
    for folder in folders:
        sources = sorted((root / folder / "src").rglob("*.rs"))
        files = [str(path.relative_to(root)) for path in sources if not is_other(path)]
        mutants = [mutant for file in files for mutant in mutants_of(root, file)]
        sampled += sorted(mutants, key=lambda mutant: id_of(seed, mutant.id))[:each]
    return sampled
