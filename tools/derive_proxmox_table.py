#!/usr/bin/env python3
"""Derive tests/proxmox/api_table.jsonl from the full API schemas of Proxmox VE.

    tools/derive_proxmox_table.py 8.4=SCHEMA.json 9.1=SCHEMA.json > tests/proxmox/api_table.jsonl

A schema is the array that `pve-docs` ships as api-viewer/apidata.js, as plain JSON. Kept are the
facts that decide whether a request is refused (types, ranges, patterns, formats, permissions), of
the endpoints named below; no descriptions. With --check TABLE, compares instead: exit 1 when the
table is not what the schemas say.
"""
import json
import sys

GUEST = """
GET /nodes/{node}/KIND
POST /nodes/{node}/KIND
DELETE /nodes/{node}/KIND/{vmid}
GET /nodes/{node}/KIND/{vmid}/config
PUT /nodes/{node}/KIND/{vmid}/config
GET /nodes/{node}/KIND/{vmid}/pending
PUT /nodes/{node}/KIND/{vmid}/resize
GET /nodes/{node}/KIND/{vmid}/status/current
POST /nodes/{node}/KIND/{vmid}/status/start
POST /nodes/{node}/KIND/{vmid}/status/stop
POST /nodes/{node}/KIND/{vmid}/status/shutdown
POST /nodes/{node}/KIND/{vmid}/status/suspend
POST /nodes/{node}/KIND/{vmid}/status/resume
POST /nodes/{node}/KIND/{vmid}/status/reboot
GET /nodes/{node}/KIND/{vmid}/snapshot
POST /nodes/{node}/KIND/{vmid}/snapshot
DELETE /nodes/{node}/KIND/{vmid}/snapshot/{snapname}
GET /nodes/{node}/KIND/{vmid}/snapshot/{snapname}/config
PUT /nodes/{node}/KIND/{vmid}/snapshot/{snapname}/config
POST /nodes/{node}/KIND/{vmid}/snapshot/{snapname}/rollback
"""
OTHERS = """
GET /version
GET /access/permissions
GET /cluster/resources
GET /cluster/nextid
GET /nodes
GET /nodes/{node}/status
GET /nodes/{node}/version
GET /nodes/{node}/network
GET /nodes/{node}/tasks
DELETE /nodes/{node}/tasks/{upid}
GET /nodes/{node}/tasks/{upid}/status
GET /nodes/{node}/tasks/{upid}/log
POST /nodes/{node}/lxc/{vmid}/move_volume
POST /nodes/{node}/qemu/{vmid}/config
POST /nodes/{node}/qemu/{vmid}/move_disk
PUT /nodes/{node}/qemu/{vmid}/unlink
POST /nodes/{node}/qemu/{vmid}/status/reset
POST /nodes/{node}/qemu/{vmid}/agent/ping
POST /nodes/{node}/vzdump
GET /nodes/{node}/vzdump/extractconfig
GET /nodes/{node}/storage
GET /nodes/{node}/storage/{storage}/status
GET /nodes/{node}/storage/{storage}/content
POST /nodes/{node}/storage/{storage}/content
GET /nodes/{node}/storage/{storage}/content/{volume}
PUT /nodes/{node}/storage/{storage}/content/{volume}
DELETE /nodes/{node}/storage/{storage}/content/{volume}
POST /nodes/{node}/storage/{storage}/upload
GET /nodes/{node}/storage/{storage}/prunebackups
DELETE /nodes/{node}/storage/{storage}/prunebackups
GET /storage
GET /storage/{storage}
"""
ENDPOINTS = [line.split() for text in (GUEST.replace("KIND", "lxc"), GUEST.replace("KIND", "qemu"), OTHERS)
             for line in text.strip().splitlines()]
KEPT = ("type", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "requires")
KEPT_IN_FORMAT = KEPT + ("optional", "default_key", "alias", "keyAlias")


def number(value):
    return float(value) if "." in str(value) else int(value)


def facts(prop, kept):
    """What decides whether a value passes."""
    out = {key: prop[key] for key in kept if key in prop}
    for key in ("minimum", "maximum", "minLength", "maxLength"):
        if key in out:
            out[key] = number(out[key])
    text_format = prop.get("format")
    if isinstance(text_format, dict):
        out["format"] = {name: facts(sub, KEPT_IN_FORMAT) for name, sub in text_format.items()}
    elif text_format is not None:
        out["format"] = text_format
    return out


def walk(nodes):
    for node in nodes:
        yield node
        yield from walk(node.get("children", []))


def endpoint_facts(info, path, intern):
    out = {"perm": {key: value for key, value in info.get("permissions", {}).items() if key != "description"}}
    if info.get("proxyto"):
        out["proxied"] = True
    if info.get("allowtoken") == 0:
        out["no_token"] = True
    for kind in ("required", "optional"):
        out[kind] = {}
    for name, prop in info.get("parameters", {}).get("properties", {}).items():
        kind = "optional" if prop.get("optional") else "required"
        out[kind][name] = intern(facts(prop, KEPT))
    return out


def table(schemas):
    types = {}

    def intern(prop):
        return types.setdefault(json.dumps(prop, sort_keys=True), len(types))

    by_path = {version: {node["path"]: node.get("info", {}) for node in walk(schema)}
               for version, schema in schemas.items()}
    rows = []
    for method, path in ENDPOINTS:
        row = {"method": method, "path": path}
        for version in schemas:
            info = by_path[version].get(path, {}).get(method)
            if info is None:
                sys.exit(f"{version} has no {method} {path}")
            row[version] = endpoint_facts(info, path, intern)
        newest = list(schemas)[-1]
        if all(row[version] == row[newest] for version in schemas):
            row = {"method": method, "path": path, "all": row[newest]}
        rows.append(row)
    yield json.dumps({"versions": list(schemas)})
    for text, index in types.items():
        yield json.dumps({"type": index, "is": json.loads(text)}, sort_keys=True)
    for row in rows:
        yield json.dumps(row)


def main(arguments):
    check = None
    if arguments[:1] == ["--check"]:
        check, arguments = arguments[1], arguments[2:]
    if not arguments:
        sys.exit(__doc__)
    schemas = {}
    for argument in arguments:
        version, _, path = argument.partition("=")
        with open(path, encoding="utf-8") as file:
            schemas[version] = json.load(file)
    lines = list(table(schemas))
    if check is None:
        print("\n".join(lines))
        return 0
    with open(check, encoding="utf-8") as file:
        held = file.read().splitlines()
    different = [index for index in range(max(len(held), len(lines)))
                 if held[index:index + 1] != lines[index:index + 1]]
    for index in different[:10]:
        print(f"line {index + 1}: the table has {held[index:index + 1]}, the schemas say {lines[index:index + 1]}")
    print(f"{len(lines)} lines, {len(ENDPOINTS)} endpoints, {len(different)} differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
