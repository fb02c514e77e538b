// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/errors.hpp"

#include <cerrno>
#include <string>

#include <libvirt/virterror.h>

namespace holdfast::libvirt {
namespace {

// libvirt puts errno into int1 of a system error.
Errc code_of_system_error(int number) {
  if (number == ENOSPC || number == ENOMEM || number == EDQUOT) return Errc::exhausted;
  return Errc::unavailable;
}

// Numbers: virErrorNumber in libvirt/virterror.h. What is not listed may well pass by
// itself (a monitor that died, a lock that timed out), so it is retried.
Errc code_of(const virError& error) {
  switch (error.code) {
    case VIR_ERR_NO_DOMAIN:
    case VIR_ERR_NO_DOMAIN_SNAPSHOT: return Errc::not_found;
    case VIR_ERR_OPERATION_INVALID:
    case VIR_ERR_DOM_EXIST:
    case VIR_ERR_BLOCK_COPY_ACTIVE:
    case VIR_ERR_SNAPSHOT_REVERT_RISKY: return Errc::conflict;
    case VIR_ERR_OPERATION_DENIED:
    case VIR_ERR_ACCESS_DENIED:
    case VIR_ERR_AUTH_FAILED:
    case VIR_ERR_AUTH_CANCELLED:
    case VIR_ERR_AUTH_UNAVAILABLE: return Errc::denied;
    case VIR_ERR_INVALID_ARG:
    case VIR_ERR_XML_ERROR:
    case VIR_ERR_XML_DETAIL:
    case VIR_ERR_XML_INVALID_SCHEMA:
    case VIR_ERR_OS_TYPE:
    case VIR_ERR_UNKNOWN_HOST:
    case VIR_ERR_INVALID_MAC:
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_ARGUMENT_UNSUPPORTED: return Errc::invalid;
    case VIR_ERR_NO_MEMORY: return Errc::exhausted;
    case VIR_ERR_SYSTEM_ERROR: return code_of_system_error(error.int1);
    default: return Errc::unavailable;
  }
}

void drop(void* /*data*/, virErrorPtr /*error*/) {}

}  // namespace

Error last_error(std::string_view call) {
  const virError* error = virGetLastError();
  if (error == nullptr || error->code == VIR_ERR_OK) {
    return Error{Errc::unavailable, "libvirt: " + std::string{call} + " failed without saying why"};
  }
  const char* text = error->message != nullptr ? error->message : "no message";
  return Error{code_of(*error), "libvirt: " + std::string{call} + ": " + text};
}

int last_error_number() {
  const virError* error = virGetLastError();
  return error != nullptr ? error->code : 0;
}

void silence_default_error_printing() { virSetErrorFunc(nullptr, drop); }

}  // namespace holdfast::libvirt
