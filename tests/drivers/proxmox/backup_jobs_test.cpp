// SPDX-License-Identifier: Apache-2.0
#include "tests/drivers/proxmox/backup_life.hpp"

using namespace holdfast;
using namespace holdfast::test;
using standin::GuestKind;

namespace {

void check_requests(BackupLife& life) {
  for (const auto& violation : life.host.site.stand_in.violations())
    FAIL_CHECK(standin::to_string(violation));
}

}  // namespace

TEST_CASE("proxmox backup jobs: backed up, restored as another, restored over", "[proxmox]") {
  const auto kind = GENERATE(GuestKind::lxc, GuestKind::qemu);
  const auto version = GENERATE(standin::Version::v8_4, standin::Version::v9_1);
  CAPTURE(standin::to_string(kind), standin::to_string(version));
  BackupLife life{kind, version};
  life.host.site.keep_to_pool();
  life.host.boot();
  const bool has_bulk = kind == GuestKind::qemu;
  REQUIRE(life.be_born(has_bulk));
  REQUIRE(life.back_up());
  INFO(life.job(life.backup_job).message);
  REQUIRE(life.job(life.backup_job).state == JobState::done);
  REQUIRE(life.archives().size() == 1);
  CHECK_FALSE(life.archives().front()->is_protected);
  life.write("root", "tuesday root");
  life.write("db", "tuesday db");
  if (has_bulk) life.write("media", "more media");

  REQUIRE(life.restore());
  INFO(life.job(life.restore_job).message);
  REQUIRE(life.job(life.restore_job).state == JobState::done);
  CHECK(life.content("copy", "root") == "monday root");
  CHECK(life.content("copy", "db") == "monday db");
  CHECK(life.content("acme", "root") == "tuesday root");
  const standin::Guest* copy = life.host.at_host("copy");
  REQUIRE(copy != nullptr);
  CHECK(copy->power == standin::PowerState::stopped);
  CHECK(copy->pool == "holdfast");
  CHECK(copy->config.at("net0").find("link_down=1") != std::string::npos);
  CHECK(life.host.condition("copy", "Blocked").reason == "NeedsSignature");

  const int vmid = life.host.at_host("acme")->vmid;
  REQUIRE(life.restore_over());
  INFO(life.job(life.over_job).message);
  REQUIRE(life.job(life.over_job).state == JobState::done);
  const standin::Guest* acme = life.host.at_host("acme");
  REQUIRE(acme != nullptr);
  CHECK(acme->vmid == vmid);
  CHECK(acme->power == standin::PowerState::running);
  CHECK(life.content("acme", "root") == "monday root");
  CHECK(life.content("acme", "db") == "monday db");
  if (has_bulk) CHECK(life.content("acme", "media") == "more media");
  CHECK(life.host.identity("acme")->incarnation == Incarnation{2});
  CHECK(life.host.condition("acme", "Ready").status == ConditionStatus::yes);
  CHECK(life.archives().size() == 2);
  const std::string before = life.archive_labelled("before-" + life.over_job);
  REQUIRE_FALSE(before.empty());
  CHECK(life.host.world().find_volume(before)->is_protected);
  CHECK(life.host.world().find_volume(before)->archive->contents.at(life.key("root")) ==
        "tuesday root");
  check_requests(life);
}

TEST_CASE("proxmox backup jobs: a container's bulk volume stands in the way of a restore over it",
          "[proxmox][safety]") {
  BackupLife life{GuestKind::lxc};
  REQUIRE(life.be_born(true));
  REQUIRE(life.back_up());
  life.write("root", "tuesday root");
  REQUIRE(life.restore_over());
  const auto refused = life.job(life.over_job);
  CHECK(refused.state == JobState::refused);
  CHECK(refused.code == "WouldLose");
  CHECK(refused.message.find("volume media (mp1)") != std::string::npos);
  CHECK(life.content("acme", "root") == "tuesday root");
  CHECK(life.content("acme", "media") == "all media");
  CHECK(life.archives().size() == 1);
  // As a new guest it can be had, without that volume.
  REQUIRE(life.restore());
  CHECK(life.content("copy", "root") == "monday root");
  CHECK(life.content("copy", "media") == "(none)");
  check_requests(life);
}

TEST_CASE("proxmox backup jobs: what fails before the restore leaves the guest as it was",
          "[proxmox]") {
  BackupLife life{GENERATE(GuestKind::lxc, GuestKind::qemu)};
  REQUIRE(life.be_born(false));
  REQUIRE(life.back_up());
  life.write("root", "tuesday root");
  // The backup of what is there, or the restore itself as it begins.
  const std::string restores = life.is_container() ? "/nodes/pve1/lxc" : "/nodes/pve1/qemu";
  const std::string failing = GENERATE(true, false) ? "/vzdump" : restores;
  auto& stand_in = life.host.site.stand_in;
  stand_in.before = [&](std::uint64_t call, const http::Request& request) {
    if (request.method == "POST" && request.path.ends_with(failing))
      stand_in.add_fault({.kind = standin::Fault::Kind::task_fails,
                          .call = call,
                          .text = "no space left on device"});
  };
  life.restore_over();
  const auto failed = life.job(life.over_job);
  CHECK(failed.state == JobState::failed);
  CHECK(failed.message.find("no space left") != std::string::npos);
  // What it was is in the backup labelled so, whatever became of the restore.
  CHECK(life.archive_labelled("before-" + life.over_job).empty() == (failing != restores));
  CHECK(life.content("acme", "root") == "tuesday root");
  CHECK(life.host.at_host("acme")->power == standin::PowerState::running);
  CHECK(life.host.identity("acme")->incarnation == Incarnation{1});
}
