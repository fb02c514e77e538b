// SPDX-License-Identifier: Apache-2.0
#include "imaging/bundle.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "imaging/archive.hpp"
#include "imaging/content.hpp"
#include "imaging/partial.hpp"
#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

constexpr const char* manifest_name = "image.json";

bool is_safe_name(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '+' || c == '-';
  };
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), allowed);
}

Result<void> check_files(const std::vector<BundleFile>& files) {
  std::set<std::string> names{manifest_name};
  for (const auto& file : files) {
    if (!is_safe_name(file.name))
      return Error{Errc::invalid, "\"" + file.name + "\" cannot be a file of a golden image"};
    if (!names.insert(file.name).second) return Error{Errc::invalid, file.name + " is named twice"};
    TRY(check_hash_form(file.sha256, file.name));
  }
  return ok();
}

Expected expectation(const std::string& where, const BundleFile& file) {
  return {where + "/" + file.name, file.size, file.sha256};
}

std::uint64_t total_size(const std::vector<BundleFile>& files) {
  std::uint64_t total = 0;
  for (const auto& file : files) total += file.size.value_or(0);
  return total;
}

Result<bool> is_directory(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return posix_error(errno, "open " + path);
  return S_ISDIR(info.st_mode);
}

// The whole of a small stream. Errc::invalid when it is not small.
Result<std::string> read_small(Reader& reader, const std::string& name) {
  std::string text;
  for (;;) {
    const auto chunk = TRY(reader.next());
    if (chunk.bytes.empty() && chunk.zeros == 0) return text;
    if (text.size() + chunk.bytes.size() + chunk.zeros > max_manifest_size)
      return Error{Errc::invalid, name + " is larger than 8 MiB"};
    text.append(reinterpret_cast<const char*>(chunk.bytes.data()), chunk.bytes.size());
    text.append(chunk.zeros, '\0');
  }
}

// Where the copies go: files of the partial folder, each durable once written.
class Destination {
 public:
  Destination(const PartialDirectory& folder, const Options& options, std::uint64_t total)
      : folder_{folder}, meter_{options, total} {}

  Result<void> write(Reader& reader, const std::string& name, const Expected& expected) {
    const auto path = folder_.path() + "/" + name;
    const UniqueFd file{::openat(folder_.fd(), name.c_str(),
                                 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644)};
    if (!file) return posix_error(errno, "create " + path);
    SparseWriter writer{file.get(), path};
    TRY(transfer(reader, &writer, expected, meter_));
    return writer.finish();
  }
  Meter& meter() { return meter_; }

 private:
  const PartialDirectory& folder_;
  Meter meter_;
};

// The manifest that the caller has read and approved, not what the bundle may say by now.
class TextReader final : public Reader {
 public:
  explicit TextReader(const std::string& text) : rest_{std::as_bytes(std::span{text})} {}
  Result<Chunk> next() override {
    const auto piece = rest_.first(std::min(rest_.size(), chunk_size));
    rest_ = rest_.subspan(piece.size());
    return Chunk{piece, 0};
  }

 private:
  std::span<const std::byte> rest_;
};

Result<void> copy_from_directory(const std::string& path, const std::vector<BundleFile>& files,
                                 Destination& destination) {
  const auto folder = TRY(open_directory(path));
  for (const auto& file : files) {
    auto opened = TRY(open_regular(folder.get(), file.name).context("in " + path));
    const auto reader = read_raw(std::move(opened), path + "/" + file.name);
    TRY(destination.write(*reader, file.name, expectation(path, file)));
  }
  return ok();
}

Result<void> copy_from_archive(const std::string& path, const std::vector<BundleFile>& files,
                               Destination& destination) {
  auto archive = TRY(Archive::open(path));
  std::set<std::string> missing;
  for (const auto& file : files) missing.insert(file.name);
  std::set<std::string> seen;
  // To the end even when nothing is missing: an unsafe entry refuses the archive as a whole.
  for (;;) {
    const auto name = TRY(archive.next_file(destination.meter()));
    if (name.empty()) break;
    if (!seen.insert(name).second) return Error{Errc::invalid, path + ": " + name + " twice"};
    const auto file = std::find_if(files.begin(), files.end(),
                                   [&name](const BundleFile& f) { return f.name == name; });
    if (file == files.end()) continue;
    if (file->size && archive.size() != *file->size)
      return Error{Errc::invalid, path + "/" + name + ": expected " + std::to_string(*file->size) +
                                      " bytes, found " + std::to_string(archive.size())};
    const auto reader = archive.content();
    TRY(destination.write(*reader, name, expectation(path, *file)));
    missing.erase(name);
  }
  if (missing.empty()) return ok();
  return Error{Errc::not_found, path + " has no file " + *missing.begin()};
}

}  // namespace

Result<std::string> read_manifest(const std::string& path) {
  if (TRY(is_directory(path))) {
    const auto folder = TRY(open_directory(path));
    auto file = TRY(open_regular(folder.get(), manifest_name).context("in " + path));
    const auto reader = read_raw(std::move(file), path + "/" + manifest_name);
    return read_small(*reader, path + "/" + manifest_name);
  }
  auto archive = TRY(Archive::open(path));
  const Options options;
  Meter meter{options, 0};
  archive.allow_passing_over();
  for (;;) {
    const auto name = TRY(archive.next_file(meter));
    if (name.empty()) return Error{Errc::not_found, path + " has no " + manifest_name};
    if (name == manifest_name) return read_small(*archive.content(), path + "/" + name);
  }
}

Result<void> import_files(const std::string& path, const Bundle& bundle,
                          const std::string& target_dir, const Options& options) {
  TRY(check_files(bundle.files));
  if (bundle.manifest.size() > max_manifest_size)
    return Error{Errc::invalid, path + ": image.json is larger than 8 MiB"};
  const bool from_directory = TRY(is_directory(path));
  auto folder = TRY(PartialDirectory::create(target_dir));
  const auto total = total_size(bundle.files) + bundle.manifest.size();
  Destination destination{folder, options, total};
  TextReader manifest{bundle.manifest};
  const Expected as_given{path + "/" + manifest_name, {}, {}};
  TRY(destination.write(manifest, manifest_name, as_given));
  TRY(from_directory ? copy_from_directory(path, bundle.files, destination)
                     : copy_from_archive(path, bundle.files, destination));
  TRY(folder.commit());
  if (options.on_progress) options.on_progress({total, total});
  return ok();
}

Result<void> verify_files(const std::string& dir, const std::vector<BundleFile>& files,
                          const Options& options) {
  TRY(check_files(files));
  const auto folder = TRY(open_directory(dir));
  const auto total = total_size(files);
  Meter meter{options, total};
  for (const auto& file : files) {
    auto opened = TRY(open_regular(folder.get(), file.name).context("in " + dir));
    const auto reader = read_raw(std::move(opened), dir + "/" + file.name);
    TRY(transfer(*reader, nullptr, expectation(dir, file), meter));
  }
  if (options.on_progress) options.on_progress({total, total});
  return ok();
}

}  // namespace holdfast::imaging
