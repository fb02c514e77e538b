// SPDX-License-Identifier: Apache-2.0
#include "base/posix_error.hpp"

#include <cerrno>
#include <system_error>

namespace holdfast {
namespace {

Errc code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return Errc::not_found;
    case EEXIST:
    case ENOTEMPTY: return Errc::conflict;
    case EACCES:
    case EPERM:
    case EROFS: return Errc::denied;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM: return Errc::exhausted;
    case ELOOP:
    case EISDIR:
    case EFBIG:
    case ENAMETOOLONG: return Errc::invalid;
    default: return Errc::unavailable;
  }
}

}  // namespace

Error posix_error(int error, const std::string& doing) {
  return {code_of(error), doing + ": " + std::system_category().message(error)};
}

}  // namespace holdfast
