// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace holdfast::cli {

// A text and where it came from, for messages.
struct Document {
  std::string name{};
  std::string text{};
};

// What `-f` named: a file, a directory (its *.yaml, *.yml and *.json, sorted by name; not
// deeper) or "-" for `in`. Errc::not_found, denied, invalid (too large, an empty directory).
Result<std::vector<Document>> read_documents(const std::vector<std::string>& paths,
                                             std::istream& in);
// One file, or "-" for `in`. Errors as above.
Result<std::string> read_text(const std::string& path, std::istream& in);
// All of them as one YAML stream, for the daemon.
std::string join(const std::vector<Document>& documents);

}  // namespace holdfast::cli
