// SPDX-License-Identifier: Apache-2.0
#include "tests/catch.hpp"
#include "tests/drivers/proxmox/engine_on_proxmox.hpp"

// Workers of Proxmox that die, again and again: what they were to do is begun again as any other
// failure is tried again, and not for ever.
using namespace holdfast;
using namespace holdfast::test;

namespace {

// A guest runs, and its disk is to grow; each worker that is to do it dies.
struct DyingWorkers : EngineOnProxmox {
  explicit DyingWorkers(Duration each) {
    site.add_image();
    Resources resources;
    resources.guests.push_back(tenant("acme"));
    want(resources);
    run_for(std::chrono::minutes{5});
    resources.guests.front().spec.root_disk.size = gibibytes(3);
    site.stand_in.tasks().durations["resize"] = each;
    standin::Fault fault;
    fault.kind = standin::Fault::Kind::task_dies_early;
    fault.path = "/resize";
    fault.times = -1;
    site.stand_in.add_fault(fault);
    site.stand_in.before = [this](std::uint64_t, const http::Request& request) {
      if (request.path.find("/resize") != std::string::npos)
        begun.push_back(site.stand_in.clock().elapsed());
    };
    want(resources);
  }
  std::vector<Duration> begun{};
};

}  // namespace

TEST_CASE("proxmox tasks: work whose worker is killed is begun again after the usual pauses",
          "[proxmox]") {
  // One that ends while the call waits for it, and one that is polled for.
  const Duration each = GENERATE(Duration{1'000}, Duration{40'000});
  DyingWorkers host{each};
  host.run_for(std::chrono::hours{5});
  REQUIRE(host.begun.size() == 28);
  std::vector<Duration> pauses;
  for (std::size_t i = 1; i < host.begun.size(); ++i)
    pauses.push_back(host.begun[i] - host.begun[i - 1] - each);
  // From 30 s on the look at the whole host takes it up, as it does with all that failed.
  const std::vector<Duration> least{Duration{4'000}, Duration{8'000}, Duration{16'000}};
  for (std::size_t i = 0; i < pauses.size(); ++i) {
    CAPTURE(i, pauses[i].count());
    CHECK(pauses[i] >= (i < least.size() ? least[i] : Duration{29'000}));
    CHECK(pauses[i] <= (i < least.size() ? least[i] * 3 / 2 : Duration{360'000}) + Duration{2'000});
  }
  const auto recent = host.journal->recent("guest/acme", 1).value();
  REQUIRE(recent.size() == 1);
  CHECK(recent.front().state == OperationState::stuck);
  CHECK(recent.front().cause.find("unexpected status") != std::string::npos);
}

TEST_CASE("proxmox tasks: work that a killed worker had done all the same is not done twice",
          "[proxmox]") {
  DyingWorkers host{Duration{40'000}};
  host.site.stand_in.clear_faults();
  standin::Fault fault;
  fault.kind = standin::Fault::Kind::task_dies_late;
  fault.path = "/resize";
  host.site.stand_in.add_fault(fault);
  host.run_for(std::chrono::hours{1});
  CHECK(host.begun.size() == 1);
  CHECK(host.journal->recent("guest/acme", 1).value().front().state == OperationState::succeeded);
}
