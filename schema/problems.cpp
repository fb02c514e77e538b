// SPDX-License-Identifier: Apache-2.0
#include "schema/problems.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "schema/tree.hpp"

namespace holdfast {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Letters that must be changed, added or left out (Levenshtein), ignoring case.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

Problems::Step::Step(Problems& problems, std::string_view key)
    : problems_{problems}, length_{problems.pointer_.size()} {
  problems_.pointer_ += tree::pointer_step(key);
}

Problems::Step::Step(Problems& problems, std::size_t index)
    : problems_{problems}, length_{problems.pointer_.size()} {
  problems_.pointer_ += "/" + std::to_string(index);
}

void Problems::expected(const Json& found, std::string_view expectation) {
  add("found " + describe(found) + ", expected " + std::string{expectation});
}

void Problems::add(std::string_view sentence) {
  if (sentences_.size() >= limits::problems_per_resource) {
    ++left_out_;
    return;
  }
  sentences_.push_back((pointer_.empty() ? "" : pointer_ + ": ") + std::string{sentence});
}

Error Problems::error(std::string_view where) const {
  std::string text{where};
  for (std::size_t i = 0; i < sentences_.size(); ++i) {
    if (!text.empty()) text += i == 0 ? ": " : "; ";
    text += sentences_[i];
  }
  if (left_out_ > 0) text += "; and " + std::to_string(left_out_) + " more";
  return {Errc::invalid, std::move(text)};
}

std::string describe(const Json& value) {
  if (value.is_object()) return "a mapping";
  if (value.is_array()) return "a list";
  auto text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() <= 60) return text;
  std::size_t end = 57;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return text.substr(0, end) + (value.is_string() ? "...\"" : "...");
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > 40) return {};
  std::string best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    if (distance < least && distance < candidate.size()) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace holdfast
