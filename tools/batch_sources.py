#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sort the sources of one target into batches that are compiled as one file each.

    tools/batch_sources.py FILE.cpp ...      prints a CMake list: batch;file;batch;file;...

A batch instantiates a template once instead of once a file. Files share one only when none of
them mentions a name that another keeps to itself in an unnamed namespace, no header that they
include mentions such a type, and all of them use the same namespaces: what compiles alone then means
the same in company.
"""
import functools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LARGEST = 10  # files in a batch; two cores want more than one batch of a folder

COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
TEXTS = re.compile(r'"(?:[^"\\\n]|\\.)*"')
WORDS = re.compile(r"[A-Za-z_]\w*")
INCLUDED = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
UNNAMED = re.compile(r"^namespace \{\n(.*?)^\}  // namespace$", re.DOTALL | re.MULTILINE)
TYPE = re.compile(r"(?:\w+ )*?(?:struct|class|enum class|enum|using|namespace)\s+(\w+)")
OTHER = re.compile(r"\b(\w+)\s*(?:\(|=|\{|\[|;|$)")


def plain(text: str) -> str:
    """Code without comments and string literals."""
    return TEXTS.sub('""', COMMENTS.sub("", text))


def local_names(text: str) -> set[str]:
    """Names declared at the top of unnamed namespaces; formatting puts those at a line's start."""
    names = set()
    for body in UNNAMED.findall(text):
        for line in plain(body).splitlines():
            if not line or line[0] in " }#":
                continue
            line = re.sub(r"<[^<>]*(?:<[^<>]*>[^<>]*)*>", "", line)
            found = TYPE.match(line) or OTHER.search(line)
            if found:
                names.add(found[1])
    return names


@functools.cache
def reached_from(header: str) -> frozenset[str]:
    """The header and all of ours that it includes."""
    path = ROOT / header
    if not path.is_file():
        return frozenset()  # made by the build
    found = {header}
    for name in INCLUDED.findall(path.read_text()):
        found |= reached_from(name)
    return frozenset(found)


@functools.cache
def types_in(header: str) -> frozenset[str]:
    """Capitalised words. Functions of the same name are overloads and do no harm."""
    words = WORDS.findall(plain((ROOT / header).read_text()))
    return frozenset(word for word in words if word[0].isupper())


class Source:
    def __init__(self, path: str):
        self.path = path
        text = pathlib.Path(path).read_text()
        self.names = local_names(text)
        self.words = set(WORDS.findall(plain(text)))
        for name in INCLUDED.findall(text):
            for header in reached_from(name):
                self.words |= types_in(header)
        self.uses = set(re.findall(r"^using namespace [\w:]+;", text, re.MULTILINE))
        self.is_alone = "\n#define" in text

    def fits(self, other: "Source") -> bool:
        return (self.uses == other.uses and not self.is_alone and not other.is_alone
                and not self.names & other.words and not other.names & self.words)


def main() -> None:
    batches: list[list[Source]] = []
    for source in map(Source, sys.argv[1:]):
        for batch in batches:
            if len(batch) < LARGEST and all(source.fits(member) for member in batch):
                batch.append(source)
                break
        else:
            batches.append([source])
    print(";".join(f"{number};{source.path}" for number, batch in enumerate(batches)
                   for source in batch), end="")


if __name__ == "__main__":
    main()
