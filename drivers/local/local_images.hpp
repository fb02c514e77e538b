// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "host/storage.hpp"

namespace holdfast::local {

// Golden images in a directory, DIR/NAME/VERSION/image.json with the files it names.
// An image is there whole or not at all: imports are renamed into place. Thread-safe.
class LocalImages final : public host::ImageStore {
 public:
  // `bandwidth`: bytes a second, for each import or check.
  explicit LocalImages(std::string directory, std::optional<Bytes> bandwidth = {})
      : directory_{std::move(directory)}, bandwidth_{bandwidth} {}

  Result<std::optional<host::StoredImage>> find(const ImageRef& image) const override;
  Result<std::vector<host::StoredImage>> list() const override;
  Result<host::StoredImage> import(const std::string& path,
                                   const host::Transfer& transfer) override;
  Result<void> verify(const ImageRef& ref, const host::Transfer& transfer) const override;

 private:
  std::string directory_;
  std::optional<Bytes> bandwidth_;
};

}  // namespace holdfast::local
