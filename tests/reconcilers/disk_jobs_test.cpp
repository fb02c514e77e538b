// SPDX-License-Identifier: Apache-2.0
#include "tests/reconcilers/guest_site.hpp"
#include "tests/sim/invariants.hpp"

using namespace holdfast;
using namespace holdfast::test;
using gate::Verb;
using host::PowerState;

namespace {

const Duration day = std::chrono::hours{24};

// Guest acme with volume db, running, its customer's data on both disks; a second target
// and a second image are there.
struct DiskSite : GuestSite {
  GuestIdentity born{};
  std::set<sim::Token> root_data{};
  std::set<sim::Token> db_data{};

  DiskSite() {
    world.targets["nvme"] = sim::SimTarget{"/sim/nvme"};
    world.add_image({"debian-12", "2"}, gibibytes(4));
    want(small("acme"));
    born = identity("acme");
    world.write_customer_data(born.uuid);
    root_data = world.data_on(path("root"));
    db_data = world.data_on(path("db"));
  }
  gate::Authority order(Verb verb, const std::string& object) {
    const auto authority = sign(verb, identity("acme"), object);
    give(authority, "acme");
    settle("acme");
    return authority;
  }
  const host::Disk* disk(const std::string& name) {
    for (const host::Disk& disk : domain("acme").configured.disks)
      if (disk.name == name) return &disk;
    return nullptr;
  }
  std::string path(const std::string& name) {
    const host::Disk* found = disk(name);
    return found == nullptr ? std::string{} : found->path;
  }
  void wish(const std::function<void(GuestSpec&)>& edit) {
    Guest guest = small("acme");
    edit(guest.spec);
    want(guest);
  }
  void check_sound() {
    CHECK(sim::broken_now(world) == sim::Breaches{});
    CHECK(sim::broken_at_rest(world, *journal) == sim::Breaches{});
    CHECK(guests.plan("acme").value().in_sync());
  }
};

}  // namespace

TEST_CASE_METHOD(DiskSite, "reimage: a new root disk and incarnation, the old root set aside",
                 "[job][disk]") {
  wish([](GuestSpec& spec) { spec.image.version = "2"; });
  const std::string old_root = path("root");
  const auto authority = order(Verb::replace_image, "debian-12/2");
  CHECK(job(authority).state == JobState::done);
  const sim::SimDomain& now = domain("acme");
  CHECK(now.uuid == born.uuid);
  CHECK(now.power == PowerState::running);
  CHECK(now.marker->incarnation == Incarnation{2});
  CHECK(now.marker->image == "debian-12/2");
  CHECK(path("root") != old_root);
  CHECK(world.files.at(path("root")).content == "image debian-12/2 root");
  CHECK(path("db") == born.find_disk("db")->path);
  CHECK(world.data_on(path("db")) == db_data);
  CHECK(world.data_on(old_root) == root_data);  // kept
  CHECK(identity("acme").incarnation == Incarnation{2});
  CHECK(journal->provenance(born.uuid).value()->incarnation == Incarnation{2});
  check_sound();

  host.advance(6 * day);
  settle("acme");
  CHECK(world.files.count(old_root) == 1);
  host.advance(2 * day);
  settle("acme");
  CHECK(world.files.count(old_root) == 0);
  CHECK(identity("acme").aside.empty());
  check_sound();
}

TEST_CASE_METHOD(DiskSite, "reimage: only to the image that is wanted, and that is here",
                 "[job][disk]") {
  CHECK(job(order(Verb::replace_image, "debian-12/2")).code == "NotDesired");
  wish([](GuestSpec& spec) { spec.image.version = "3"; });
  CHECK(job(order(Verb::replace_image, "debian-12/3")).code == "ImageMissing");
  CHECK(domain("acme").stops_by_us == 0);
  CHECK(world.data_on(path("root")) == root_data);
}

TEST_CASE_METHOD(DiskSite, "reimage: an order waits a minute for the generation that wants it",
                 "[job][disk]") {
  const auto early = sign(Verb::replace_image, identity("acme"), "debian-12/2");
  give(early, "acme");
  const auto other = sign(Verb::remove_volume, identity("acme"), "nothing");
  give(other, "acme");
  auto requeue = guests.reconcile("acme");
  REQUIRE(requeue);
  REQUIRE(requeue->delay);
  CHECK(*requeue->delay <= std::chrono::seconds{60});
  CHECK(job(early).state == JobState::accepted);
  CHECK(job(other).code == "NoDisk");  // it holds up no other order
  CHECK_FALSE(is_in_sync());           // and is looked at again

  host.advance(std::chrono::seconds{30});
  wish([](GuestSpec& spec) { spec.image.version = "2"; });
  CHECK(job(early).state == JobState::done);
  CHECK(domain("acme").marker->image == "debian-12/2");
  check_sound();
}

