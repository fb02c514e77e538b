// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "reconcilers/guest/guest_identity.hpp"

// What makes a guest that was born from an image a machine of its own. Pure.
namespace holdfast {

// A name for people and cloud-init that changes exactly when the guest is another one.
std::string instance_id(const GuestIdentity& identity);

// 32 lower-case hex digits (machine-id(5)): another for each guest and each incarnation, the
// same whenever it is asked for.
std::string machine_id(const GuestIdentity& identity);

// NoCloud vendor-data that gives the guest its machine id once an instance, also to an image
// that was packed with one. A boot hook, because those run before networking is asked for
// addresses (DHCP clients identify themselves by machine id) and because user data's own
// `bootcmd` would replace one of ours.
std::string vendor_data(const GuestIdentity& identity);

}  // namespace holdfast
