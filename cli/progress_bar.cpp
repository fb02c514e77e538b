// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_bar.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "cli/terminal.hpp"

namespace holdfast::cli {

std::string render_bar(const std::string& text, std::optional<double> fraction, std::size_t width) {
  const std::string label = printable(text);
  if (!fraction) return shorten(label, width);
  const double part = std::clamp(std::isnan(*fraction) ? 0.0 : *fraction, 0.0, 1.0);
  std::string percent = std::to_string(static_cast<int>(part * 100)) + "%";
  percent.insert(0, 4 - percent.size(), ' ');
  constexpr std::size_t narrowest = 12;  // "[==>      ] "
  const std::size_t for_label =
      width > percent.size() + narrowest + 1 ? width - percent.size() - narrowest - 1 : 0;
  if (for_label < 8) return shorten(label + percent, width);
  const std::string head = shorten(label, for_label) + " ";
  const std::size_t cells =
      std::min<std::size_t>(40, width - display_width(head) - percent.size() - 2);
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(cells));
  std::string bar(filled, '=');
  if (filled < cells) bar += '>';
  bar.resize(cells, ' ');
  return head + "[" + bar + "]" + percent;
}

std::string transfer_text(const std::string& what, std::uint64_t done, std::uint64_t total,
                          Duration elapsed) {
  constexpr Duration soonest{500};  // before that a rate says nothing
  if (elapsed < soonest || done == 0) return what;
  const double seconds = static_cast<double>(elapsed.count()) / 1000;
  const double rate = static_cast<double>(done) / seconds;  // bytes a second
  constexpr double mib = 1024.0 * 1024.0;
  const bool is_slow = rate < 10 * mib;
  std::string text = what + " " + std::to_string(static_cast<long>(rate / (is_slow ? 1024 : mib))) +
                     (is_slow ? " KiB/s" : " MiB/s");
  if (total <= done) return text;
  const auto left = static_cast<double>(total - done) / rate;
  const auto rounded = std::chrono::seconds{static_cast<long>(std::ceil(left))};
  return text + ", " + to_short_string(rounded) + " left";
}

void ProgressBar::draw(const std::string& text, std::optional<double> fraction) {
  if (!environment_.err_is_terminal) return;
  const std::size_t width = environment_.width > 1 ? environment_.width - 1 : 1;
  environment_.err << '\r' << render_bar(text, fraction, width) << "\x1b[K" << std::flush;
  is_drawn_ = true;
}

void ProgressBar::clear() {
  if (!is_drawn_) return;
  environment_.err << "\r\x1b[K" << std::flush;
  is_drawn_ = false;
}

}  // namespace holdfast::cli
