// SPDX-License-Identifier: Apache-2.0
#include "imaging/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t max_entries = 1024;
// Room for notes and signatures beside the disks; more would let a small archive keep us
// busy with content that nobody asked for.
constexpr std::uint64_t max_passed_over = 64 * 1024 * 1024;

// "./a/b" and "a/b/" as "a/b". Empty for the top folder itself.
std::string normalized(std::string name) {
  while (name.rfind("./", 0) == 0) name.erase(0, 2);
  while (!name.empty() && name.back() == '/') name.pop_back();
  return name == "." ? "" : name;
}

bool leaves_archive(const std::string& name) {
  if (!name.empty() && name.front() == '/') return true;
  for (std::size_t start = 0; start <= name.size();) {
    const auto end = std::min(name.find('/', start), name.size());
    if (name.compare(start, end - start, "..") == 0) return true;
    start = end + 1;
  }
  return false;
}

}  // namespace

struct Archive::Source {
  UniqueFd file{};
  std::string path{};
  std::uint64_t offset = 0;
  std::optional<Error> error{};
  std::vector<std::byte> buffer = std::vector<std::byte>(block_size);

  static la_ssize_t read(archive* raw, void* self, const void** bytes) {
    auto& source = *static_cast<Source*>(self);
    auto n = read_at(source.file.get(), source.offset, source.buffer, source.path);
    if (!n) {
      source.error = std::move(n).error();
      archive_set_error(raw, EIO, "%s", source.error->message().c_str());
      return -1;
    }
    source.offset += *n;
    *bytes = source.buffer.data();
    return static_cast<la_ssize_t>(*n);
  }
};

class Archive::EntryReader final : public Reader {
 public:
  explicit EntryReader(Archive& owner) : owner_{owner} {}

  Result<Chunk> next() override {
    std::size_t filled = 0;
    while (filled < chunk_.size()) {
      const auto n =
          archive_read_data(owner_.raw_.get(), chunk_.data() + filled, chunk_.size() - filled);
      if (n < 0) return owner_.failure("read");
      if (n == 0) {
        owner_.unread_ = false;
        break;
      }
      filled += static_cast<std::size_t>(n);
    }
    return Chunk{std::span{chunk_}.first(filled), 0};
  }

 private:
  Archive& owner_;
  std::vector<std::byte> chunk_ = std::vector<std::byte>(chunk_size);
};

void Archive::Close::operator()(archive* raw) const noexcept { archive_read_free(raw); }

Archive::Archive(std::string path) : path_{std::move(path)} {}
Archive::Archive(Archive&&) noexcept = default;
Archive& Archive::operator=(Archive&&) noexcept = default;
Archive::~Archive() = default;

Result<Archive> Archive::open(const std::string& path) {
  Archive opened{path};
  opened.source_ = std::make_unique<Source>();
  opened.source_->file = TRY(open_regular(AT_FDCWD, path));
  opened.source_->path = path;
  opened.raw_.reset(archive_read_new());
  auto* raw = opened.raw_.get();
  if (raw == nullptr) return Error{Errc::exhausted, "open " + path + ": no memory"};
  archive_read_support_format_tar(raw);
  archive_read_support_filter_gzip(raw);
  archive_read_support_filter_zstd(raw);
  if (archive_read_open(raw, opened.source_.get(), nullptr, Source::read, nullptr) != ARCHIVE_OK)
    return opened.failure("open");
  return opened;
}

// The damage is the archive's unless the file below could not be read.
Error Archive::failure(const std::string& doing) const {
  if (source_->error) return *source_->error;
  if (archive_format(raw_.get()) == 0)
    return {Errc::invalid, path_ +
                               " is no image: neither a folder with an image.json nor a tar "
                               "archive of one (plain, gzip or zstd)"};
  const char* why = archive_error_string(raw_.get());
  return {Errc::invalid,
          doing + " archive " + path_ + ": damaged: " + (why != nullptr ? why : "unknown error")};
}

Result<void> Archive::pass_over(Meter& meter) {
  if (!unread_) return ok();
  EntryReader rest{*this};
  for (;;) {
    TRY(meter.advance(0));
    const auto chunk = TRY(rest.next());
    if (chunk.bytes.empty()) return ok();
    passed_over_ += chunk.bytes.size();
    if (passing_over_is_capped_ && passed_over_ > max_passed_over)
      return Error{Errc::invalid, path_ + ": holds more than " +
                                      std::to_string(max_passed_over >> 20) +
                                      " MiB that image.json does not name"};
  }
}

// The name within the bundle's folder, of a file that is allowed to be there.
Result<std::string> Archive::check_entry(const std::string& name) {
  const auto slash = name.find('/');
  const auto folder = slash == std::string::npos ? "" : name.substr(0, slash);
  if (name.find('/', slash == std::string::npos ? slash : slash + 1) != std::string::npos ||
      (has_folder_ && folder != folder_))
    return Error{Errc::invalid, path_ + ": " + name + ": files must lie together in one folder"};
  folder_ = folder;
  has_folder_ = true;
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

Result<std::string> Archive::next_file(Meter& meter) {
  for (;;) {
    TRY(pass_over(meter));
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(raw_.get(), &entry);
    if (status == ARCHIVE_EOF) return std::string{};
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return failure("read");
    if (++entries_ > max_entries)
      return Error{Errc::invalid,
                   path_ + ": more than " + std::to_string(max_entries) + " entries"};
    const std::string name = TRY(name_of(entry));
    if (archive_entry_filetype(entry) == AE_IFDIR) continue;
    size_ = static_cast<std::uint64_t>(archive_entry_size(entry));
    unread_ = true;
    return check_entry(name);
  }
}

// Of a file or a folder within the archive; anything else is refused.
Result<std::string> Archive::name_of(archive_entry* entry) const {
  const char* raw_name = archive_entry_pathname(entry);
  if (raw_name == nullptr) return Error{Errc::invalid, path_ + ": an entry without a name"};
  if (leaves_archive(raw_name))
    return Error{Errc::invalid, path_ + ": refused: " + raw_name + " leaves the archive"};
  std::string name = normalized(raw_name);
  const auto type = archive_entry_filetype(entry);
  const bool is_link =
      archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr;
  if (type != AE_IFDIR && (type != AE_IFREG || is_link))
    return Error{Errc::invalid,
                 path_ + ": refused: " + name + " is a link or a device, not a file"};
  return name;
}

std::unique_ptr<Reader> Archive::content() { return std::make_unique<EntryReader>(*this); }

}  // namespace holdfast::imaging
