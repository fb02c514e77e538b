// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

namespace holdfast {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid: return "invalid";
    case Errc::not_found: return "not found";
    case Errc::conflict: return "conflict";
    case Errc::denied: return "denied";
    case Errc::unavailable: return "unavailable";
    case Errc::exhausted: return "exhausted";
    case Errc::corrupt: return "corrupt";
    case Errc::internal: return "internal";
  }
  return "unknown";
}

std::string Error::describe() const {
  return message_ + " [" + std::string{to_string(code_)} + ", " + file_ + ":" +
         std::to_string(line_) + "]";
}

}  // namespace holdfast
