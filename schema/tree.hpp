// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.hpp"
#include "schema/limits.hpp"

// Private to schema/: from text to a tree of values, under caps.
namespace holdfast::tree {

using Json = nlohmann::json;

enum class Syntax { detect, json };

struct Caps {
  std::size_t bytes = limits::document_bytes;
  std::size_t depth = limits::depth;
  std::size_t nodes = limits::nodes;
};

// A text this large waits until no other one is a tree any more: as many as come at once, one
// tree is what they take, ten times a text's size at the worst.
inline constexpr std::size_t large_text = std::size_t{1} << 20U;

// The documents of one text, and until it is gone the turn of its thread at large ones, which
// must not read another meanwhile. Their memory goes back to the system at its end.
class Documents {
 public:
  explicit Documents(std::size_t text_bytes);
  ~Documents();
  Documents(Documents&&) noexcept = default;
  Documents& operator=(Documents&&) = delete;
  Documents(const Documents&) = delete;
  Documents& operator=(const Documents&) = delete;

  std::vector<Json> all{};
  bool empty() const { return all.empty(); }
  std::size_t size() const { return all.size(); }
  const Json& front() const { return all.front(); }

 private:
  std::unique_lock<std::mutex> turn_{};
};

// The documents of a JSON or YAML text, in order. JSON when the name ends in .json or the
// text reads as JSON; YAML 1.2 with the core schema otherwise. Both refuse duplicate keys,
// control characters and whatever is over the caps; YAML also anchors, aliases, tags and keys
// that are not text. An empty document is null. Errors start with `source_name`.
Result<Documents> read_documents(std::string_view text, std::string_view source_name,
                                 Syntax syntax = Syntax::detect, const Caps& caps = {});

// Stops a parse from inside its callbacks; never leaves this folder's .cpp files.
class Refused : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Puts a stream of parse events together and enforces what JSON and YAML have in common.
// Throws Refused.
class Builder {
 public:
  explicit Builder(const Caps& caps) : caps_{caps} {}

  void scalar(Json value);
  void start(Json::value_t container);  // object or array
  void key(std::string text);
  void end();
  // The finished document; the builder is ready for the next one.
  Json take();
  // JSON pointer of what is being read.
  std::string pointer() const;
  // How deep the reader is inside a mapping that waits for a key.
  bool wants_key() const;

 private:
  struct Frame {
    Json value{};
    std::string key{};
    bool has_key = false;
  };
  [[noreturn]] void refuse(const std::string& what) const;
  void count();
  void check_text(const std::string& text) const;
  void attach(Json value);

  Caps caps_;
  std::vector<Frame> stack_{};
  Json root_{};
  std::size_t nodes_ = 0;
};

// YAML 1.2 core schema: what an unquoted scalar means. A string when nothing else.
// Throws Refused when a number cannot be held.
Json resolve_plain(const std::string& text);

Json read_json(std::string_view text, const Caps& caps);
std::vector<Json> read_yaml(const std::string& text, const Caps& caps);

// One step of a JSON pointer, escaped (RFC 6901).
std::string pointer_step(std::string_view key);

}  // namespace holdfast::tree
