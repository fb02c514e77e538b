// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.hpp"
#include "signing/key_set.hpp"

namespace holdfast::signing {

// The operators' keys as they are on disk now.
struct Operators {
  std::string text{};
  std::string digest{};  // "sha256:..." of the text
  ParsedKeySet parsed{};
};

// The trust root: a file in allowed_signers form that only its owner (root) can write, and that
// nobody else can put another in the place of. Read anew at each use, so that an edit by hand
// counts at once and a key that was taken out counts for nothing from then on. Thread-safe.
class OperatorsFile {
 public:
  // `owner`: who must own the file and the folders it is in; root but in tests.
  explicit OperatorsFile(std::string path, uid_t owner = 0)
      : path_{std::move(path)}, owner_{owner} {}

  // Errc::not_found: there is none. Errc::denied: others could have written it; the message
  // names the path and the command that helps. Errc::invalid: it cannot be a key set as a
  // whole. Lines that are wrong do not fail it.
  Result<Operators> read() const;

  // Puts `text` in its place, whole or not at all, and durable when this returns; mode 0644,
  // owned by who runs this. Errc::conflict unless the file's digest is `replaces`, empty for
  // no file at all.
  Result<void> replace(const std::string& text, const std::string& replaces) const;

  const std::string& path() const { return path_; }

 private:
  Result<void> check_folders() const;
  std::string path_;
  uid_t owner_;
};

}  // namespace holdfast::signing
