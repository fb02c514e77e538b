// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"
#include "cli/render.hpp"

namespace holdfast::cli {

Result<Exit> ticket_list(const Invocation& invocation) {
  GetOptions options;
  options.kind = "tickets";
  return get(invocation, options);
}

Result<Exit> ticket_show(const Invocation& invocation, const std::string& id, bool is_job_only) {
  const auto ticket = TRY(invocation.daemon().ticket(id));
  if (is_job_only) {  // byte for byte: this is what gets signed
    invocation.environment().out << ticket.job << std::flush;
    return Exit::done;
  }
  TRY(invocation.show(to_json(ticket), [&] {
    return describe_ticket(ticket, invocation.now(), invocation.style()) + ways_to_sign(ticket);
  }));
  return Exit::done;
}

}  // namespace holdfast::cli
