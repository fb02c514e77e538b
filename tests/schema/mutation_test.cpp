// SPDX-License-Identifier: Apache-2.0
// The fuzz targets' properties over their corpus and some thousands of mutations of it, the
// same ones every time.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "schema/desired_state.hpp"
#include "tests/catch.hpp"
#include "tests/fuzz/properties.hpp"
#include "tests/schema/documents.hpp"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> corpus() {
  std::vector<fs::path> paths;
  for (const auto* const folder : {"/examples", "/tests/fuzz/corpus"})
    for (const auto& entry :
         fs::recursive_directory_iterator{HOLDFAST_SOURCE_DIR + std::string{folder}})
      if (entry.is_regular_file()) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const auto& path : paths) texts.push_back(read_text(path));
  return texts;
}

std::string broken_property(const std::string& text) {
  for (auto* const property :
       {broken_property_of_desired_state, broken_property_of_resources, broken_property_of_quantity,
        broken_property_of_job, broken_property_of_hub_message})
    if (auto broken = property(text); !broken.empty()) return broken;
  return {};
}

// Small edits that keep most of a document, and tokens the parsers give a meaning to.
class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& texts) : texts_{texts} {}

  std::string next() {
    std::string text = texts_[below(texts_.size())];
    for (auto edits = 1 + below(4); edits > 0; --edits) edit(text);
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : engine_() % bound; }

  void edit(std::string& text) {
    static const std::vector<std::string> tokens{"0",
                                                 "-1",
                                                 "1e3",
                                                 "2Gi",
                                                 "null",
                                                 "~",
                                                 "true",
                                                 "\"",
                                                 "'",
                                                 "{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 ":",
                                                 ",",
                                                 "\n",
                                                 "---\n",
                                                 "- ",
                                                 "  ",
                                                 "&a",
                                                 "*a",
                                                 "!b",
                                                 "|\n",
                                                 "\\u0041",
                                                 "#",
                                                 "?",
                                                 "%",
                                                 "yes",
                                                 "auto",
                                                 "root",
                                                 "\t",
                                                 "\r",
                                                 "\xc3\xa4",
                                                 "\x04",
                                                 "\xff",
                                                 "Guest",
                                                 "99999999999999999999",
                                                 ".inf",
                                                 "<<",
                                                 "0x7f",
                                                 "HostConfig",
                                                 "1s",
                                                 "\\ud83d",
                                                 "\\ude00"};
    const auto at = below(text.size() + 1);
    const auto length = below(24);
    switch (below(6)) {
      case 0: text.erase(at, length); break;
      case 1: text.insert(at, tokens[below(tokens.size())]); break;
      case 2: text.replace(at, below(3), tokens[below(tokens.size())]); break;
      case 3: text.insert(at, text.substr(below(text.size() + 1), length)); break;
      case 4: text.resize(at); break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
    }
  }

  const std::vector<std::string>& texts_;
  std::mt19937 engine_{20261122};
};

}  // namespace

TEST_CASE("any text: the corpus keeps the parser's properties", "[schema][fuzz]") {
  const auto texts = corpus();
  REQUIRE(texts.size() > 20);
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK(broken_property(text).empty());
  }
}

TEST_CASE("any text: mutations keep the parser's properties", "[schema][fuzz]") {
  const auto texts = corpus();
  Mutator mutator{texts};
  // A fixed number of fixed mutations; the clock only bounds a build with sanitizers.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  int tried = 0;
  int accepted = 0;
  for (; tried < 6000 && std::chrono::steady_clock::now() < deadline; ++tried) {
    const auto text = mutator.next();
    if (parse_file(text, "mutation")) ++accepted;
    const auto broken = broken_property(text);
    if (broken.empty()) continue;
    CAPTURE(tried, text);
    FAIL_CHECK(broken);
  }
  // Mutations that are all refused would prove nothing about what is accepted.
  CHECK(accepted * 100 > tried);
}

}  // namespace holdfast
