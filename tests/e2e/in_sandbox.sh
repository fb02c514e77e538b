#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs one end-to-end script against a build, beside a libvirtd of its own:
#
#   tests/e2e/in_sandbox.sh BUILD_DIR SCRIPT.py ARGS...
#
# The tiny golden image is built once per build directory, outside: the sandbox has no way out.
# Exits with the script's status, or 77 when this machine has no place for a sandbox.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 2 ] || { sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
build=$(cd "$1" && pwd)
script=$2
shift 2

for program in controller/holdfastd cli/holdfast hub/holdfast-hub; do
  [ -x "$build/$program" ] || { echo "$build/$program is not built" >&2; exit 2; }
done
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "skipped: no Python 3.11"; exit 77; }
"$here/../sandbox/libvirt_sandbox.sh" true || exit

image=$build/e2e/tiny
builder=$here/../../tools/build_tiny_image.sh
mkdir -p "$build/e2e"
(
  flock 9
  [ "$image/image.json" -nt "$builder" ] || "$builder" "$image"
) 9>"$build/e2e/lock"

export PYTHONDONTWRITEBYTECODE=1
exec "$here/../sandbox/libvirt_sandbox.sh" python3 "$here/$script" --build "$build" --image "$image" "$@"
