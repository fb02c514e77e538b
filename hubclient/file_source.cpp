// SPDX-License-Identifier: Apache-2.0
#include "hubclient/file_source.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <variant>

#include "base/handle.hpp"
#include "base/posix_error.hpp"
#include "base/unique_fd.hpp"
#include "hubclient/durable_file.hpp"
#include "schema/limits.hpp"

namespace holdfast {
namespace {

using DirectoryHandle = Handle<DIR, closedir>;

// A file younger than this may still be being written by something that does not rename.
constexpr Duration settle_time{200};
constexpr std::size_t max_files = 4096;

bool is_resource_file(const std::string& name) {
  if (name.empty() || name.front() == '.' || name.front() == '#') return false;
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

std::int64_t nanoseconds(const timespec& t) { return t.tv_sec * 1'000'000'000LL + t.tv_nsec; }

bool holds(const Resources& resources, std::string_view kind, std::string_view name) {
  const auto named = [&](const auto& list) {
    return std::any_of(list.begin(), list.end(), [&](const auto& r) { return r.name == name; });
  };
  if (kind == "Guest" && named(resources.guests)) return true;
  if (kind == "Image" && named(resources.images)) return true;
  if (kind == "HostConfig" && resources.host_config && resources.host_config->name == name)
    return true;
  return std::any_of(resources.rejected.begin(), resources.rejected.end(),
                     [&](const auto& r) { return r.kind == kind && r.name == name; });
}

std::size_t count(const Resources& r) {
  return r.guests.size() + r.images.size() + r.rejected.size() + (r.host_config ? 1 : 0);
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

struct NewText {
  std::string kind{};
  std::string name{};
  std::string yaml{};
};

std::vector<NewText> texts_of(const Resources& resources) {
  std::vector<NewText> texts;
  for (const Guest& guest : resources.guests)
    texts.push_back({"Guest", guest.name, to_yaml(guest)});
  for (const Image& image : resources.images)
    texts.push_back({"Image", image.name, to_yaml(image)});
  if (resources.host_config)
    texts.push_back({"HostConfig", resources.host_config->name, to_yaml(*resources.host_config)});
  return texts;
}

}  // namespace

// What one file says, as far as it can be read at all.
struct FileSource::Known {
  std::string file{};
  Resources content{};
};

FileSource::FileSource(std::string directory, const Clock& clock)
    : directory_{std::move(directory)}, clock_{clock} {}

Result<std::vector<FileSource::File>> FileSource::list() const {
  const DirectoryHandle folder{::opendir(directory_.c_str())};
  if (!folder)
    return Error{Errc::unavailable, "desired state directory " + directory_ + ": " +
                                        std::strerror(errno) +
                                        "; the last accepted state stays in force"};
  std::vector<File> files;
  errno = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name{static_cast<const char*>(entry->d_name)};
    if (!is_resource_file(name)) continue;
    if (files.size() == max_files)
      return Error{Errc::invalid, directory_ + ": more than " + std::to_string(max_files) +
                                      " resource files; put several resources into one file"};
    struct stat info {};
    const std::string path = directory_ + "/" + name;
    if (::stat(path.c_str(), &info) != 0) return posix_error(errno, "read " + path);
    if (!S_ISREG(info.st_mode)) return Error{Errc::invalid, path + ": not a regular file"};
    files.push_back(
        {name, info.st_ino, info.st_size, nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)});
    errno = 0;
  }
  if (errno != 0) return posix_error(errno, "list " + directory_);
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::string> FileSource::read(const std::string& name) const {
  const std::string path = directory_ + "/" + name;
  auto content = TRY(read_file(path, limits::document_bytes));
  if (!content) return Error{Errc::not_found, "read " + path + ": it is gone"};
  return std::move(*content);
}

Result<Fetched> FileSource::parse(const std::vector<File>& files) const {
  if (files.empty())
    return Error{Errc::invalid,
                 directory_ +
                     ": no resource files (*.yaml, *.yml, *.json); an empty directory is "
                     "not taken to mean that nothing is wanted"};
  std::vector<Resources> parts;
  for (const File& file : files) {
    const std::string text = TRY(read(file.name));
    auto content = TRY(parse_file(text, directory_ + "/" + file.name));
    if (auto* envelope = std::get_if<HostDesiredState>(&content)) {
      if (files.size() != 1)
        return Error{Errc::invalid, directory_ + "/" + file.name +
                                        ": a HostDesiredState must be the only file; found " +
                                        std::to_string(files.size()) + " resource files"};
      return Fetched{std::move(*envelope), true};
    }
    parts.push_back(std::move(std::get<Resources>(content)));
  }
  return Fetched{with_envelope(TRY(merge(std::move(parts))), "", 0, clock_.now()), false};
}

Result<std::optional<Fetched>> FileSource::fetch() {
  auto files = list();
  if (!files) {
    seen_.reset();
    return std::move(files).error();
  }
  if (seen_ && *seen_ == *files) return std::optional<Fetched>{};
  const auto now_ns = std::chrono::nanoseconds{clock_.now().time_since_epoch()}.count();
  const std::int64_t young_ns = std::chrono::nanoseconds{settle_time}.count();
  // Our clock is cut to the millisecond, so "just now" may lie ahead of it; a time stamp far
  // ahead is a clock that was set back, and must not keep the file unread for ever.
  const auto is_young = [&](std::int64_t changed_ns) {
    return std::abs(now_ns - changed_ns) < young_ns;
  };
  for (const File& file : *files)
    if (is_young(std::max(file.modified_ns, file.changed_ns)))
      return Error{Errc::conflict, directory_ + "/" + file.name + ": being written right now"};
  // Files removed one after the other are one edit; only the directory tells of them.
  struct stat folder {};
  if (::stat(directory_.c_str(), &folder) != 0) return posix_error(errno, "read " + directory_);
  if (is_young(nanoseconds(folder.st_mtim)))
    return Error{Errc::conflict, directory_ + ": being changed right now"};
  auto fetched = parse(*files);
  // Read again what was listed: a file replaced meanwhile makes this reading a mixture.
  const auto after = list();
  if (!after || *after != *files)
    return Error{Errc::conflict, directory_ + ": changed while it was read"};
  seen_ = std::move(*files);
  if (!fetched) return std::move(fetched).error();
  return std::optional<Fetched>{std::move(*fetched)};
}

// Where a resource is to be written: the file that holds it, and nothing else.
Result<std::string> FileSource::file_for(std::string_view kind, const std::string& name,
                                         const std::vector<Known>& known) const {
  std::string target = lower(std::string{kind}) + "-" + name + ".yaml";
  for (const Known& file : known) {
    if (!holds(file.content, kind, name)) continue;
    if (count(file.content) != 1)
      return Error{Errc::conflict, std::string{kind} + " " + name + " stands in " + directory_ +
                                       "/" + file.file + " together with others; edit that file"};
    target = file.file;
  }
  return target;
}

Result<std::vector<std::string>> FileSource::apply(const Resources& resources) {
  if (!resources.rejected.empty()) return resources.rejected.front().error;
  const auto known = TRY(known_files());
  struct Write {
    std::string path{};
    std::string yaml{};
  };
  std::vector<Write> writes;
  for (NewText& text : texts_of(resources)) {
    const std::string file = TRY(file_for(text.kind, text.name, known));
    writes.push_back({directory_ + "/" + file, std::move(text.yaml)});
  }
  std::vector<std::string> paths;
  paths.reserve(writes.size());
  for (const Write& write : writes) {
    TRY(replace_file(write.path, write.yaml, 0644));
    paths.push_back(write.path);
  }
  return paths;
}

Result<std::vector<FileSource::Known>> FileSource::known_files() const {
  std::vector<Known> known;
  for (const File& file : TRY(list())) {
    const std::string text = TRY(read(file.name));
    auto content = parse_file(text, directory_ + "/" + file.name);
    if (!content) continue;  // a broken file may be what is being repaired
    if (std::holds_alternative<HostDesiredState>(*content))
      return Error{Errc::conflict, directory_ + "/" + file.name +
                                       " holds a whole HostDesiredState; edit that file instead"};
    known.push_back({file.name, std::get<Resources>(std::move(*content))});
  }
  return known;
}

}  // namespace holdfast
