// SPDX-License-Identifier: Apache-2.0
#include "controller/signed_orders.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/catch.hpp"
#include "tests/sim/small_site.hpp"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

// A host whose operators' file has one key, with a journal of its own.
struct KeyedHost {
  KeyedHost() {
    std::ofstream{folder + "/operators"}
        << "anna ssh-ed25519 "
           "AAAAC3NzaC1lZDI1NTE5AAAAIHm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk\n";
    fs::permissions(folder + "/operators", fs::perms::owner_read | fs::perms::owner_write);
  }
  ~KeyedHost() { fs::remove_all(folder); }

  std::unique_ptr<SignedOrders> orders() {
    return std::make_unique<SignedOrders>(
        SignedOrdersParts{.journal = *journal,
                          .clock = site.clock,
                          .host = site.ports,
                          .host_id = std::string(32, 'a'),
                          .settings = {.operators = folder + "/operators",
                                       .signers = {},
                                       .requires_synchronized_clock = false,
                                       .owner = ::getuid()}});
  }
  std::optional<ConditionRecord> clock_condition() const {
    for (const ConditionRecord& condition : journal->conditions("host").value())
      if (condition.type == "ClockSound") return condition;
    return std::nullopt;
  }

  std::string pattern = (fs::temp_directory_path() / "holdfast-orders-XXXXXX").string();
  std::string folder = mkdtemp(pattern.data());
  sim::SmallSite site{};
  std::unique_ptr<Journal> journal{Journal::open({.path = folder + "/holdfast.db",
                                                  .writer = JournalOptions::Writer::inline_writer},
                                                 site.clock)
                                       .value()};
};

}  // namespace

TEST_CASE("signed orders: a clock that cannot judge jobs is told before there is one", "[jobs]") {
  KeyedHost host;
  const auto orders = host.orders();
  REQUIRE(orders->work_on_host());
  REQUIRE(host.clock_condition());
  CHECK(host.clock_condition()->status == ConditionStatus::yes);

  host.site.clock.jump_wall(-std::chrono::hours{2});
  const auto again = host.orders();
  REQUIRE(again->work_on_host());  // a time server may still be asked
  CHECK(host.clock_condition()->status == ConditionStatus::yes);
  host.site.clock.advance(std::chrono::minutes{11});
  REQUIRE(again->work_on_host());
  const auto told = host.clock_condition();
  CHECK(told->status == ConditionStatus::no);
  CHECK(told->reason == "SetBack");
  host.site.clock.advance(std::chrono::minutes{1});
  REQUIRE(again->work_on_host());
  CHECK(host.clock_condition()->changed == told->changed);  // said once
}

}  // namespace holdfast
