// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "hub/records.hpp"
#include "hub/store.hpp"
#include "schema/hub_server_config.hpp"

namespace holdfast::hub {

// Where a hub keeps everything: hub.yaml, hub.db, ca.pem, ca.key, server.pem, server.key.
// Whoever can read it is the hub.
struct DataDir {
  std::string path{};

  std::string file(const std::string& name) const { return path + "/" + name; }
  std::string database() const { return file("hub.db"); }
};

struct InitOptions {
  std::vector<std::string> names{};  // by which hosts reach the hub; the first goes into URLs
  std::uint16_t port = 8443;         // for operator.json and hub.yaml
};

// Makes the folder (mode 0700), the CA, the hub's certificate, an empty database and the first
// operator's key, which operator.json holds. Errc::conflict when a hub is there already;
// everything else is left as it is then.
Result<void> init(const DataDir& data, const InitOptions& options, Time now);

// Keeps a second hub off the same folder; Errc::conflict while one runs.
Result<UniqueFd> lock(const DataDir& data);

// Errc::not_found with what to do, when the folder holds no hub.
Result<HubServerConfig> read_config(const DataDir& data);
Result<std::string> read_file(const std::string& path);

// A new key for an operator: the file that its `holdfast` reads, {"url", "key", "ca"}.
// Errc::conflict: the name is taken.
Result<std::string> add_operator(const DataDir& data, Store& store, const std::string& name,
                                 Role role, Time now);

// A new certificate and key for the hub, under other names, signed by the CA it has. Enrolled
// hosts go on; tokens that were not used yet do not.
Result<void> reissue(const DataDir& data, const std::vector<std::string>& names, Time now);

}  // namespace holdfast::hub
