// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "tests/proxmox/api_table.hpp"

namespace holdfast::standin {

using Privileges = std::set<std::string>;

// The least that Holdfast needs for the whole life of a guest, as drivers/proxmox documents it.
Privileges agent_role(Version version);
// Every privilege that `version` knows.
const Privileges& all_privileges(Version version);

struct Token {
  std::string id{};          // "agent@pve!t1"
  std::string secret{};      // the UUID behind the second '='
  bool is_separated = true;  // privsep: no more than both it and its user may
  std::optional<Time> expires{};
};

// Who asks, once that is known.
struct Caller {
  std::string user{};   // "agent@pve"
  std::string token{};  // "t1"
  std::string id() const { return user + "!" + token; }
};

// Users, tokens and what they may do where. root@pam may do everything, as may its tokens that
// are not separated; but no token is root@pam where the real one asks for that.
class Access {
 public:
  void add_token(Token token) { tokens_.push_back(std::move(token)); }
  // To a user ("agent@pve") or a token ("agent@pve!t1"). An entry on a longer path stands
  // instead of those above it.
  void grant(const std::string& subject, const std::string& path, Privileges privileges);
  void revoke(const std::string& subject, const std::string& path);

  // Nothing: 401. `authorization` is the header's value.
  std::optional<Caller> authenticate(const std::string& authorization, Time now) const;
  Privileges privileges(const Caller& caller, const std::string& path, Version version) const;
  // Paths that anything was granted on to the caller or its user.
  std::set<std::string> granted_paths(const Caller& caller) const;

 private:
  struct Entry {
    std::string subject{};
    std::string path{};
    Privileges privileges{};
  };
  Privileges of_subject(const std::string& subject, const std::string& path, Version version) const;

  std::vector<Token> tokens_{};
  std::vector<Entry> entries_{};
};

}  // namespace holdfast::standin
