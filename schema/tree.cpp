// SPDX-License-Identifier: Apache-2.0
#include "schema/tree.hpp"

#include <array>
#include <utility>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace holdfast::tree {
namespace {

struct Utf8Form {
  unsigned char first_low;  // the first byte is from here
  unsigned char first_high;
  unsigned char second_low;   // and the second from here: what keeps overlong forms,
  unsigned char second_high;  // surrogates and values above U+10FFFF out
  std::size_t length;
};

// RFC 3629, section 4, but for ASCII.
constexpr std::array<Utf8Form, 8> utf8_forms{{{0xc2, 0xdf, 0x80, 0xbf, 2},
                                              {0xe0, 0xe0, 0xa0, 0xbf, 3},
                                              {0xe1, 0xec, 0x80, 0xbf, 3},
                                              {0xed, 0xed, 0x80, 0x9f, 3},
                                              {0xee, 0xef, 0x80, 0xbf, 3},
                                              {0xf0, 0xf0, 0x90, 0xbf, 4},
                                              {0xf1, 0xf3, 0x80, 0xbf, 4},
                                              {0xf4, 0xf4, 0x80, 0x8f, 4}}};

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

bool fits(std::string_view text, const Utf8Form& form) {
  if (text.size() < form.length) return false;
  if (byte_at(text, 0) < form.first_low || byte_at(text, 0) > form.first_high) return false;
  if (byte_at(text, 1) < form.second_low || byte_at(text, 1) > form.second_high) return false;
  for (std::size_t i = 2; i < form.length; ++i)
    if ((byte_at(text, i) & 0xc0U) != 0x80U) return false;
  return true;
}

// Length of the well-formed UTF-8 sequence at the front of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  if (byte_at(text, 0) < 0x80) return 1;
  for (const auto& form : utf8_forms)
    if (fits(text, form)) return form.length;
  return 0;
}

// Tab, line feed and carriage return are text; the rest of C0 and DEL end C strings, forge log
// lines, or (0x04) make yaml-cpp see the end of the stream.
bool is_text(std::string_view text) {
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) return false;
    const auto length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool starts_like_json(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

std::vector<Json> read(std::string_view text, bool is_json, bool may_be_yaml, const Caps& caps) {
  if (!is_json) return read_yaml(std::string{text}, caps);
  try {
    std::vector<Json> documents;
    documents.push_back(read_json(text, caps));
    return documents;
  } catch (const Refused&) {
    if (!may_be_yaml) throw;
  }
  // A YAML flow mapping looks like JSON at its first character only.
  return read_yaml(std::string{text}, caps);
}

}  // namespace

std::string pointer_step(std::string_view key) {
  std::string step = "/";
  for (const char c : key.substr(0, 80)) {
    if (c == '~') {
      step += "~0";
    } else if (c == '/') {
      step += "~1";
    } else {
      step += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
    }
  }
  return step;
}

void Builder::refuse(const std::string& what) const {
  const auto where = pointer();
  throw Refused{(where.empty() ? "" : where + ": ") + what};
}

void Builder::count() {
  if (++nodes_ > caps_.nodes)
    refuse("found too much, expected at most " + std::to_string(caps_.nodes) + " values");
}

void Builder::check_text(const std::string& text) const {
  if (text.size() > limits::user_data_bytes)
    refuse("found " + std::to_string(text.size()) + " bytes of text, expected at most " +
           std::to_string(limits::user_data_bytes));
  if (!is_text(text)) refuse("found a control character, expected plain text in UTF-8");
}

bool Builder::wants_key() const {
  return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key;
}

void Builder::attach(Json value) {
  if (stack_.empty()) {
    root_ = std::move(value);
    return;
  }
  auto& frame = stack_.back();
  if (frame.value.is_array()) {
    frame.value.push_back(std::move(value));
    return;
  }
  frame.value[frame.key] = std::move(value);
  frame.has_key = false;
}

void Builder::scalar(Json value) {
  count();
  if (value.is_string()) check_text(value.get_ref<const std::string&>());
  attach(std::move(value));
}

void Builder::start(Json::value_t container) {
  count();
  count();  // an empty mapping takes as much memory as two values with their keys
  if (stack_.size() >= caps_.depth)
    refuse("found nesting deeper than " + std::to_string(caps_.depth) + " levels");
  stack_.push_back({Json(container), {}, false});
}

void Builder::key(std::string text) {
  count();
  check_text(text);
  auto& frame = stack_.back();
  const bool twice = frame.value.contains(text);
  frame.key = std::move(text);
  frame.has_key = true;
  if (twice) refuse("found this key twice, expected each key once");
}

void Builder::end() {
  auto value = std::move(stack_.back().value);
  stack_.pop_back();
  attach(std::move(value));
}

Json Builder::take() { return std::exchange(root_, Json{}); }

std::string Builder::pointer() const {
  std::string text;
  for (const auto& frame : stack_) {
    if (frame.value.is_array()) text += "/" + std::to_string(frame.value.size());
    if (frame.value.is_object() && frame.has_key) text += pointer_step(frame.key);
  }
  return text;
}

Documents::Documents(std::size_t text_bytes) {
  static std::mutex large_texts;
  if (text_bytes >= large_text) turn_ = std::unique_lock{large_texts};
}

Documents::~Documents() {
  if (!turn_) return;
  std::exchange(all, {});
#ifdef __GLIBC__
  // It would stay with the arena of this thread, and the next tree grow in that of another.
  malloc_trim(0);
#endif
}

Result<Documents> read_documents(std::string_view text, std::string_view source_name, Syntax syntax,
                                 const Caps& caps) {
  const auto refuse = [source_name](const std::string& why) {
    return Error{Errc::invalid, std::string{source_name} + ": " + why};
  };
  if (text.size() > caps.bytes)
    return refuse("found " + std::to_string(text.size()) + " bytes, expected at most " +
                  std::to_string(caps.bytes));
  if (!is_text(text))
    return refuse("found a control character or broken UTF-8, expected plain text in UTF-8");
  const bool named_json = syntax == Syntax::json || source_name.ends_with(".json");
  const bool is_json = named_json || starts_like_json(text);
  Documents documents{text.size()};
  try {
    documents.all = read(text, is_json, !named_json, caps);
    return documents;
  } catch (const Refused& refused) {
    return refuse(refused.what());
  }
}

}  // namespace holdfast::tree
