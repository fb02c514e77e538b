// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/first_boot.hpp"

#include "base/sha256.hpp"

namespace holdfast {

std::string instance_id(const GuestIdentity& identity) {
  return to_string(identity.uuid) + "-" + std::to_string(identity.incarnation.value);
}

std::string machine_id(const GuestIdentity& identity) {
  return to_hex(sha256("machine-id " + instance_id(identity))).substr(0, 32);
}

// The stamp lets whoever owns the guest choose another id afterwards: a boot hook runs at
// every boot. D-Bus has a copy of its own where its file is no link.
std::string vendor_data(const GuestIdentity& identity) {
  return "#cloud-boothook\n"
         "#!/bin/sh\n"
         "set -eu\n"
         "root=${HOLDFAST_ROOT:-}\n"
         "instance=" +
         instance_id(identity) +
         "\n"
         "stamp=$root/var/lib/holdfast/instance\n"
         "[ \"$(cat \"$stamp\" 2>/dev/null || true)\" != \"$instance\" ] || exit 0\n"
         "for file in \"$root/etc/machine-id\" \"$root/var/lib/dbus/machine-id\"; do\n"
         "  [ -f \"$file\" ] && [ ! -L \"$file\" ] || continue\n"
         "  echo " +
         machine_id(identity) +
         " > \"$file\"\n"
         "done\n"
         "mkdir -p \"${stamp%/*}\"\n"
         "echo \"$instance\" > \"$stamp\"\n";
}

}  // namespace holdfast
