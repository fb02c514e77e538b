// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "schema/limits.hpp"

// Private to schema/.
namespace holdfast {

using Json = nlohmann::json;

// What is wrong with one resource, each with its JSON pointer. Reading goes on after a
// problem, so that a person sees up to ten of them at once.
class Problems {
 public:
  // strict: what people write. peer: messages between a host and its hub, which may be of
  // another version: unknown fields are ignored. tolerant: reports from another version of
  // ourselves, where missing ones keep their default too.
  enum class Reading { strict, peer, tolerant };

  explicit Problems(Reading reading = Reading::strict, std::string pointer = {})
      : reading_{reading}, pointer_{std::move(pointer)} {}

  bool refuses_unknown() const { return reading_ == Reading::strict; }
  bool wants_all() const { return reading_ != Reading::tolerant; }
  bool empty() const { return sentences_.empty() && left_out_ == 0; }

  // `/spec/memory: found "2Gb", expected a quantity like 2Gi or 512Mi`
  void expected(const Json& found, std::string_view expectation);
  // `/spec/memory: <sentence>`
  void add(std::string_view sentence);
  // All of them in one sentence, behind `where` ("acme.yaml: document 2").
  Error error(std::string_view where) const;

  // Whether problems were found since.
  class Count {
   public:
    explicit Count(const Problems& problems) : problems_{problems}, before_{problems.total()} {}
    bool grew() const { return problems_.total() > before_; }

   private:
    const Problems& problems_;
    std::size_t before_;
  };

  // Everything reported while a Step lives is inside `key` (or list item `index`).
  class Step {
   public:
    Step(Problems& problems, std::string_view key);
    Step(Problems& problems, std::size_t index);
    ~Step() { problems_.pointer_.resize(length_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    Step(Step&&) = delete;
    Step& operator=(Step&&) = delete;

   private:
    Problems& problems_;
    std::size_t length_;
  };

 private:
  std::size_t total() const { return sentences_.size() + left_out_; }

  Reading reading_;
  std::string pointer_;
  std::vector<std::string> sentences_{};
  std::size_t left_out_ = 0;
};

// A value as a person would name it: `"2Gb"`, `1.5`, `null`, `a list`.
std::string describe(const Json& value);

// The candidate that `word` is most likely a slip of, empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace holdfast
