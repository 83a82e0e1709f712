"""Writes the manual pages, one for each command, from what the program says of itself.

Usage: manpages.py PROGRAM FOLDER
"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

EXIT_CODES = [
    ("0", "done"), ("1", "done with errors"), ("2", "wrong usage or configuration"),
    ("3", "Redis or storage not reachable"), ("4", "someone else holds the lease"),
]


def escaped(text: str) -> str:
    """Text for roff: no character of it means anything but itself."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("“", "\\(lq").replace("”", "\\(rq")
    text = text.replace("’", "\\(cq").replace("…", "...").replace("·", "\\(bu").replace("→", "\\(->")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def name_of(argument: dict) -> str:
    """The names of an argument as they are typed, in bold, with its value in italics."""
    value = f"\\fI{escaped(argument.get('valueName', 'value'))}\\fR"
    if argument["kind"] == "positional":
        return value
    names = sorted(argument.get("names", []), key=lambda name: name["kind"] == "long")
    typed = [f"\\fB\\-{'' if name['kind'] == 'short' else chr(92) + '-'}{escaped(name['name'])}\\fR" for name in names]
    return ", ".join(typed) + ("" if argument["kind"] == "flag" else f" {value}")


def synopsis(argument: dict) -> str:
    """An argument in the line of usage."""
    text = name_of(argument).split(", ")[-1] + (" ..." if argument.get("isRepeating") else "")
    return f"[{text}]" if argument.get("isOptional") else text


def page(command: dict, path: list[str], version: str, date: str) -> str:
    """The page of one command."""
    name = "-".join(path)
    abstract = " ".join(command.get("abstract", "").split()).rstrip(".")
    arguments = [argument for argument in command.get("arguments", []) if argument.get("shouldDisplay", True)]
    children = [child for child in command.get("subcommands", []) if child["commandName"] != "help"]
    lines = [f'.TH "{name.upper()}" 1 "{date}" "Curfew {version}" "Curfew"', ".SH NAME"]
    lines += [f"{escaped(name)} \\- {escaped(abstract)}", ".SH SYNOPSIS", f".B {escaped(' '.join(path))}"]
    lines += [synopsis(argument) for argument in arguments] + (["\\fIsubcommand\\fR"] if children else [])
    if discussion := command.get("discussion"):
        if discussion.startswith("Exit codes:"):
            discussion = "Without a subcommand it prints its help."
        lines += [".SH DESCRIPTION", escaped(discussion)]
    if children:
        lines.append(".SH COMMANDS")
        for child in children:
            lines += [".TP", f".BR {escaped('-'.join([*path, child['commandName']]))} (1)"]
            lines.append(escaped(" ".join(child.get("abstract", "").split())))
    if arguments:
        lines.append(".SH OPTIONS")
        for argument in arguments:
            text = " ".join((argument.get("abstract") or "").split())
            if (default := argument.get("defaultValue")) and "default:" not in text:
                text += f" (default: {default})"
            lines += [".TP", name_of(argument), escaped(text.strip())]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES:
        lines += [".TP", f".B {code}", meaning]
    lines += [".SH ENVIRONMENT", ".TP", ".B CURFEW_CONFIG", "The configuration file, unless it is named."]
    lines += [".TP", ".B NO_COLOR", "If set, there are no colours."]
    lines += [".SH FILES", ".TP", ".I curfew.yaml", "The configuration; \\fBcurfew config init\\fR writes a first one."]
    others = [path[:-1]] if len(path) > 1 else [["curfew", "work"], ["curfew", "run"], ["curfew", "config"]]
    lines += [".SH SEE ALSO", ", ".join(f"\\fB{escaped('-'.join(other))}\\fR(1)" for other in others)]
    return "\n".join(lines) + "\n"


def pages(command: dict, parents: list[str], version: str, date: str) -> dict[str, str]:
    """The pages of a command and of those below it, by the names of their files."""
    path = [*parents, command["commandName"]]
    found = {"-".join(path) + ".1": page(command, path, version, date)}
    for child in command.get("subcommands", []):
        if child["commandName"] != "help":
            found |= pages(child, path, version, date)
    return found


def main() -> int:
    """Writes all pages; 2 for wrong usage, 1 where the program doesn't describe itself."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    answers = [
        subprocess.run([program, word], capture_output=True, text=True, check=False)
        for word in ("--experimental-dump-help", "--version")]
    if any(answer.returncode != 0 for answer in answers):
        print(f"error: {program} doesn't describe itself: {answers[0].stderr}{answers[1].stderr}", file=sys.stderr)
        return 1
    version = re.match(r"[0-9.]+", answers[1].stdout)
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or datetime.datetime.now().timestamp())
    date = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d")
    folder.mkdir(parents=True, exist_ok=True)
    command = json.loads(answers[0].stdout)["command"]
    for name, text in pages(command, [], version[0] if version else "", date).items():
        (folder / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
