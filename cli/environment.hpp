// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <istream>
#include <map>
#include <ostream>
#include <stop_token>
#include <string>

#include "base/clock.hpp"

namespace holdfast::cli {

// Everything a command touches besides files and the daemon's socket, so that a test can own
// it. Data goes to `out`, everything said to a person to `err`.
struct Environment {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  const Clock& clock;
  std::function<void(Duration)> sleep{};
  std::map<std::string, std::string> variables{};  // those that main() lists
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::size_t width = 80;  // columns of the terminal

  std::string variable(const std::string& name) const {
    const auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  }
};

}  // namespace holdfast::cli
