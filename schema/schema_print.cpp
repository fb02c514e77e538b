// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <string>

#include "schema/json_schema.hpp"

// Writes the published JSON Schemas into the directory it is given: the build target
// `schema_update`. A test compares the files with what this would write.
int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: schema_print DIRECTORY\n";
    return 2;
  }
  for (const auto& kind : holdfast::json_schema_kinds()) {
    std::string file = kind;
    std::transform(file.begin(), file.end(), file.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::ofstream out{std::string{argv[1]} + "/" + file + ".schema.json"};
    out << holdfast::json_schema(kind).value();
    if (!out.flush()) return 2;
  }
  return 0;
}
