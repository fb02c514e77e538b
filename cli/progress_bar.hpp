// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "cli/environment.hpp"

namespace holdfast::cli {

// "restore root  [=====>    ]  52%" in exactly `width` columns or fewer; without a fraction
// only the text.
std::string render_bar(const std::string& text, std::optional<double> fraction, std::size_t width);

// "disk root 812 MiB/s, 3s left": what, how fast so far, and for how long still. Rate and time
// are left out until there is something to say. Sizes in bytes.
std::string transfer_text(const std::string& what, std::uint64_t done, std::uint64_t total,
                          Duration elapsed);

// One line on `err` that is drawn over and over. Draws nothing when `err` is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(Environment& environment) : environment_{environment} {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void draw(const std::string& text, std::optional<double> fraction);
  // Takes the line away, so that something else can be said.
  void clear();

 private:
  Environment& environment_;
  bool is_drawn_ = false;
};

}  // namespace holdfast::cli
