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
  // Folder and file: the rest of the path is that of whatever machine compiled it.
  std::string_view file = file_;
  if (const auto name = file.rfind('/'); name != std::string_view::npos && name > 0)
    file.remove_prefix(file.rfind('/', name - 1) + 1);
  return message_ + " [" + std::string{to_string(code_)} + ", " + std::string{file} + ":" +
         std::to_string(line_) + "]";
}

}  // namespace holdfast
