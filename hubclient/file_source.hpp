// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "hubclient/desired_source.hpp"

namespace holdfast {

// Desired state from a directory: either one file with a HostDesiredState envelope, or
// any number of files with loose resources (*.yaml, *.yml, *.json; hidden ones, editor
// leftovers and other names are skipped). The embedded default for a host without a hub.
//
// A directory that is missing or empty, and a file that cannot be read or parsed, is an
// error for the whole: none of them says that something is no longer wanted.
// Not thread-safe; one caller.
class FileSource final : public DesiredSource {
 public:
  FileSource(std::string directory, const Clock& clock);

  Result<std::optional<Fetched>> fetch() override;
  std::string describe() const override { return "directory " + directory_; }

  // Writes each resource to the file that holds it already, or to a new one named
  // KIND-NAME.yaml, atomically and durably. Returns the paths written. Conflict: a
  // resource stands in a file together with others, or the directory holds an envelope.
  Result<std::vector<std::string>> apply(const Resources& resources);

 private:
  struct File {
    std::string name{};
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    auto operator<=>(const File&) const = default;
  };
  Result<std::vector<File>> list() const;
  Result<std::string> read(const std::string& name) const;
  struct Known;
  Result<std::vector<Known>> known_files() const;
  Result<std::string> file_for(std::string_view kind, const std::string& name,
                               const std::vector<Known>& known) const;
  Result<Fetched> parse(const std::vector<File>& files) const;

  std::string directory_;
  const Clock& clock_;
  std::optional<std::vector<File>> seen_{};
};

}  // namespace holdfast
