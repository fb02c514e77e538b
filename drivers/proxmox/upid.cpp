// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/upid.hpp"

#include <algorithm>
#include <vector>

namespace holdfast::proxmox {
namespace {

bool is_hex(std::string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most &&
         text.find_first_not_of("0123456789ABCDEFabcdef") == std::string_view::npos;
}

bool is_node(std::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-';
         });
}

}  // namespace

Result<Upid> parse_upid(std::string_view text) {
  const auto refuse = [&] {
    return Error{Errc::invalid, "not a task of Proxmox: " + std::string{text.substr(0, 100)}};
  };
  std::vector<std::string_view> parts;
  std::string_view rest = text;
  for (auto colon = rest.find(':'); colon != std::string_view::npos; colon = rest.find(':')) {
    parts.push_back(rest.substr(0, colon));
    rest.remove_prefix(colon + 1);
  }
  const bool has_form = parts.size() == 8 && rest.empty() && parts[0] == "UPID" &&
                        is_node(parts[1]) && is_hex(parts[2], 8, 8) && is_hex(parts[3], 8, 9) &&
                        is_hex(parts[4], 8, 8) && !parts[5].empty() && !parts[7].empty() &&
                        text.find_first_of(" /\n\t") == std::string_view::npos;
  if (!has_form) return refuse();
  return Upid{std::string{parts[1]}, std::string{parts[5]}, std::string{parts[6]},
              std::string{parts[7]}};
}

}  // namespace holdfast::proxmox
