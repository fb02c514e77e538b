// SPDX-License-Identifier: Apache-2.0
#include "cli/table.hpp"

#include <algorithm>
#include <cstddef>

namespace holdfast::cli {
namespace {

std::string shown(const Cell& cell) { return cell.text.empty() ? "-" : printable(cell.text); }

}  // namespace

std::string Table::render(const Style& style) const {
  constexpr std::size_t gap = 3;
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headers_.size(); ++column) {
    std::size_t width = display_width(headers_[column]);
    for (const auto& row : rows_)
      if (column < row.size()) width = std::max(width, display_width(shown(row[column])));
    widths.push_back(width);
  }
  std::string text;
  const auto append = [&](const std::string& cell, std::size_t column, Color color) {
    text += style.paint(color, cell);
    const bool is_last = column + 1 >= headers_.size();
    text += is_last ? "\n" : std::string(widths[column] - display_width(cell) + gap, ' ');
  };
  for (std::size_t column = 0; column < headers_.size(); ++column)
    append(headers_[column], column, Color::bold);
  for (const auto& row : rows_)
    for (std::size_t column = 0; column < headers_.size() && column < row.size(); ++column)
      append(shown(row[column]), column, row[column].color);
  return text;
}

}  // namespace holdfast::cli
