// SPDX-License-Identifier: Apache-2.0
#include "schema/plain_heartbeat.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "schema/codec.hpp"
#include "schema/limits.hpp"
#include "schema/quantity.hpp"
#include "schema/resource_tables.hpp"

namespace holdfast {
namespace {

constexpr std::size_t longest_text = 1024;  // bytes
constexpr std::size_t most_digits = 19;     // any such number is below 2^64

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads JSON from the front of a text. After something unexpected every answer is empty.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_{text} {}

  // Skips blanks first. Whether `c` was next; it is then behind us.
  bool take(char c) {
    const auto first = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(first, rest_.size()));
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool is_at_end() { return rest_.find_first_not_of(" \t\r\n") == std::string_view::npos; }
  // A string of printable ASCII without escapes.
  std::optional<std::string_view> text() {
    if (!take('"')) return {};
    std::size_t size = 0;
    while (size < rest_.size() && rest_[size] != '"') {
      const char c = rest_[size++];
      if (c < ' ' || c > '~' || c == '\\') return {};
    }
    if (size == rest_.size()) return {};
    const auto found = rest_.substr(0, size);
    rest_.remove_prefix(size + 1);
    return found;
  }
  // Digits alone, as JSON has them.
  std::optional<std::uint64_t> whole(std::uint64_t most) {
    const auto first = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(first, rest_.size()));
    const auto size = static_cast<std::size_t>(
        std::find_if_not(rest_.begin(), rest_.end(), is_digit) - rest_.begin());
    if (size == 0 || size > most_digits || (size > 1 && rest_.front() == '0')) return {};
    // What makes it another number than these digits.
    if (size < rest_.size() && std::string_view{".eE"}.find(rest_[size]) != std::string_view::npos)
      return {};
    std::uint64_t value = 0;
    std::from_chars(rest_.data(), rest_.data() + size, value);
    rest_.remove_prefix(size);
    if (value > most) return {};
    return value;
  }

 private:
  std::string_view rest_;
};

template <class T>
bool put(std::optional<T> found, T& into) {
  if (!found) return false;
  into = *found;
  return true;
}

class HeartbeatReader {
 public:
  explicit HeartbeatReader(std::string_view text) : at_{text} {}

  std::optional<Heartbeat> read() {
    if (!at_.take('{')) return {};
    do {
      const auto name = at_.text();
      if (!name || !at_.take(':') || !read_field(*name)) return {};
    } while (at_.take(','));
    if (!at_.take('}') || !at_.is_at_end() || (seen_ & required) != required) return {};
    return std::move(said_);
  }

 private:
  enum Field : unsigned {
    api_version_field = 1U << 0U,
    kind_field = 1U << 1U,
    session_field = 1U << 2U,
    sequence_field = 1U << 3U,
    pass_age_field = 1U << 4U,
    journal_age_field = 1U << 5U,
    open_operations_field = 1U << 6U,
    generation_field = 1U << 7U,
    mode_field = 1U << 8U,
    required = (1U << 6U) - 1U,
  };

  struct Name {
    std::string_view name;
    Field field;
  };
  static constexpr std::array names{Name{"apiVersion", api_version_field},
                                    Name{"kind", kind_field},
                                    Name{"session", session_field},
                                    Name{"sequence", sequence_field},
                                    Name{"passAge", pass_age_field},
                                    Name{"journalAge", journal_age_field},
                                    Name{"openOperations", open_operations_field},
                                    Name{"generation", generation_field},
                                    Name{"mode", mode_field}};

  bool read_field(std::string_view name) {
    const auto known = std::find_if(names.begin(), names.end(),
                                    [&](const Name& other) { return other.name == name; });
    return known != names.end() && is_new(known->field) && read_value(known->field);
  }
  bool read_value(Field field) {
    switch (field) {
      case api_version_field: return at_.text() == api_version;
      case kind_field: return at_.text() == "Heartbeat";
      case session_field: return read_session();
      case sequence_field: return put(whole(), said_.sequence);
      case pass_age_field: return read_age(said_.pass_age);
      case journal_age_field: return read_age(said_.journal_age);
      case open_operations_field: return read_operations();
      case generation_field: return put(whole(), said_.generation);
      case mode_field: return read_mode();
      case required: break;
    }
    return false;
  }
  bool is_new(Field field) {
    const bool was_seen = (seen_ & field) != 0;
    seen_ |= field;
    return !was_seen;
  }
  std::optional<std::uint64_t> whole() {
    return at_.whole(std::numeric_limits<std::uint64_t>::max());
  }
  bool read_session() {
    const auto text = at_.text();
    if (!text || !id_hex.matches(*text)) return false;
    said_.session = *text;
    return true;
  }
  bool read_age(Duration& age) {
    const auto text = at_.text();
    if (!text) return false;
    const auto parsed = parse_duration(*text);
    if (!parsed || *parsed > limits::longest_age) return false;
    age = *parsed;
    return true;
  }
  bool read_operations() {
    const auto count = at_.whole(std::numeric_limits<std::uint32_t>::max());
    if (count) said_.open_operations = static_cast<std::uint32_t>(*count);
    return count.has_value();
  }
  bool read_mode() {
    const auto text = at_.text();
    for (const auto mode : {HostMode::normal, HostMode::observe_only}) {
      if (text != to_string(mode)) continue;
      said_.mode = mode;
      return true;
    }
    return false;
  }

  Cursor at_;
  Heartbeat said_{};
  unsigned seen_ = 0;
};

}  // namespace

std::optional<Heartbeat> read_plain_heartbeat(std::string_view json) {
  if (json.size() > longest_text) return {};
  return HeartbeatReader{json}.read();
}

}  // namespace holdfast
