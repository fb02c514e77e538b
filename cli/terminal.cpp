// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace holdfast::cli {
namespace {

struct Range {
  char32_t first = 0;
  char32_t last = 0;
};

// Blocks of Unicode 15 whose characters do not advance the cursor, sorted.
constexpr std::array zero_width{
    Range{0x0300, 0x036F},   Range{0x0483, 0x0489}, Range{0x0591, 0x05BD}, Range{0x064B, 0x065F},
    Range{0x0E34, 0x0E3A},   Range{0x1AB0, 0x1AFF}, Range{0x1DC0, 0x1DFF}, Range{0x200B, 0x200F},
    Range{0x20D0, 0x20FF},   Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F}, Range{0xFEFF, 0xFEFF},
    Range{0xE0100, 0xE01EF},
};
// East Asian Wide and Fullwidth (UAX #11), and emoji.
constexpr std::array double_width{
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0x33FF},
    Range{0x3400, 0x4DBF},   Range{0x4E00, 0x9FFF},   Range{0xA000, 0xA4CF},
    Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE4F},
    Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD},
};

template <class Ranges>
bool is_in(const Ranges& ranges, char32_t c) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), c,
                       [](char32_t x, const Range& range) { return x < range.first; });
  return after != ranges.begin() && c <= std::prev(after)->last;
}

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool is_valid = false;
};

Character first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {lead, 1, false};
  auto code = static_cast<char32_t>(lead & (0x7FU >> bytes));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80U) return {lead, 1, false};
    code = (code << 6U) | (next & 0x3FU);
  }
  return {code, bytes, true};
}

std::size_t width_of(const Character& character) {
  if (!character.is_valid) return 1;
  if (is_in(zero_width, character.code)) return 0;
  return is_in(double_width, character.code) ? 2 : 1;
}

bool is_control(const Character& character) {
  const char32_t c = character.code;
  return !character.is_valid || c < 0x20 || (c >= 0x7F && c < 0xA0) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);  // bidi overrides
}

}  // namespace

std::string Style::paint(Color color, std::string_view text) const {
  std::string painted{text};
  if (!has_colors_ || text.empty()) return painted;
  const char* code = "";
  switch (color) {
    case Color::none: return painted;
    case Color::red: code = "31"; break;
    case Color::green: code = "32"; break;
    case Color::yellow: code = "33"; break;
    case Color::blue: code = "34"; break;
    case Color::bold: code = "1"; break;
    case Color::faint: code = "2"; break;
  }
  return "\x1b[" + std::string{code} + "m" + painted + "\x1b[0m";
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto character = first_of(text);
    width += width_of(character);
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string printable(std::string_view text, bool keep_lines) {
  std::string safe;
  while (!text.empty()) {
    const auto character = first_of(text);
    const bool is_break = keep_lines && (text.front() == '\n' || text.front() == '\t');
    if (is_control(character) && !is_break) {
      safe += '?';
    } else {
      safe += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return safe;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string{text};
  if (width <= 3) return std::string(width, '.');
  std::string cut;
  std::size_t used = 0;
  while (!text.empty()) {
    const auto character = first_of(text);
    if (used + width_of(character) > width - 3) break;
    used += width_of(character);
    cut += text.substr(0, character.bytes);
    text.remove_prefix(character.bytes);
  }
  return cut + "...";
}

}  // namespace holdfast::cli