TEST_CASE_METHOD(DiskSite, "reimage: an image that cannot be read leaves the guest as it was",
                 "[job][disk]") {
  world.image({"debian-12", "2"})->is_corrupt = true;
  wish([](GuestSpec& spec) { spec.image.version = "2"; });
  const auto authority = order(Verb::replace_image, "debian-12/2");
  CHECK(job(authority).state == JobState::failed);
  CHECK(job(authority).message.find("SHA-256") != std::string::npos);
  CHECK(domain("acme").power == PowerState::running);
  CHECK(domain("acme").marker->incarnation == Incarnation{1});
  CHECK(world.data_on(path("root")) == root_data);
  CHECK(world.files.size() == 3);  // nothing half-made was left
  CHECK(sim::broken_at_rest(world, *journal) == sim::Breaches{});
}

TEST_CASE_METHOD(DiskSite, "shrink: a shorter copy takes the disk's place, the disk is set aside",
                 "[job][disk]") {
  const std::string old_db = path("db");
  const Bytes before = world.files.at(old_db).size;
  const Bytes after{before.value / 2};
  wish([&](GuestSpec& spec) { spec.volumes[0].size = after; });
  const auto authority = order(Verb::shrink_disk, "db " + to_string(after));
  CHECK(job(authority).state == JobState::done);
  CHECK(path("db") != old_db);
  CHECK(world.files.at(path("db")).size == after);
  CHECK(world.data_on(path("db")) == db_data);
  CHECK(world.files.at(old_db).size == before);
  CHECK(domain("acme").power == PowerState::running);
  check_sound();
  host.advance(8 * day);
  settle("acme");
  CHECK(world.files.count(old_db) == 0);
  check_sound();
}

TEST_CASE_METHOD(DiskSite, "shrink: to no smaller size, or of no disk, is refused", "[job][disk]") {
  CHECK(job(order(Verb::shrink_disk, "db 1Ti")).code == "BadOrder");
  CHECK(job(order(Verb::shrink_disk, "db small")).code == "BadOrder");
  CHECK(job(order(Verb::shrink_disk, "db")).code == "BadOrder");
  CHECK(job(order(Verb::shrink_disk, "none 1Gi")).code == "NoDisk");
  CHECK(domain("acme").stops_by_us == 0);
}

TEST_CASE_METHOD(DiskSite, "remove volume: it is taken out, set aside and freed after seven days",
                 "[job][disk]") {
  const std::string old_db = path("db");
  wish([](GuestSpec& spec) { spec.volumes.clear(); });
  const auto authority = order(Verb::remove_volume, "db");
  CHECK(job(authority).state == JobState::done);
  CHECK(disk("db") == nullptr);
  CHECK(world.data_on(old_db) == db_data);
  check_sound();

  SECTION("a new volume of that name is another file") {
    wish([](GuestSpec&) {});
    CHECK(path("db") != old_db);
    CHECK(world.data_on(path("db")).empty());
    world.write_customer_data(born.uuid);
    host.advance(8 * day);
    settle("acme");
    CHECK(world.files.count(old_db) == 0);
    CHECK_FALSE(world.data_on(path("db")).empty());
    check_sound();
  }
  SECTION("whatever the clock says") {
    clock.jump_wall(365 * day);
    settle("acme");
    host.advance(7 * day - std::chrono::hours{1});
    settle("acme");
    CHECK(world.data_on(old_db) == db_data);
    clock.jump_wall(-800 * day);
    host.advance(std::chrono::hours{2});
    settle("acme");
    CHECK(world.files.count(old_db) == 0);
    check_sound();
  }
  SECTION("and earlier on a signature") {
    const auto early = order(Verb::free_set_aside, old_db);
    CHECK(job(early).state == JobState::done);
    CHECK(world.files.count(old_db) == 0);
    check_sound();
  }
  SECTION("but nothing that is in use") {
    CHECK(job(order(Verb::free_set_aside, path("root"))).code == "NotSetAside");
    CHECK(world.data_on(path("root")) == root_data);
  }
  SECTION("or with the guest") {
    const auto destroyed = sign(Verb::destroy_guest, identity("acme"));
    desk.drop("acme");
    give(destroyed, "acme");
    settle("acme");
    host.advance(8 * day);
    settle("acme");
    CHECK(world.files.empty());
  }
}

