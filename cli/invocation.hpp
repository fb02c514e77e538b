// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "cli/admin_client.hpp"
#include "cli/environment.hpp"
#include "cli/terminal.hpp"

namespace holdfast::cli {

enum class Format { table, wide, json, yaml };
// The program's exit status.
enum class Exit { done = 0, differs = 1, failed = 2 };

// What every command is told: where the daemon is and how to answer.
class Invocation {
 public:
  Invocation(Environment& environment, std::string socket, Format format, bool has_colors)
      : environment_{environment},
        socket_{std::move(socket)},
        format_{format},
        has_colors_{has_colors} {}

  Environment& environment() const { return environment_; }
  Time now() const { return environment_.clock.now(); }
  AdminClient daemon() const { return AdminClient{socket_}; }
  Format format() const { return format_; }
  bool is_for_people() const { return format_ == Format::table || format_ == Format::wide; }
  // Of what goes to `out`, and to `err`.
  Style style() const { return Style{has_colors_ && environment_.out_is_terminal}; }
  Style message_style() const { return Style{has_colors_ && environment_.err_is_terminal}; }

  // Data: `json` as -o says, or what `for_people` makes of it.
  Result<void> show(const std::string& json, const std::function<std::string()>& for_people) const;
  // A message: one line on `err`.
  void say(const std::string& line) const;
  // Asks on `err` and reads a line. True for "yes" or "y". Errc::invalid, saying to use
  // --yes, when nobody is there to answer.
  Result<bool> confirm(const std::string& question) const;

 private:
  Environment& environment_;
  std::string socket_;
  Format format_ = Format::table;
  bool has_colors_ = false;
};

}  // namespace holdfast::cli
