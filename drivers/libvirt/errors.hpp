// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/error.hpp"

namespace holdfast::libvirt {

// The error of the libvirt call that just failed on this thread; `call` names it. To be
// read before any other libvirt call, which would overwrite it.
// Only VIR_ERR_NO_DOMAIN and VIR_ERR_NO_DOMAIN_SNAPSHOT become Errc::not_found.
Error last_error(std::string_view call);

// The number libvirt gave the last error (virErrorNumber), 0 for none.
int last_error_number();

// libvirt prints each error to stderr unless told otherwise; they are values here.
void silence_default_error_printing();

}  // namespace holdfast::libvirt
