// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "hub/data_dir.hpp"
#include "schema/hub_server_config.hpp"

namespace holdfast::hub {

struct HubOptions {
  DataDir data{};
  HubServerConfig config{};
  Logger log{};
  // Called after every look at the leases that succeeded.
  std::function<void()> on_look{};
};

// A hub at work: its HTTPS server, its watch over the leases, its deliveries. `clock` must
// outlive it.
class Hub {
 public:
  // Serves once this returns. Errors: of the folder, the database, the certificate, the address.
  static Result<std::unique_ptr<Hub>> start(HubOptions options, const Clock& clock);
  // Answers the polls that wait, ends what is under way, and closes the database.
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  std::uint16_t port() const;

 private:
  struct State;
  explicit Hub(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::hub
