// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/properties.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/catch.hpp"
#include "tests/signing/forge.hpp"

namespace holdfast {
namespace {

std::vector<std::string> corpus() {
  std::vector<std::string> texts;
  for (const auto& entry : std::filesystem::directory_iterator{HOLDFAST_CORPUS}) {
    std::ifstream in{entry.path(), std::ios::binary};
    texts.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
  }
  return texts;
}

}  // namespace

TEST_CASE("signing: the corpus and its mutations keep the verifier's properties",
          "[signing][fuzz]") {
  auto texts = corpus();
  for (const auto type : {signing::KeyType::ed25519, signing::KeyType::sk_ed25519}) {
    forge::Recipe recipe;
    recipe.message = "{}\n";
    texts.push_back(forge::blob(forge::Pair{0, type}, recipe));
  }
  std::mt19937 random{7};
  for (int i = 0; i < 4000; ++i) {
    std::string text = texts[random() % texts.size()];
    if (text.size() > 9000) continue;
    for (auto edits = i < 100 ? 0 : 1 + random() % 4; edits > 0; --edits) {
      const auto at = random() % (text.size() + 1);
      switch (random() % 3) {
        case 0: text.insert(at, 1, static_cast<char>(random() % 256)); break;
        case 1: text.erase(at, 1 + random() % 8); break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(random() % 256);
      }
    }
    CAPTURE(text);
    REQUIRE(broken_property_of_signature(text).empty());
    REQUIRE(broken_property_of_operators(text).empty());
  }
}

}  // namespace holdfast
