// SPDX-License-Identifier: Apache-2.0
#include "controller/required_file.hpp"

#include <utility>

#include "hubclient/durable_file.hpp"

namespace holdfast {

Result<std::string> read_required_file(const std::string& path) {
  constexpr std::size_t most = 1024 * 1024;
  auto content = TRY(read_file(path, most));
  if (!content) return Error{Errc::not_found, path + " does not exist"};
  return std::move(*content);
}

}  // namespace holdfast
