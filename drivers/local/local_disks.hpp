// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include "host/storage.hpp"

namespace holdfast::local {

// Guest disks as raw files, TARGET/UUID/DISK.raw, on directories that the host's owner
// named as storage targets. Nothing outside of TARGET/UUID is ever created or removed,
// and a target's directory must exist: a missing mount is an error, not a new folder.
// Thread-safe.
class LocalDisks final : public host::DiskStore, public host::DiskCopies {
 public:
  // `bandwidth`: bytes a second, for each restore or copy.
  LocalDisks(std::map<std::string, std::string> targets, const host::ImageStore& images,
             std::optional<Bytes> bandwidth = {})
      : targets_{std::move(targets)}, images_{images}, bandwidth_{bandwidth} {}

  Result<std::string> path_of(const std::string& target, const Uuid& uuid,
                              const std::string& disk) const override;
  Result<void> restore(const ImageRef& image, const std::string& image_disk,
                       const std::string& path, const host::Transfer& transfer) override;
  Result<void> create_blank(const std::string& path, Bytes size) override;
  Result<void> grow(const std::string& path, Bytes size) override;
  Result<std::optional<host::DiskFacts>> find(const std::string& path) const override;
  Result<void> write_seed(const std::string& path, const host::Seed& seed) override;
  Result<void> remove(gate::Permit permit, const std::string& path) override;
  Result<void> copy(const host::CopySource& source, const std::string& path, Bytes size,
                    const host::Transfer& transfer) override;

 private:
  // The guest whose folder `path` lies in; Errc::denied for any other path.
  Result<Uuid> owner_of(const std::string& path) const;
  Result<void> make_folder(const std::string& path) const;

  std::map<std::string, std::string> targets_;
  const host::ImageStore& images_;
  std::optional<Bytes> bandwidth_;
};

}  // namespace holdfast::local