TEST_CASE_METHOD(DiskSite, "move: a copy on the other target takes over and the source goes",
                 "[job][disk]") {
  const std::string old_db = path("db");
  wish([](GuestSpec& spec) { spec.volumes[0].target = "nvme"; });
  const auto authority = order(Verb::move_disk, "db nvme");
  CHECK(job(authority).state == JobState::done);
  CHECK(path("db").find("/sim/nvme/") == 0);
  CHECK(world.data_on(path("db")) == db_data);
  CHECK(world.files.count(old_db) == 0);
  CHECK(identity("acme").aside.empty());
  CHECK(identity("acme").find_disk("db")->target == "nvme");
  check_sound();
  CHECK(job(order(Verb::move_disk, "db nvme")).code == "BadOrder");
  CHECK(job(order(Verb::move_disk, "db tape")).code == "NoTarget");
}

TEST_CASE_METHOD(DiskSite, "move: a full target leaves the guest as it was", "[job][disk]") {
  world.targets["nvme"].is_full = true;
  const auto authority = order(Verb::move_disk, "db nvme");
  CHECK(job(authority).state == JobState::failed);
  CHECK(domain("acme").power == PowerState::running);
  CHECK(world.data_on(path("db")) == db_data);
  CHECK(world.files.size() == 3);
  check_sound();
}

TEST_CASE_METHOD(DiskSite,
                 "disk jobs: the layers that a rollback left are copied and kept as one disk",
                 "[job][disk]") {
  REQUIRE(guests.begin_snapshot("acme", "before"));
  settle("acme");
  CHECK(job(order(Verb::roll_back_snapshot, "before")).state == JobState::done);
  CHECK(job(order(Verb::remove_snapshot, "before")).state == JobState::done);
  REQUIRE(disk("db")->format == "qcow2");
  world.write_customer_data(born.uuid);
  const auto data = world.data_on(path("db"));
  const std::string layered = path("db");
  const Bytes after{world.files.at(born.find_disk("db")->path).size.value / 2};
  wish([&](GuestSpec& spec) { spec.volumes[0].size = after; });
  CHECK(job(order(Verb::shrink_disk, "db " + to_string(after))).state == JobState::done);
  CHECK(disk("db")->format == "raw");
  CHECK(world.data_on(path("db")) == data);
  CHECK(world.files.count(layered) == 1);
  check_sound();
  host.advance(8 * day);
  settle("acme");
  CHECK(world.files.count(layered) == 0);
  CHECK(world.files.count(born.find_disk("db")->path) == 0);
  check_sound();
}

TEST_CASE_METHOD(DiskSite, "disk jobs: not while snapshots rest upon the disks", "[job][disk]") {
  REQUIRE(guests.begin_snapshot("acme", "before"));
  settle("acme");
  CHECK(job(order(Verb::remove_volume, "db")).code == "HasSnapshots");
  CHECK(job(order(Verb::remove_snapshot, "before")).state == JobState::done);
  wish([](GuestSpec& spec) { spec.volumes.clear(); });
  CHECK(job(order(Verb::remove_volume, "db")).state == JobState::done);
  CHECK(sim::broken_now(world) == sim::Breaches{});
}

TEST_CASE_METHOD(DiskSite,
                 "disk jobs: an older journal leaves a guest of a later incarnation alone",
                 "[job][disk][replay]") {
  const auto old_row = journal->provenance(born.uuid).value().value();
  wish([](GuestSpec& spec) { spec.image.version = "2"; });
  order(Verb::replace_image, "debian-12/2");
  const std::string new_root = path("root");
  REQUIRE(journal->commit([&](Writes& writes) { return writes.put(old_row); }));
  settle("acme");
  CHECK(guests.plan("acme").value().blocked == "MarkerDiffers");
  CHECK(path("root") == new_root);
  REQUIRE(guests.apply(guests.plan_recovery().value()));
  settle("acme");
  CHECK(identity("acme").incarnation == Incarnation{2});
  CHECK(identity("acme").aside.size() == 1);
  CHECK(guests.plan("acme").value().in_sync());
}
