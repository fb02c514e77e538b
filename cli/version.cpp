// SPDX-License-Identifier: Apache-2.0
#include "cli/version.hpp"

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"

namespace holdfast::cli {

std::string_view program_version() { return HOLDFAST_VERSION; }

Result<Exit> version(const Invocation& invocation) {
  const auto host = invocation.daemon().status();
  const std::string daemon = host ? host->version : "";
  const nlohmann::json json{{"holdfast", program_version()}, {"holdfastd", daemon}};
  TRY(invocation.show(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), [&] {
    return "holdfast " + std::string{program_version()} + "\n" +
           (host ? "holdfastd " + printable(daemon) + "\n" : "holdfastd not reachable\n");
  }));
  return Exit::done;
}

}  // namespace holdfast::cli
