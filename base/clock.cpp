// SPDX-License-Identifier: Apache-2.0
#include "base/clock.hpp"

#include <sys/random.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace holdfast {
namespace {

using std::chrono::duration_cast;
using std::chrono::floor;
using std::chrono::seconds;

// Reads exactly `digits` decimal digits off the front of `text`.
bool take_number(std::string_view& text, std::size_t digits, int& value) {
  if (text.size() < digits) return false;
  value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool take_char(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Time SystemClock::now() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

Duration SystemClock::elapsed() const {
  return duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

std::uint64_t SystemRandom::next() {
  std::uint64_t value = 0;
  // Up to 256 bytes are never interrupted once the pool is ready (getrandom(2)).
  if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) std::abort();
  return value;
}

std::string to_string(Time time) {
  const auto whole = floor<seconds>(time);
  const auto milliseconds = static_cast<int>((time - whole).count());
  const std::time_t t = whole.time_since_epoch().count();
  std::tm tm{};
  gmtime_r(&t, &tm);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, milliseconds);
  return text.data();
}

Result<Time> parse_time(std::string_view text) {
  const Error bad{Errc::invalid,
                  "expected an RFC 3339 time in UTC like 2026-11-22T19:36:00Z, got '" +
                      std::string{text.substr(0, 40)} + "'"};
  std::tm tm{};
  const bool shape =
      take_number(text, 4, tm.tm_year) && take_char(text, '-') && take_number(text, 2, tm.tm_mon) &&
      take_char(text, '-') && take_number(text, 2, tm.tm_mday) && take_char(text, 'T') &&
      take_number(text, 2, tm.tm_hour) && take_char(text, ':') && take_number(text, 2, tm.tm_min) &&
      take_char(text, ':') && take_number(text, 2, tm.tm_sec);
  if (!shape) return bad;
  int millis = 0;
  if (take_char(text, '.')) {
    std::size_t digits = 0;
    int scale = 100;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      millis += (text.front() - '0') * scale;
      scale /= 10;
      ++digits;
      text.remove_prefix(1);
    }
    if (digits == 0 || digits > 9) return bad;
  }
  if (text != "Z") return bad;
  std::tm copy = tm;
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  const std::time_t t = timegm(&tm);
  // timegm() normalises 31 February to March: a date that moved was not a date.
  if (tm.tm_mday != copy.tm_mday || tm.tm_mon + 1 != copy.tm_mon || tm.tm_hour != copy.tm_hour ||
      tm.tm_min != copy.tm_min || tm.tm_sec != copy.tm_sec)
    return bad;
  return Time{duration_cast<Duration>(seconds{t}) + Duration{millis}};
}

std::string to_short_string(Duration duration) {
  const auto ms = duration.count();
  if (ms < 0) return "-" + to_short_string(-duration);
  if (ms < 1000) return std::to_string(ms) + "ms";
  const auto s = ms / 1000;
  const auto two = [](std::int64_t a, const char* unit, std::int64_t b, const char* small) {
    std::string text = std::to_string(a) + unit;
    if (b != 0) text += std::to_string(b) + small;
    return text;
  };
  if (s < 60) return std::to_string(s) + "s";
  if (s < 3600) return two(s / 60, "m", s % 60, "s");
  if (s < 86400) return two(s / 3600, "h", s % 3600 / 60, "m");
  return two(s / 86400, "d", s % 86400 / 3600, "h");
}

}  // namespace holdfast
