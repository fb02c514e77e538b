// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "host/observed.hpp"
#include "journal/records.hpp"
#include "reconcilers/guest/keeping.hpp"

namespace holdfast {

// What `holdfast recover` would write, shown before it is done.
struct Recovery {
  std::vector<Provenance> rows{};        // to be written as they are
  std::vector<std::string> sentences{};  // one for each row, and for each guest left alone
  std::set<std::string> claimed{};       // names that guests here have, or say they have
};

// Pure. Rows for guests that carry this host's marker and that `known` does not have.
// A guest whose marker cannot be read back whole, or that disputes a name, is left alone
// and said so. Recovered guests bear data, whatever their marker claims.
Recovery plan_recovery(const host::Inventory& inventory, const std::vector<Provenance>& known,
                       const std::string& host_id, const Moment& now);

}  // namespace holdfast
