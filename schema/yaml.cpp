// SPDX-License-Identifier: Apache-2.0
#include "schema/yaml.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "schema/resource_tables.hpp"
#include "schema/tree.hpp"

namespace holdfast {
namespace {

// What YAML 1.1 readers take for a boolean or null, beyond what 1.2 does.
bool is_reserved(std::string_view text) {
  constexpr std::array<std::string_view, 9> words{"y",   "n",    "yes",   "no",  "on",
                                                  "off", "true", "false", "null"};
  std::string lower{text};
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(words.begin(), words.end(), lower) != words.end();
}

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Whether `text` without quotes is the same text to every YAML reader.
bool is_plain(const std::string& text) {
  if (text.empty() || text.size() > 200 || is_reserved(text)) return false;
  const bool letters_only = std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-' || c == '/';
  });
  const bool first = is_letter(text.front()) || text.front() == '/' ||
                     (is_digit(text.front()) && is_letter(text.back()));
  if (!letters_only || !first) return false;
  try {
    return tree::resolve_plain(text).is_string();
  } catch (const tree::Refused&) {
    return false;  // a number too large to hold
  }
}

// Whether `text` can stand as a literal block. Blanks at a line's end or before the first
// line would be lost on a reader or on a person.
bool is_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos) return false;
  if (text.front() == ' ' || text.front() == '\n' || text.front() == '\t') return false;
  if (text.ends_with("\n\n")) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' || c == '\t' || static_cast<unsigned char>(c) >= 0x7f) return false;
    if (c == ' ' && (i + 1 == text.size() || text[i + 1] == '\n')) return false;
  }
  return true;
}

class Printer {
 public:
  std::string print(const Json& json) {
    if (json.is_structured() && !json.empty()) {
      body(json, 0);
    } else {
      leaf(json, 0);
    }
    return std::move(text_);
  }

 private:
  void newline(std::size_t indent) {
    if (!text_.empty()) text_ += '\n';
    text_.append(indent, ' ');
  }

  // JSON's escapes are YAML's too, inside double quotes.
  static std::string quoted(const std::string& value) { return Json(value).dump(); }

  void leaf(const Json& json, std::size_t indent) {
    if (!json.is_string()) {
      text_ += json.dump();  // a number, true, null, {} or []
      return;
    }
    const auto& value = json.get_ref<const std::string&>();
    if (is_plain(value)) {
      text_ += value;
    } else if (is_block(value)) {
      block(value, indent);
    } else {
      text_ += quoted(value);
    }
  }

  void block(std::string_view value, std::size_t indent) {
    text_ += value.ends_with('\n') ? "|" : "|-";
    if (value.ends_with('\n')) value.remove_suffix(1);
    for (;;) {
      const auto end = value.find('\n');
      const auto line = value.substr(0, end);
      text_ += '\n';
      if (!line.empty()) text_.append(indent, ' ').append(line);
      if (end == std::string_view::npos) return;
      value.remove_prefix(end + 1);
    }
  }

  void key(const std::string& name) {
    // A key of more than 1024 characters must be announced (YAML 1.2, 7.4).
    const bool is_long = name.size() > 200;
    if (is_long) text_ += "? ";
    text_ += is_plain(name) ? name : quoted(name);
    if (is_long) newline(indent_of_keys_);
    text_ += ':';
  }

  void body(const Json& json, std::size_t indent, bool starts_line = true) {
    for (auto item = json.begin(); item != json.end(); ++item) {
      if (starts_line) newline(indent);
      starts_line = true;
      indent_of_keys_ = indent;
      if (json.is_array()) {
        text_ += "- ";
        value_in_list(*item, indent + 2);
      } else {
        key(item.key());
        value_of_key(*item, indent + 2);
      }
    }
  }

  void value_in_list(const Json& json, std::size_t indent) {
    if (json.is_structured() && !json.empty()) {
      body(json, indent, false);  // its first line stands behind the dash
    } else {
      leaf(json, indent);
    }
  }

  void value_of_key(const Json& json, std::size_t indent) {
    if (json.is_structured() && !json.empty()) {
      body(json, indent);
    } else {
      text_ += ' ';
      leaf(json, indent);
    }
  }

  std::string text_{};
  std::size_t indent_of_keys_ = 0;
};

}  // namespace

std::string yaml_of(const Json& json) { return Printer{}.print(json) + "\n"; }

Result<std::string> json_to_yaml(std::string_view json) {
  const auto tree = Json::parse(json, nullptr, false);
  if (tree.is_discarded()) return Error{Errc::invalid, "found something that is not JSON"};
  return yaml_of(tree);
}

Result<std::string> indent_json(std::string_view json) {
  const auto tree = Json::parse(json, nullptr, false);
  if (tree.is_discarded()) return Error{Errc::invalid, "found something that is not JSON"};
  return tree.dump(2) + "\n";
}

}  // namespace holdfast
