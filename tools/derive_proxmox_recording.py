#!/usr/bin/env python3
"""Derive tests/proxmox/recording.jsonl from the exchanges recorded on a real Proxmox VE host.

    tools/derive_proxmox_recording.py ANSWERS.txt > tests/proxmox/recording.jsonl

Kept of each exchange: the request, its status, where its error stands (message, errors, plain text,
no body), the message that clients match on, the shape of its data, and how its task ended. Scenes say
which state of the host it was recorded on; recording_scenes.cpp makes them.
"""
import json
import re
import sys
import urllib.parse

# First line of each scene, with what is true of the host there.
SCENES = [(107, "pair"), (301, "templates"), (688, "containers"), (883, "no rights"), (917, "bad tokens"),
          (957, "rights of the user"), (961, "rights of both"), (976, "storage"), (1139, "keyctl"),
          (1196, "bridge"), (1242, "bind mount"), (1378, "running container"), (1382, "running backup"),
          (1456, "finished backup"), (1465, "stale lock"), (1505, "running machine"), (1640, "deaf machine")]
HEADER = re.compile(r"^### (?:\[(?P<who>[^]]+)\] )?(?:\./)?(?P<kind>api|task)(?:\.sh)? (?P<method>[A-Z]+) (?P<target>\S+)(?P<rest>.*)$",
                    re.S)
STATUS = re.compile(r"^\[(\d+)\] HTTP/1\.1 \d+ ?(.*)$")
OPTION = re.compile(r" (?=(?:-d|--data-urlencode|--data|-H|-F) )")


def body_of(rest):
    """The curl options of a request, as the body that they send."""
    parts, media = [], "form"
    for option in OPTION.split(rest):
        name, _, value = option.strip(" ").partition(" ")
        if name == "-H" and "application/json" in value:
            media = "json"
        elif name in ("-d", "--data"):
            parts.append(value)
        elif name == "--data-urlencode":
            key, _, text = value.partition("=")
            parts.append(key + "=" + urllib.parse.quote(text, safe=""))
        elif name == "-F":
            media = "multipart"
    return "&".join(parts), media


def shape(value, depth=0):
    """Types instead of values; of a list's elements, all keys that occur."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return {key: shape(item, depth + 1) for key, item in sorted(value.items())} if depth < 3 else {}
    if isinstance(value, list):
        merged = {}
        for item in value:
            if isinstance(item, dict):
                for key, kind in shape(item, depth + 1).items():
                    merged[key] = kind if merged.get(key, kind) == kind else "any"
        return [merged] if merged else []
    return "null"


def exchange(number, header, answer, status, tail):
    found = HEADER.match(header)
    body, media = body_of(found["rest"])
    out = {"line": number, "request": found["method"] + " " + found["target"], "status": status}
    if found["who"]:
        out["as"] = found["who"]
    if body:
        out["body"] = body
    if media != "form":
        out["media"] = media
    if found["kind"] == "task":
        out["waits"] = True
    try:
        parsed = json.loads(answer)
    except ValueError:
        parsed = None
    if status == 200 and parsed is not None:
        data = parsed["data"]
        if isinstance(data, str) and data.startswith("UPID:"):
            out["upid"] = data
            if not found["who"] and not data.endswith(":root@pam!agent:"):
                out["as"] = data.split(":")[-2]
        out["shape"] = shape(data)
        if "total" in parsed:
            out["total"] = True
    elif status == 200:
        out["shape"] = None  # cut off
    elif parsed is not None:
        out["message"] = parsed["message"]
        if "errors" in parsed:
            out["errors"] = parsed["errors"]
    else:
        out["text"] = answer.strip() != ""
    for line in tail:
        if line.startswith("  -> stopped exit: "):
            out["exit"] = line[len("  -> stopped exit: "):]
    return out


def exchanges(lines):
    at = 0
    while at < len(lines):
        if not lines[at].startswith("### ") or " -i -H " in lines[at]:
            at += 1
            continue
        end = at + 1
        while end < len(lines) and not STATUS.match(lines[end]):
            end += 1
        begin = at + 1
        while begin < end and not lines[begin].startswith(("{", "Unexpected")) and lines[begin].strip():
            begin += 1  # a value that goes on
        header = "\n".join(lines[at:begin])
        after = end + 1
        while after < len(lines) and lines[after].startswith(("  ->", "   |")):
            after += 1
        yield exchange(at + 1, header, "\n".join(lines[begin:end]), int(STATUS.match(lines[end])[1]),
                       lines[end + 1:after])
        at = after


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    with open(arguments[0], encoding="utf-8") as file:
        lines = file.read().split("\n")
    scenes = list(SCENES)
    for row in exchanges(lines):
        while scenes and scenes[0][0] <= row["line"]:
            print(json.dumps({"scene": scenes.pop(0)[1]}))
        print(json.dumps(row, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
