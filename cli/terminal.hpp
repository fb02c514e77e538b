// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::cli {

enum class Color { none, red, green, yellow, blue, bold, faint };

// Paints text, or leaves it as it is where nobody would see colours.
class Style {
 public:
  explicit Style(bool has_colors = false) : has_colors_{has_colors} {}
  std::string paint(Color color, std::string_view text) const;

 private:
  bool has_colors_ = false;
};

// Columns that `text` takes on a terminal: combining marks take none, East Asian wide
// characters and emoji two. Bytes that are not UTF-8 count one each.
std::size_t display_width(std::string_view text);

// `text` without anything that could move the cursor or colour the screen: control
// characters become '?', and line breaks too unless `keep_lines`. What a hypervisor or a
// guest's name says cannot forge our output.
std::string printable(std::string_view text, bool keep_lines = false);

// At most `width` columns, with "..." where something was cut.
std::string shorten(std::string_view text, std::size_t width);

}  // namespace holdfast::cli
