// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "gate/permit.hpp"
#include "host/observed.hpp"
#include "schema/image.hpp"

namespace holdfast::host {

// Bytes of virtual size handled so far, and in all.
struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

// How a long transfer reports and is stopped. A stopped one answers Errc::unavailable
// within 100 ms and leaves nothing under the final name.
struct Transfer {
  std::function<void(const Progress&)> on_progress{};
  // One line for the log: how it is done, where that is worth knowing.
  std::function<void(std::string_view)> on_note{};
  std::stop_token stop{};
};

struct DiskFacts {
  Bytes size{};       // virtual
  Bytes allocated{};  // on the file system
};

// The files of a guest's first-boot configuration (cloud-init NoCloud).
struct Seed {
  std::string meta_data{};
  std::string user_data{};
  std::string vendor_data{};
  std::string network_config{};  // empty: left out
};

// Guest disks on this host's storage targets. Paths hold the guest's UUID, so that a
// file found under one belongs to that guest and no other. Thread-safe.
class DiskStore {
 public:
  virtual ~DiskStore() = default;
  // Where `disk` of `uuid` lives on `target`. Errc::invalid: no such target on this host.
  virtual Result<std::string> path_of(const std::string& target, const Uuid& uuid,
                                      const std::string& disk) const = 0;
  // Nothing under the final name until the content is verified and durable; starts
  // over when a former attempt died. Conflict: the path exists already.
  virtual Result<void> restore(const ImageRef& image, const std::string& image_disk,
                               const std::string& path, const Transfer& transfer) = 0;
  // A sparse file of zeros. Conflict: the path exists already.
  virtual Result<void> create_blank(const std::string& path, Bytes size) = 0;
  // Never shrinks: Errc::invalid when the disk is larger already.
  virtual Result<void> grow(const std::string& path, Bytes size) = 0;
  virtual Result<std::optional<DiskFacts>> find(const std::string& path) const = 0;
  // Writes the seed ISO (label "cidata"), replacing one of other content atomically.
  virtual Result<void> write_seed(const std::string& path, const Seed& seed) = 0;
  // Removes one disk or seed; absent already is success. Then its folder, if empty.
  virtual Result<void> remove(gate::Permit permit, const std::string& path) = 0;
};

// What is copied. The format is what the provider was told, never a guess from the content:
// a guest can write any header onto a raw disk of its own.
struct CopySource {
  std::string path{};
  std::string format{};  // "raw", or "qcow2" with all that it rests upon
};

// Copies of guest disks, beside DiskStore on the same targets. Thread-safe.
class DiskCopies {
 public:
  virtual ~DiskCopies() = default;
  // A raw disk of the first `size` bytes of the disk at `source`, with zeros after its end.
  // Nothing under `path` until it was read back, found equal and is durable; starts over
  // when a former attempt died. Nobody may write to `source` meanwhile; it stays as it is.
  // Conflict: `path` exists already. Invalid: another format.
  virtual Result<void> copy(const CopySource& source, const std::string& path, Bytes size,
                            const Transfer& transfer) = 0;
};

struct StoredImage {
  Image image{};
  std::string directory{};  // absolute; its files carry the names in `image`
};

// Golden images kept on this host. Thread-safe.
class ImageStore {
 public:
  virtual ~ImageStore() = default;
  virtual Result<std::optional<StoredImage>> find(const ImageRef& image) const = 0;
  virtual Result<std::vector<StoredImage>> list() const = 0;
  // From a directory or archive on this host. Conflict: that version is here with other content;
  // the same content again is success.
  virtual Result<StoredImage> import(const std::string& path, const Transfer& transfer) = 0;
  // Hashes of everything stored, against image.json.
  virtual Result<void> verify(const ImageRef& image, const Transfer& transfer) const = 0;
};

}  // namespace holdfast::host
