// SPDX-License-Identifier: Apache-2.0
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <istream>
#include <sstream>
#include <string>
#include <utility>

#include "schema/tree.hpp"

namespace holdfast::tree {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
  for (const char c : text)
    if (!is_digit(c)) return false;
  return !text.empty();
}

[[noreturn]] void refuse_number(std::string_view text) {
  throw Refused{"found " + std::string{text.substr(0, 40)} +
                ", expected a number of at most 64 bits, or text in quotes"};
}

template <class Number>
Json to_integer(std::string_view digits, int base, std::string_view text) {
  Number value{};
  const auto* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error == std::errc::result_out_of_range) refuse_number(text);
  if (error != std::errc{} || stop != end) return std::string{text};
  return value;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  const auto exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    auto digits = text.substr(exponent + 1);
    if (!digits.empty() && (digits.front() == '-' || digits.front() == '+'))
      digits.remove_prefix(1);
    if (!all_digits(digits)) return false;
    text = text.substr(0, exponent);
  }
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return all_digits(text);
  const auto whole = text.substr(0, dot);
  const auto fraction = text.substr(dot + 1);
  if (whole.empty()) return all_digits(fraction);
  return all_digits(whole) && (fraction.empty() || all_digits(fraction));
}

bool is_special_float(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text == ".inf" || text == ".Inf" || text == ".INF";
}

Json to_float(std::string_view text) {
  auto digits = text;
  if (digits.front() == '+') digits.remove_prefix(1);
  double value = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) refuse_number(text);
  return value;
}

class Events final : public YAML::EventHandler {
 public:
  Events(const std::string& text, const Caps& caps) : text_{text}, builder_{caps} {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    ++number_;
    if (number_ > limits::resources)
      throw Refused{"found more than " + std::to_string(limits::resources) + " documents"};
    // yaml-cpp takes whatever follows a finished value for a new document, so that broken
    // indentation would read as two halves. A document after the first must say so.
    if (number_ > 1 && !begins_document(mark))
      throw Refused{"line " + std::to_string(mark.line + 1) +
                    ": found more text after the end of the document, expected ---"};
  }
  void OnDocumentEnd() override { documents_.push_back(builder_.take()); }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    if (builder_.wants_key()) refuse(mark, "found null as a key, expected text");
    add(mark, [this] { builder_.scalar(nullptr); });
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "found an alias, expected the value itself (anchors are not supported)");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    add(mark, [&] {
      auto resolved = tag == "?" ? resolve_plain(value) : Json(value);
      if (!builder_.wants_key()) return builder_.scalar(std::move(resolved));
      if (!resolved.is_string())
        refuse(mark,
               "found " + value.substr(0, 40) + " as a key, expected text (put it in quotes)");
      builder_.key(value);
    });
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, Json::value_t::array);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, Json::value_t::object);
  }
  void OnSequenceEnd() override { builder_.end(); }
  void OnMapEnd() override { builder_.end(); }

  std::vector<Json> take() { return std::move(documents_); }

 private:
  // Marks only move forward, so each line is looked for from where the last one was found.
  bool begins_document(const YAML::Mark& mark) {
    for (; line_ < mark.line; ++line_) {
      const auto end = text_.find('\n', line_start_);
      if (end == std::string::npos) return false;
      line_start_ = end + 1;
    }
    return text_.compare(line_start_, 3, "---") == 0;
  }
  [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& what) const {
    const auto where = builder_.pointer();
    throw Refused{place(mark) + (where.empty() ? "" : where + ": ") + what};
  }
  std::string place(const YAML::Mark& mark) const {
    return "document " + std::to_string(number_) + ": line " + std::to_string(mark.line + 1) + ": ";
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor)
      refuse(mark, "found an anchor, expected a plain value (anchors are not supported)");
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!")
      refuse(mark, "found the tag " + tag.substr(0, 80) + ", expected a value without one");
  }
  template <class Add>
  void add(const YAML::Mark& mark, const Add& add_it) const {
    try {
      add_it();
    } catch (const Refused& refused) {
      const std::string what = refused.what();
      if (what.starts_with("document ")) throw;
      throw Refused{place(mark) + what};
    }
  }
  void start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
             Json::value_t container) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (builder_.wants_key()) refuse(mark, "found a list or mapping as a key, expected text");
    add(mark, [&] { builder_.start(container); });
  }

  const std::string& text_;
  Builder builder_;
  std::vector<Json> documents_{};
  std::size_t number_ = 0;
  int line_ = 0;
  std::size_t line_start_ = 0;
};

}  // namespace

Json resolve_plain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const std::string_view view = text;
  if (view.starts_with("0x")) return to_integer<std::uint64_t>(view.substr(2), 16, view);
  if (view.starts_with("0o")) return to_integer<std::uint64_t>(view.substr(2), 8, view);
  const bool negative = view.front() == '-';
  const auto digits = negative || view.front() == '+' ? view.substr(1) : view;
  if (all_digits(digits))
    return negative ? to_integer<std::int64_t>(view, 10, view)
                    : to_integer<std::uint64_t>(digits, 10, view);
  if (is_special_float(view)) refuse_number(view);
  if (is_float(view)) return to_float(view);
  return text;
}

std::vector<Json> read_yaml(const std::string& text, const Caps& caps) {
  if (text.size() > limits::yaml_bytes)
    throw Refused{"found " + std::to_string(text.size()) + " bytes of YAML, expected at most " +
                  std::to_string(limits::yaml_bytes) + " (JSON may be larger)"};
  Events events{text, caps};
  try {
    std::istringstream stream{text};
    YAML::Parser parser{stream};
    while (parser.HandleNextDocument(events)) {
    }
  } catch (const YAML::Exception& broken) {
    throw Refused{"line " + std::to_string(broken.mark.line + 1) + ", column " +
                  std::to_string(broken.mark.column + 1) + ": not YAML: " + broken.msg};
  }
  return events.take();
}

}  // namespace holdfast::tree
