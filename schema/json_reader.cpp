// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "schema/tree.hpp"

namespace holdfast::tree {
namespace {

// nlohmann's streaming interface: it neither recurses nor keeps what a Builder refuses.
class Events final : public nlohmann::json_sax<Json> {
 public:
  Events(std::string_view text, const Caps& caps) : text_{text}, builder_{caps} {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& text) override {
    // An integer beyond 64 bits arrives here, already rounded.
    if (text.find_first_of(".eE") == std::string::npos)
      throw Refused{"document 1: " + builder_.pointer() + ": found " + text.substr(0, 40) +
                    ", expected a number of at most 64 bits"};
    return add(value);
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return start(Json::value_t::object); }
  bool start_array(std::size_t) override { return start(Json::value_t::array); }
  bool key(string_t& text) override {
    builder_.key(std::move(text));
    return true;
  }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception&) override {
    const auto before = text_.substr(0, std::min(position, text_.size()));
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    throw Refused{"line " + std::to_string(line) + ": not JSON: found " +
                  Json(token.substr(0, 40)).dump(-1, ' ', false, Json::error_handler_t::replace)};
  }

  Json take() { return builder_.take(); }

 private:
  template <class Value>
  bool add(Value&& value) {
    builder_.scalar(Json(std::forward<Value>(value)));
    return true;
  }
  bool start(Json::value_t container) {
    builder_.start(container);
    return true;
  }
  bool end() {
    builder_.end();
    return true;
  }

  std::string_view text_;
  Builder builder_;
};

}  // namespace

Json read_json(std::string_view text, const Caps& caps) {
  Events events{text, caps};
  Json::sax_parse(text, &events);
  return events.take();
}

}  // namespace holdfast::tree
