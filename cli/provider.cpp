// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/commands.hpp"
#include "cli/render.hpp"

namespace holdfast::cli {

Result<Exit> provider_check(const Invocation& invocation) {
  const ProviderReport report = TRY(invocation.daemon().provider());
  TRY(invocation.show(to_json(report), [&] {
    return printable(report.provider) + " at " + printable(report.address) + "\n" +
           provider_table(report).render(invocation.style());
  }));
  const bool is_fine = std::all_of(report.checks.begin(), report.checks.end(),
                                   [](const ProviderCheck& check) { return check.is_fine; });
  return is_fine ? Exit::done : Exit::differs;
}

}  // namespace holdfast::cli
