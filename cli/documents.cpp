// SPDX-License-Identifier: Apache-2.0
#include "cli/documents.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "schema/limits.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

Result<Document> read_stream(std::istream& in, const std::string& name) {
  Document document{name, {}};
  char buffer[65536];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    document.text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (document.text.size() > limits::document_bytes)
      return Error{Errc::invalid, name + ": larger than " +
                                      to_string(Bytes{limits::document_bytes}) +
                                      ", the most that is accepted"};
  }
  if (in.bad()) return Error{Errc::unavailable, name + ": cannot be read to its end"};
  return document;
}

Result<Document> read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) {
    const int error = errno;
    const Errc code = error == ENOENT   ? Errc::not_found
                      : error == EACCES ? Errc::denied
                                        : Errc::unavailable;
    return Error{code, path + ": " + std::strerror(error)};
  }
  return read_stream(file, path);
}

bool is_resource_file(const fs::path& path) {
  const auto extension = path.extension();
  return path.filename().string().front() != '.' &&
         (extension == ".yaml" || extension == ".yml" || extension == ".json");
}

Result<std::vector<std::string>> files_in(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator at{directory, error}, end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (is_resource_file(at->path()) && at->is_regular_file(ignored))
      files.push_back(at->path().string());
  }
  if (error) return Error{Errc::unavailable, directory + ": " + error.message()};
  if (files.empty())
    return Error{Errc::invalid, directory + ": found no .yaml, .yml or .json file in it"};
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Result<std::vector<Document>> read_documents(const std::vector<std::string>& paths,
                                             std::istream& in) {
  std::vector<Document> documents;
  for (const auto& path : paths) {
    std::error_code ignored;
    if (path == "-") {
      documents.push_back(TRY(read_stream(in, "standard input")));
    } else if (fs::is_directory(path, ignored)) {
      for (const auto& file : TRY(files_in(path))) documents.push_back(TRY(read_file(file)));
    } else {
      auto document = read_file(path);
      if (!document && document.error().code() == Errc::not_found)
        return Error{Errc::not_found, document.error().message() +
                                          "; name a file, a folder of them, or - for standard "
                                          "input"};
      documents.push_back(TRY(std::move(document)));
    }
  }
  return documents;
}

Result<std::string> read_text(const std::string& path, std::istream& in) {
  return TRY(path == "-" ? read_stream(in, "standard input") : read_file(path)).text;
}

std::string join(const std::vector<Document>& documents) {
  if (documents.size() == 1) return documents.front().text;
  std::string text;
  for (const auto& document : documents) {
    text += "---\n" + document.text;
    if (!text.empty() && text.back() != '\n') text += '\n';
  }
  return text;
}

}  // namespace holdfast::cli
