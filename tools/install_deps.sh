#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what debian/control names and this machine lacks. The one list of packages.
set -eu
cd "$(dirname "$0")/.."

# Build-Depends, and the Depends of the binary package, one name a line:
# versions, build profiles and substitution variables are dropped.
wanted() {
  awk '
    /^(Build-Depends|Depends):/ { on = 1; sub(/^[^:]*:/, "") }
    /^[^ ]/ && !/^ / && on && /^[A-Z][A-Za-z-]*:/ { on = 0 }
    on { print }
  ' debian/control | tr ',' '\n' | sed -e 's/([^)]*)//g' -e 's/<[^>]*>//g' -e 's/[[:space:]]//g' \
    | grep -v -e '^$' -e '^\$' -e '^debhelper-compat$' | sort -u
}

missing=""
for package in $(wanted); do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
    missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "these packages are missing; run this as root, or install them:$missing" >&2
  exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 -- a list of package names
apt-get install -y -qq --no-install-recommends $missing >/dev/null
