// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <thread>

#include "hubclient/https_hub.hpp"
#include "schema/desired_state.hpp"
#include "schema/hub_report.hpp"
#include "tests/hub/hub_fixture.hpp"

namespace holdfast::hub {
namespace {

using namespace std::chrono_literals;

// A host's own code, enrolled at a real hub.
struct RealHost {
  explicit RealHost(const TestHub& hub)
      : key{must(EnrolmentKey::create(folder.path() + "/enrolment.key"))},
        id{host_id_of(key.public_key())} {
    const auto answer = hub.operator_caller().ask("POST", "/v1/enroll-tokens");
    const auto token = must(parse_hub_report<EnrollTokenReport>(answer.body)).token;
    const std::string url = "https://127.0.0.1:" + std::to_string(hub.port());
    access = must(enroll({url, token, id, "site-7", "0.2.0"}, key, {}));
    channel = must(HttpsHub::open(access, id));
  }
  Folder folder{};
  EnrolmentKey key;
  std::string id;
  HubAccess access{};
  std::unique_ptr<HttpsHub> channel{};
};

TEST_CASE("hub and host: the host's own code enrols by token and pin, beats and syncs",
          "[hub][hubclient]") {
  const TestHub hub;
  RealHost host{hub};
  CHECK(host.access.ca == hub.ca());
  const std::string session(32, '1');
  CHECK(host.channel->beat({.session = session, .sequence = 1}, {}));
  const auto replay = host.channel->beat({.session = session, .sequence = 1}, {});
  REQUIRE_FALSE(replay);
  CHECK(replay.error().code() == Errc::conflict);

  const auto first = must(host.channel->sync({.session = session, .sequence = 1}, 0ms, {}));
  CHECK(first.desired.empty());
  auto operators = hub.operator_caller();
  const std::string guest =
      "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: acme}\nspec:\n"
      "  image: {name: tiny, version: 1.0.0}\n  memory: 1Gi\n  rootDisk: {size: 1Gi}\n";
  int edited = 0;
  std::thread editing{
      [&] { edited = operators.ask("POST", "/v1/hosts/site-7/desired", guest).status; }};
  const auto news = must(host.channel->sync({.session = session, .sequence = 2}, 50s, {}));
  editing.join();
  CHECK(edited == 200);
  const auto state = must(parse_desired_state(news.desired, "hub"));
  CHECK(state.host_id == host.id);
  CHECK(state.generation == 1);
  REQUIRE(state.guests.size() == 1);
  CHECK(state.guests[0].name == "acme");
}

TEST_CASE("hub and host: another hub's token, or a spent one, enrols nobody", "[hub][hubclient]") {
  const TestHub hub;
  const TestHub impostor;
  const Folder folder;
  const auto key = must(EnrolmentKey::create(folder.path() + "/enrolment.key"));
  const auto id = host_id_of(key.public_key());
  const auto answer = hub.operator_caller().ask("POST", "/v1/enroll-tokens");
  const auto token = must(parse_hub_report<EnrollTokenReport>(answer.body)).token;
  const auto at = [&](const TestHub& where) {
    return enroll({"https://127.0.0.1:" + std::to_string(where.port()), token, id, "h", "1"}, key,
                  {});
  };
  const auto pinned = at(impostor);
  REQUIRE_FALSE(pinned);
  CHECK(pinned.error().code() == Errc::denied);
  CHECK(at(hub));
  const auto again = at(hub);
  REQUIRE_FALSE(again);
  CHECK(again.error().message().find("TokenSpent") != std::string::npos);
}

}  // namespace
}  // namespace holdfast::hub
