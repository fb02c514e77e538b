// SPDX-License-Identifier: Apache-2.0
#include "schema/quantity.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace holdfast {
namespace {

// Wide enough for any 64-bit mantissa times any scale below.
__extension__ using Wide = unsigned __int128;

struct Suffix {
  std::string_view text{};
  std::uint64_t scale = 1;
};

constexpr std::array<Suffix, 6> binary_suffixes{{{"Ei", std::uint64_t{1} << 60U},
                                                 {"Pi", std::uint64_t{1} << 50U},
                                                 {"Ti", std::uint64_t{1} << 40U},
                                                 {"Gi", std::uint64_t{1} << 30U},
                                                 {"Mi", std::uint64_t{1} << 20U},
                                                 {"Ki", std::uint64_t{1} << 10U}}};
constexpr std::array<Suffix, 6> decimal_suffixes{{{"E", 1'000'000'000'000'000'000},
                                                  {"P", 1'000'000'000'000'000},
                                                  {"T", 1'000'000'000'000},
                                                  {"G", 1'000'000'000},
                                                  {"M", 1'000'000},
                                                  {"k", 1'000}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const auto digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

template <class Number>
std::optional<Number> to_number(std::string_view digits) {
  Number value = 0;
  const auto* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> power_of_ten(std::uint64_t exponent) {
  if (exponent > 19) return std::nullopt;  // 10^20 does not fit 64 bits
  std::uint64_t value = 1;
  for (; exponent > 0; --exponent) value *= 10;
  return value;
}

// What stands after the digits: a suffix, an exponent, or nothing.
std::optional<std::uint64_t> scale_of(std::string_view rest) {
  if (rest.empty()) return 1;
  for (const auto& suffix : binary_suffixes)
    if (rest == suffix.text) return suffix.scale;
  for (const auto& suffix : decimal_suffixes)
    if (rest == suffix.text) return suffix.scale;
  if (rest.front() != 'e' && rest.front() != 'E') return std::nullopt;
  const auto exponent = to_number<std::uint32_t>(rest.substr(1));
  return exponent ? power_of_ten(*exponent) : std::nullopt;
}

std::string quoted(std::string_view text) {
  return "\"" + std::string{text.substr(0, 40)} + (text.size() > 40 ? "...\"" : "\"");
}

struct Unit {
  std::string_view text{};
  std::int64_t milliseconds = 1;
};

constexpr std::array<Unit, 4> units{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t longest_duration = std::int64_t{10} * 366 * 24 * 3'600'000;

std::string_view take_letters(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && !is_digit(text[count])) ++count;
  const auto letters = text.substr(0, count);
  text.remove_prefix(count);
  return letters;
}

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
  const auto refuse = [text](std::string_view why) {
    return Error{Errc::invalid, "found " + quoted(text) + ", expected " + std::string{why}};
  };
  constexpr std::string_view form = "a quantity like 2Gi or 512Mi";
  constexpr std::string_view too_large = "at most 2^64-1 bytes";

  auto rest = text;
  auto mantissa = std::string{take_digits(rest)};
  if (mantissa.empty()) return refuse(form);
  std::size_t decimals = 0;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    const auto fraction = take_digits(rest);
    if (fraction.empty()) return refuse(form);
    mantissa += fraction;
    decimals = fraction.size();
  }
  const auto divisor = power_of_ten(decimals);
  if (!divisor) return refuse("fewer decimals");
  const auto number = to_number<std::uint64_t>(mantissa);
  if (!number) return refuse(too_large);
  const auto scale = scale_of(rest);
  if (!scale) return refuse(form);

  const Wide scaled = Wide{*number} * *scale;
  if (scaled % *divisor != 0) return refuse("a whole number of bytes");
  const Wide bytes = scaled / *divisor;
  if (bytes > std::numeric_limits<std::uint64_t>::max()) return refuse(too_large);
  return Bytes{static_cast<std::uint64_t>(bytes)};
}

std::string to_string(Bytes bytes) {
  for (const auto& suffix : binary_suffixes)
    if (bytes.value != 0 && bytes.value % suffix.scale == 0)
      return std::to_string(bytes.value / suffix.scale) + std::string{suffix.text};
  return std::to_string(bytes.value);
}

Result<std::uint32_t> parse_cpus(std::string_view text) {
  if (const auto cpus = to_number<std::uint32_t>(text)) return *cpus;
  auto rest = text;
  if (!take_digits(rest).empty() && rest == "m")
    return Error{Errc::invalid, "found " + quoted(text) +
                                    ", expected whole CPUs like 2 (a share of a CPU is said in "
                                    "limits.cpuShares)"};
  return Error{Errc::invalid, "found " + quoted(text) + ", expected whole CPUs like 2"};
}

Result<Duration> parse_duration(std::string_view text) {
  const auto bad = [text] {
    return Error{Errc::invalid,
                 "found " + quoted(text) + ", expected a duration like 10s or 1h30m"};
  };
  auto rest = text;
  if (rest.empty()) return bad();
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  while (!rest.empty()) {
    const auto count = to_number<std::uint32_t>(take_digits(rest));
    const auto letters = take_letters(rest);
    while (next_unit < units.size() && units.at(next_unit).text != letters) ++next_unit;
    if (!count || next_unit == units.size()) return bad();
    total += std::int64_t{*count} * units.at(next_unit).milliseconds;
    ++next_unit;
  }
  if (total > longest_duration)
    return Error{Errc::invalid, "found " + quoted(text) + ", expected at most 10 years"};
  return Duration{total};
}

std::string to_string(Duration duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string text;
  for (const auto& unit : units) {
    if (rest < unit.milliseconds) continue;
    text += std::to_string(rest / unit.milliseconds) + std::string{unit.text};
    rest %= unit.milliseconds;
  }
  return text;
}

}  // namespace holdfast
