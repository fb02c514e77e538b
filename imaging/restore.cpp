// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "imaging/content_job.hpp"
#include "imaging/disk_target.hpp"
#include "imaging/image.hpp"
#include "imaging/opened_image.hpp"
#include "imaging/partial.hpp"
#include "imaging/posix.hpp"
#include "imaging/room.hpp"
#include "imaging/unpack_qcow2.hpp"

namespace holdfast::imaging {
namespace {

// With less than this to gain, reading back what is there is not worth the trouble.
constexpr std::uint64_t least_to_resume = 32 * 1024 * 1024;  // bytes

void note(const Options& options, const std::string& text) {
  if (options.on_note) options.on_note(text);
}

std::string in_mib(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

// Says which image a partial file is of. A process that was killed may still have writes under
// way for a moment: of the same image they do no harm, so only that one goes on.
constexpr const char* root_attribute = "user.holdfast.root";

bool mark(const PartialFile& partial, const Source& source) {
  const auto& root = source.tree->root;
  return ::fsetxattr(partial.fd(), root_attribute, root.data(), root.size(), 0) == 0;
}

bool is_marked(const PartialFile& partial, const Source& source) {
  Sha256 root{};
  return ::fgetxattr(partial.fd(), root_attribute, root.data(), root.size()) ==
             static_cast<ssize_t>(root.size()) &&
         root == source.tree->root;
}

// A reading of the file itself, for what it holds by now.
Result<std::vector<char>> find_present(const OpenedImage& image, const PartialFile& partial,
                                       const Options& options) {
  const auto& source = image.source();
  const auto piece_size = static_cast<std::uint32_t>(source.tree->frame_size);
  const auto layout = raw_layout(DataMap{partial.fd(), partial.path(), source.virtual_size},
                                 source.virtual_size, piece_size, {});
  const auto reader = TRY(reopen(partial.fd(), O_RDONLY));
  PresenceJob job{*source.tree, *layout, source.virtual_size};
  Route route;
  route.source = reader.get();
  route.source_path = partial.path();
  route.files = {reader.get()};
  route.disk_size = source.virtual_size;
  route.piece_size = piece_size;
  Options quiet = options;
  quiet.on_progress = {};
  TRY(run(job, route, quiet));
  return job.present();
}

// Makes holes of everything that is not present.
Result<void> clear_others(const PartialFile& partial, const Source& source,
                          const std::vector<char>& present) {
  DataMap map{partial.fd(), partial.path(), source.virtual_size};
  const auto frame_size = source.tree->frame_size;
  for (std::uint64_t at = 0;;) {
    const auto data = TRY(map.after(at));
    if (!data) return ok();
    auto frame = std::max(at, data->start) / frame_size;
    for (; frame * frame_size < data->end; ++frame) {
      if (present[frame] != 0) continue;
      if (::fallocate(partial.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(frame * frame_size), static_cast<off_t>(frame_size)) != 0)
        return posix_error(errno, "make a hole in " + partial.path());
    }
    at = std::max(data->end, frame * frame_size);
  }
}

std::uint64_t bytes_of(const std::vector<char>& present, const Source& source) {
  std::uint64_t bytes = 0;
  for (std::size_t frame = 0; frame < present.size(); ++frame)
    if (present[frame] != 0)
      bytes +=
          std::min(source.tree->frame_size, source.virtual_size - frame * source.tree->frame_size);
  return bytes;
}

// What a killed restore left and is right, by frame of the tree; an error says why it is not
// worth going on from.
Result<std::vector<char>> resume(const OpenedImage& image, const PartialFile& partial,
                                 const Options& options) {
  const auto& source = image.source();
  const auto too_little = [](const std::string& why) { return Error{Errc::not_found, why}; };
  if (!is_marked(partial, source)) return too_little("what is there is not of this image");
  if (::ftruncate(partial.fd(), static_cast<off_t>(source.virtual_size)) != 0)
    return posix_error(errno, "set the size of " + partial.path());
  const auto data = TRY(count_data(partial.fd(), partial.path()));
  if (data < least_to_resume) return too_little("a killed restore left only " + in_mib(data));
  auto present = TRY(find_present(image, partial, options));
  const auto bytes = bytes_of(present, source);
  if (bytes == 0) return too_little("nothing of the " + in_mib(data) + " there is right");
  TRY(clear_others(partial, source, present));
  note(options, partial.path() + ": going on from a killed restore: " + in_mib(bytes) +
                    " are there and right");
  return present;
}

struct Beginning {
  PartialFile partial;
  std::vector<char> present{};  // frames that are there already; empty: none
};

Result<Beginning> begin(const OpenedImage& image, const std::string& target,
                        const Options& options) {
  const auto& source = image.source();
  // qemu-img takes nothing over.
  if (!source.tree || source.format == Format::qcow2)
    return Beginning{TRY(PartialFile::create(target))};
  auto partial = TRY(PartialFile::adopt_or_create(target));
  if (partial.is_adopted()) {
    auto present = resume(image, partial, options);
    if (present) return Beginning{std::move(partial), std::move(*present)};
    if (options.stop.stop_requested()) {
      if (options.keeps_partial) partial.keep();
      return std::move(present).error();
    }
    note(options, partial.path() + ": starting over: " + present.error().message());
    partial.keep();
    partial = TRY(PartialFile::create(target));
  }
  static_cast<void>(mark(partial, source));  // without it a killed restore starts over
  return Beginning{std::move(partial)};
}

// The image's own blocks, where its filesystem can share them. What is shared is still read
// and checked.
Result<bool> cloned(const OpenedImage& image, const PartialFile& partial, const Options& options) {
  const auto& source = image.source();
  if (source.format != Format::raw || ::ioctl(partial.fd(), FICLONE, image.fd()) != 0) return false;
  const auto promise = promise_of(source);
  if (promise.tree == nullptr && promise.sha256.empty()) return true;
  auto reading = reading_of(image, {.tree = promise.tree}, options);
  auto route = route_of(image, reading, nullptr);
  const auto reader = TRY(reopen(partial.fd(), O_RDONLY));
  route.source = reader.get();
  route.files = {reader.get()};
  reading.layout = raw_layout(DataMap{partial.fd(), source.path, source.virtual_size},
                              source.virtual_size, reading.piece_size, {.tree = promise.tree});
  ContentJob job{promise, reading.layout.get()};
  TRY(run(job, route, options));
  return true;
}

Result<Restored> fill(const OpenedImage& image, const Beginning& beginning,
                      const Options& options) {
  const auto& [partial, present] = beginning;
  const auto& source = image.source();
  Restored restored;
  restored.virtual_size = source.virtual_size;
  if (present.empty() && TRY(cloned(image, partial, options))) {
    restored.is_clone = true;
    restored.data_bytes = TRY(count_data(partial.fd(), partial.path()));
    TRY(sync_file(partial.fd(), partial.path()));
    return restored;
  }
  TRY(check_room(image, present, partial.fd(), partial.path(), options));
  restored.kept_bytes = bytes_of(present, source);
  const Skips skips{tree_of(source), present.empty() ? nullptr : &present, true};
  const auto reading = reading_of(image, skips, options);
  auto target =
      TRY(DiskTarget::open(partial.fd(), partial.path(), source.virtual_size, reading.is_aligned));
  const auto promise = promise_of(source);
  ContentJob job{promise, reading.layout.get()};
  job.pass_over(skips.present);
  auto route = route_of(image, reading, &target);
  const auto files = target.files();
  route.files.insert(route.files.end(), files.begin(), files.end());
  TRY(run(job, route, options));
  TRY(target.finish());
  restored.data_bytes = job.data_bytes();
  return restored;
}

Result<Restored> fill_from_qcow2(const OpenedImage& image, const PartialFile& partial,
                                 const Options& options) {
  Restored restored;
  restored.virtual_size = image.source().virtual_size;
  restored.data_bytes = TRY(unpack_qcow2(image, partial.fd(), options));
  return restored;
}

}  // namespace

Result<Restored> restore(const Source& source, const std::string& target, const Options& options) {
  const auto image = TRY(OpenedImage::open(source));
  auto beginning = TRY(begin(image, target, options));
  auto& partial = beginning.partial;
  auto restored = source.format == Format::qcow2 ? fill_from_qcow2(image, partial, options)
                                                 : fill(image, beginning, options);
  if (options.stop.stop_requested()) {
    if (options.keeps_partial) partial.keep();
    return Error{Errc::unavailable, "interrupted"};
  }
  // A source that changed explains everything else.
  TRY(image.check_unchanged());
  TRY(restored);
  ::fremovexattr(partial.fd(), root_attribute);
  TRY(partial.commit());
  if (options.on_progress) options.on_progress({source.virtual_size, source.virtual_size});
  return restored;
}

}  // namespace holdfast::imaging
