#!/usr/bin/env python3
"""Checks the law of layers: a folder of src/ includes only itself and folders on higher lines.

  scripts/layers.py [ROOT]     exit code 0: the law is kept; 1: it is not; 2: wrong usage

The public headers (include/linnet) stand alone: they include each other and the standard library,
so that a program that uses Linnet sees nothing of the inside. Examples are such programs.
"""
import pathlib
import re
import sys

# The house, from the ground up. Folders on one line are strangers to each other. This is the one
# home of the list; CONTRIBUTING.md explains it.
LAYERS = [
    ["base"],
    ["kernels", "graph"],
    ["ops"],
    ["archs", "cost", "rewrite", "data"],
    ["infer"],
    ["train", "io"],
    ["compress", "runtime"],
    ["fit"],
    ["api"],
    ["apps"],
]
# What a folder may include where that is narrower than "every higher line".
ONLY = {
    "kernels": ["base"],
    "graph": ["base"],
    "apps": [],  # the command line is a user of the public headers like any other
}
# Who may include the public headers besides themselves.
PUBLIC_READERS = ["api", "runtime", "apps"]
SUFFIXES = {".h", ".hpp", ".c", ".cc", ".cpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
FOLDERS = [folder for line in LAYERS for folder in line]


def allowed(folder):
    if folder in ONLY:
        return ONLY[folder]
    higher = []
    for line in LAYERS:
        if folder in line:
            return higher
        higher += line
    raise KeyError(folder)


def includes(path):
    """(line number, quote, target) of each include directive."""
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def sources(root):
    return sorted(p for p in root.rglob("*") if p.suffix in SUFFIXES and p.is_file())


def judge_private(folder, quote, target):
    """What is wrong with src/<folder> including 'target', or None."""
    head = target.split("/")[0]
    if head == "linnet":
        if folder not in PUBLIC_READERS:
            return "the public headers are for " + ", ".join(PUBLIC_READERS)
        return None
    if head in FOLDERS and "/" in target:
        if head == folder or head in allowed(folder):
            return None
        may = ", ".join(allowed(folder)) or "no other folder of src/"
        return f"{folder} may include {may}"
    if quote == '"':
        return 'write the path from src/, "folder/file.h", or use <> for what is not ours'
    return None


def judge_public(quote, target):
    if target.startswith("linnet/"):
        return None
    if quote == '"' or ("/" in target and target.split("/")[0] in FOLDERS):
        return "public headers and examples include only <linnet/...> and what is not ours"
    return None


def check(root):
    """Every breach, as text."""
    errors = []
    src = root / "src"
    for path in sources(src):
        parts = path.relative_to(src).parts
        where = path.relative_to(root)
        folder = parts[0]
        if len(parts) == 1 or folder not in FOLDERS:
            errors.append(f"{where}: not in a folder of the house ({', '.join(FOLDERS)}); "
                          "a new folder gets its line in scripts/layers.py")
            continue
        for number, quote, target in includes(path):
            wrong = judge_private(folder, quote, target)
            if wrong:
                errors.append(f'{where}:{number}: includes "{target}": {wrong}')
    for path in sources(root / "include") + sources(root / "examples"):
        for number, quote, target in includes(path):
            wrong = judge_public(quote, target)
            if wrong:
                errors.append(f'{path.relative_to(root)}:{number}: includes "{target}": {wrong}')
    return errors


def main(arguments):
    if len(arguments) > 1 or arguments[:1] == ["--help"]:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
    if not (root / "src").is_dir():
        print(f"layers.py: {root} has no src/", file=sys.stderr)
        return 2
    errors = check(root)
    for error in errors:
        print(error)
    if errors:
        print(f"layers: {len(errors)} breach(es). The law: a folder includes only from folders on "
              "higher lines; the same line are strangers.")
        for line in LAYERS:
            print("  " + " | ".join(line))
        return 1
    print(f"layers: the law is kept ({len(sources(root / 'src'))} files)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
