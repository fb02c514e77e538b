// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "cli/environment.hpp"

namespace holdfast::cli {

// "restore root  [=====>    ]  52%" in exactly `width` columns or fewer; without a fraction
// only the text.
std::string render_bar(const std::string& text, std::optional<double> fraction, std::size_t width);

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
