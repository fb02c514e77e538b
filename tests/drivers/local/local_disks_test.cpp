// SPDX-License-Identifier: Apache-2.0
#include "drivers/local/local_disks.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>

#include "base/sha256.hpp"
#include "drivers/local/local_images.hpp"
#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/gate/gated_journal.hpp"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t mib = 1024 * 1024;

std::string content_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write_file(const fs::path& path, const std::string& content) {
  std::ofstream{path, std::ios::binary} << content;
}

// A host with one storage target, one image on its way in, and nobody's guests.
struct Host {
  fs::path root;
  std::string disk_content = std::string(3 * mib, '\0');
  std::unique_ptr<local::LocalImages> images;
  std::unique_ptr<local::LocalDisks> disks;
  Uuid uuid = Uuid::parse("6f1c7f7e-58a0-4b5e-9c60-0d3c9d3b7f10").value();

  Host() {
    std::string pattern = (fs::temp_directory_path() / "holdfast-local-XXXXXX").string();
    root = mkdtemp(pattern.data());
    fs::create_directory(root / "target");
    fs::create_directory(root / "bundle");
    disk_content.replace(mib, 5, "hello");
    write_file(root / "bundle" / "root.raw", disk_content);
    write_manifest("1.0.0");
    images = std::make_unique<local::LocalImages>((root / "images").string());
    disks = std::make_unique<local::LocalDisks>(
        std::map<std::string, std::string>{{"local", (root / "target").string()}}, *images);
  }
  ~Host() { fs::remove_all(root); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void write_manifest(const std::string& version) const {
    const std::string hash = to_hex(sha256(disk_content));
    write_file(
        root / "bundle" / "image.json",
        R"({"apiVersion":"holdfast/v1","kind":"Image","metadata":{"name":"tiny"},"spec":{"version":")" +
            version +
            R"(","disks":[{"name":"root","file":"root.raw","format":"raw","virtualSize":3145728,"sha256":")" +
            hash + R"(","fileSha256":")" + hash + R"(","fileSize":3145728}]}})");
  }
  std::string bundle() const { return (root / "bundle").string(); }
  std::string path(const std::string& disk) const {
    return disks->path_of("local", uuid, disk).value();
  }
};

// What an ISO says of itself and its files, read by libarchive.
std::map<std::string, std::string> files_in_iso(const std::string& path) {
  std::map<std::string, std::string> files;
  archive* iso = archive_read_new();
  archive_read_support_format_iso9660(iso);
  REQUIRE(archive_read_open_filename(iso, path.c_str(), 10240) == ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (archive_read_next_header(iso, &entry) == ARCHIVE_OK) {
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    std::string content(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    archive_read_data(iso, content.data(), content.size());
    files[archive_entry_pathname(entry)] = content;
  }
  archive_read_free(iso);
  return files;
}

// Permits come from a gate alone: one over a journal that remembers the guest being made.
struct UnfinishedGuest {
  gate::GatedJournal gated{};
  OperationId operation{};

  explicit UnfinishedGuest(const Uuid& uuid) {
    operation = gated.journal->begin("guest.create", "guest/acme", "{}").value().id;
    const Provenance row{.uuid = uuid,
                         .subject = "guest/acme",
                         .origin = Origin::created,
                         .created_by = operation,
                         .life = Life::provisioning};
    REQUIRE(gated.journal->commit([&](Writes& writes) { return writes.put(row); }));
  }
  gate::Permit permit(const Uuid& uuid) {
    gate::Facts facts;
    facts.verb = gate::Verb::remove_unfinished;
    facts.requester = gate::Requester::operation;
    facts.subject = "guest/acme";
    facts.uuid = uuid;
    facts.operation = operation;
    facts.provenance = gated.journal->provenance(uuid).value();
    facts.marker = gate::MarkerState::no_object;
    facts.now = gated.clock.now();
    return gate::take_permit(gated.gate.ask(facts, gate::acme_detail()));
  }
};

}  // namespace

TEST_CASE("local disks: a disk restored from an imported image holds its bytes", "[local]") {
  Host host;
  REQUIRE(host.images->import(host.bundle(), {}));
  REQUIRE(host.disks->restore({"tiny", "1.0.0"}, "root", host.path("root"), {}));
  CHECK(content_of(host.path("root")) == host.disk_content);
  const auto facts = host.disks->find(host.path("root")).value();
  REQUIRE(facts);
  CHECK(facts->size == Bytes{3 * mib});
  CHECK(facts->allocated < Bytes{mib});
  const auto again = host.disks->restore({"tiny", "1.0.0"}, "root", host.path("root"), {});
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::conflict);
}

TEST_CASE("local disks: QEMU, who is not root, gets at disks and kernels whatever the umask",
          "[local]") {
  struct Umask {
    mode_t before = ::umask(0077);
    Umask() = default;
    ~Umask() { ::umask(before); }
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;
  };
  Host host;
  const Umask strict;
  REQUIRE(host.images->import(host.bundle(), {}));
  REQUIRE(host.disks->restore({"tiny", "1.0.0"}, "root", host.path("root"), {}));
  for (const fs::path& folder :
       {fs::path{host.path("root")}.parent_path(), host.root / "images" / "tiny",
        host.root / "images" / "tiny" / "1.0.0"}) {
    CAPTURE(folder);
    CHECK((fs::status(folder).permissions() & fs::perms::others_exec) != fs::perms::none);
  }
  // libvirt gives a disk to whom it starts; until then it is nobody else's.
  CHECK((fs::status(host.path("root")).permissions() & fs::perms::others_all) == fs::perms::none);
}

TEST_CASE("local disks: an image that is not on the host says how to bring it", "[local]") {
  Host host;
  const auto restored = host.disks->restore({"tiny", "9"}, "root", host.path("root"), {});
  REQUIRE_FALSE(restored);
  CHECK(restored.error().code() == Errc::not_found);
  CHECK(restored.error().message().find("holdfast image import") != std::string::npos);
  CHECK_FALSE(fs::exists(host.path("root")));
}

TEST_CASE("local disks: blank disks are sparse and grow but never shrink", "[local]") {
  Host host;
  const auto path = host.path("db");
  REQUIRE(host.disks->create_blank(path, Bytes{64 * mib}));
  CHECK(host.disks->create_blank(path, Bytes{64 * mib}).error().code() == Errc::conflict);
  REQUIRE(host.disks->grow(path, Bytes{128 * mib}));
  REQUIRE(host.disks->grow(path, Bytes{128 * mib}));
  CHECK(host.disks->grow(path, Bytes{64 * mib}).error().code() == Errc::invalid);
  const auto facts = host.disks->find(path).value();
  CHECK(facts->size == Bytes{128 * mib});
  CHECK(facts->allocated == Bytes{0});
}

TEST_CASE("local disks: an overlay is grown by its virtual size", "[local]") {
  Host host;
  const auto path = host.path("db");
  REQUIRE(host.disks->create_blank(path, Bytes{mib}));
  fs::remove(path);
  const std::string command = "qemu-img create -q -f qcow2 " + path + " 8M";
  if (std::system(command.c_str()) != 0) {
    WARN("skipped: qemu-img is not installed");
    return;
  }
  CHECK(host.disks->find(path).value()->size == Bytes{8 * mib});
  REQUIRE(host.disks->grow(path, Bytes{16 * mib}));
  CHECK(host.disks->find(path).value()->size == Bytes{16 * mib});
  CHECK(host.disks->grow(path, Bytes{8 * mib}).error().code() == Errc::invalid);
}

TEST_CASE("local disks: a copy is the disk's first bytes, and the disk stays as it is", "[local]") {
  Host host;
  const std::string source = host.disks->path_of("local", host.uuid, "root").value();
  const std::string copy = host.disks->path_of("local", host.uuid, "root-2").value();
  REQUIRE(host.disks->create_blank(source, Bytes{4 * mib}));
  const host::CopySource raw{source, "raw"};
  std::string content(4 * mib, '\0');
  content.replace(mib, 5, "hello").replace(3 * mib, 5, "world");
  {
    std::fstream file{source, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(mib).write("hello", 5);
    file.seekp(3 * mib).write("world", 5);
  }
  SECTION("whole") {
    host::Progress last;
    host::Transfer told;
    told.on_progress = [&](const host::Progress& now) { last = now; };
    REQUIRE(host.disks->copy(raw, copy, Bytes{4 * mib}, told));
    CHECK(content_of(copy) == content);
    CHECK(last.done <= last.total);
    struct stat info {};
    REQUIRE(::stat(copy.c_str(), &info) == 0);
    CHECK(info.st_blocks * 512 < static_cast<long>(mib));  // holes stayed holes
  }
  SECTION("shorter") {
    REQUIRE(host.disks->copy(raw, copy, Bytes{2 * mib}, {}));
    CHECK(content_of(copy) == content.substr(0, 2 * mib));
  }
  SECTION("longer") {
    REQUIRE(host.disks->copy(raw, copy, Bytes{5 * mib}, {}));
    CHECK(content_of(copy) == content + std::string(mib, '\0'));
  }
  SECTION("over what a former attempt left") {
    write_file(copy + ".partial", std::string(6 * mib, 'x'));
    REQUIRE(host.disks->copy(raw, copy, Bytes{4 * mib}, {}));
    CHECK(content_of(copy) == content);
  }
  SECTION("of an overlay with what it rests upon, whole and shorter") {
    const std::string overlay = source + ".qcow2";
    REQUIRE(
        std::system(("qemu-img create -q -f qcow2 -F raw -b " + source + " " + overlay +
                     " && qemu-io -f qcow2 -c 'write -P 0x61 2M 64k' " + overlay + " >/dev/null")
                        .c_str()) == 0);
    std::string seen = content;
    seen.replace(2 * mib, 65536, std::string(65536, 'a'));
    const std::uint64_t size = GENERATE(4 * mib, 3 * mib, 5 * mib);
    REQUIRE(host.disks->copy({overlay, "qcow2"}, copy, Bytes{size}, {}));
    seen.resize(size, '\0');
    CHECK(content_of(copy) == seen);
    fs::remove(overlay);
  }
  SECTION("as it was told: a guest that writes a header onto its raw disk gets its own bytes") {
    std::fstream{source, std::ios::binary | std::ios::in | std::ios::out}.write("QFI\xfb", 4);
    content.replace(0, 4, "QFI\xfb");
    REQUIRE(host.disks->copy(raw, copy, Bytes{4 * mib}, {}));
    CHECK(content_of(copy) == content);
  }
  SECTION("never over another disk, of another format, or outside of the targets") {
    write_file(copy, "a disk");
    CHECK(host.disks->copy(raw, copy, Bytes{4 * mib}, {}).error().code() == Errc::conflict);
    CHECK(content_of(copy) == "a disk");
    const std::string other = host.disks->path_of("local", host.uuid, "other").value();
    CHECK(host.disks->copy({source, "vmdk"}, other, Bytes{mib}, {}).error().code() ==
          Errc::invalid);
    CHECK(host.disks->copy({"/etc/passwd", "raw"}, other, Bytes{mib}, {}).error().code() ==
          Errc::denied);
    CHECK(host.disks->copy(raw, "/tmp/out", Bytes{mib}, {}).error().code() == Errc::denied);
  }
  SECTION("and stops on request with nothing under the name") {
    std::stop_source stop;
    stop.request_stop();
    host::Transfer stopped;
    stopped.stop = stop.get_token();
    CHECK(host.disks->copy(raw, copy, Bytes{4 * mib}, stopped).error().code() == Errc::unavailable);
    CHECK_FALSE(fs::exists(copy));
  }
  CHECK(content_of(source) == content);
  CHECK_FALSE(fs::exists(copy + ".partial"));
}

TEST_CASE("local disks: transfers keep to the bandwidth, and to a stop while they wait for it",
          "[local]") {
  Host host;
  const local::LocalImages images{(host.root / "images").string(), Bytes{8 * mib}};
  local::LocalDisks disks{{{"local", (host.root / "target").string()}}, images, Bytes{8 * mib}};
  const std::string path = disks.path_of("local", host.uuid, "root").value();
  const std::string copy = disks.path_of("local", host.uuid, "root-2").value();
  REQUIRE(disks.create_blank(path, Bytes{2 * mib}));
  write_file(path, std::string(2 * mib, 'x'));
  const auto started = std::chrono::steady_clock::now();
  REQUIRE(disks.copy({path, "raw"}, copy, Bytes{2 * mib}, {}));
  CHECK(content_of(copy) == std::string(2 * mib, 'x'));
  // Read, written, and both read again: 8 MiB, of which the last is not waited for.
  CHECK(std::chrono::steady_clock::now() - started > std::chrono::milliseconds{500});

  std::stop_source stop;
  host::Transfer stopped;
  stopped.stop = stop.get_token();
  stopped.on_progress = [&](const host::Progress&) { stop.request_stop(); };
  CHECK(disks
            .copy({path, "raw"}, disks.path_of("local", host.uuid, "root-3").value(),
                  Bytes{2 * mib}, stopped)
            .error()
            .code() == Errc::unavailable);
}

TEST_CASE("local disks: where a filesystem shares blocks a copy takes none", "[local]") {
  Host host;
  const fs::path volume = host.root / "volume";
  write_file(volume, "");
  fs::resize_file(volume, std::uint64_t{512} * mib);
  const fs::path target = host.root / "target";
  const std::string command = "(mkfs.xfs -q " + volume.string() + " || mkfs.btrfs -q " +
                              volume.string() + ") 2>/dev/null && mount -o loop " +
                              volume.string() + " " + target.string() + " 2>/dev/null";
  if (std::system(command.c_str()) != 0) {
    WARN("skipped: cannot make and mount an XFS or Btrfs (needs root and xfsprogs)");
    return;
  }
  const std::string path = host.disks->path_of("local", host.uuid, "root").value();
  const std::string copy = host.disks->path_of("local", host.uuid, "root-2").value();
  const bool is_made = static_cast<bool>(host.disks->create_blank(path, Bytes{64 * mib}));
  write_file(path, std::string(64 * mib, 'x'));
  const auto before = fs::space(target).free;
  const auto copied = host.disks->copy({path, "raw"}, copy, Bytes{65 * mib}, {});
  const auto after = fs::space(target).free;
  const bool is_right = content_of(copy) == std::string(64 * mib, 'x') + std::string(mib, '\0');
  ::umount2(target.c_str(), MNT_DETACH);
  REQUIRE(is_made);
  REQUIRE(copied);
  CHECK(is_right);
  CHECK(before - after < 8 * mib);
}

TEST_CASE("local disks: a target whose directory is gone is unavailable and not empty",
          "[local][safety]") {
  Host host;
  fs::rename(host.root / "target", host.root / "elsewhere");
  CHECK(host.disks->find(host.path("root")).error().code() == Errc::unavailable);
  CHECK(host.disks->create_blank(host.path("db"), Bytes{mib}).error().code() == Errc::unavailable);
  CHECK_FALSE(fs::exists(host.root / "target"));
}

TEST_CASE("local disks: paths outside of a guest's folder are refused", "[local][safety]") {
  Host host;
  const std::string target = (host.root / "target").string();
  const std::string guest = target + "/" + to_string(host.uuid);
  for (const std::string& path :
       {std::string{"/etc/passwd"}, target + "/x.raw", guest + "/../x.raw", guest + "/.hidden",
        guest + "/a/b.raw", target + "/not-a-uuid/x.raw", std::string{}}) {
    CAPTURE(path);
    CHECK(host.disks->create_blank(path, Bytes{mib}).error().code() == Errc::denied);
    CHECK(host.disks->find(path).error().code() == Errc::denied);
    CHECK(host.disks->grow(path, Bytes{mib}).error().code() == Errc::denied);
  }
  CHECK(host.disks->path_of("nvme", host.uuid, "root").error().code() == Errc::invalid);
  CHECK(host.disks->path_of("local", host.uuid, "../root").error().code() == Errc::invalid);
}

TEST_CASE("local disks: removal takes a permit for exactly this guest", "[local][safety]") {
  Host host;
  const auto path = host.path("root");
  REQUIRE(host.disks->create_blank(path, Bytes{mib}));
  const Uuid other = Uuid::parse("11111111-58a0-4b5e-9c60-0d3c9d3b7f10").value();
  UnfinishedGuest stranger{other};
  CHECK(host.disks->remove(stranger.permit(other), path).error().code() == Errc::denied);
  CHECK(fs::exists(path));
  UnfinishedGuest ours{host.uuid};
  auto permit = ours.permit(host.uuid);
  const auto removed = host.disks->remove(std::move(permit), path);
  REQUIRE(removed);
  CHECK_FALSE(fs::exists(fs::path{path}.parent_path()));
  REQUIRE(host.disks->remove(ours.permit(host.uuid), path));  // absent already
}

TEST_CASE("local disks: a seed carries its files under the label that cloud-init looks for",
          "[local]") {
  Host host;
  const auto path = host.path("seed-1.iso");
  const host::Seed seed{.meta_data = "instance-id: i-1\nlocal-hostname: acme\n",
                        .user_data = "#cloud-config\n{}\n",
                        .vendor_data = "#cloud-config\n",
                        .network_config = "version: 2\n"};
  REQUIRE(host.disks->write_seed(path, seed));
  const auto files = files_in_iso(path);
  CHECK(files.at("meta-data") == seed.meta_data);
  CHECK(files.at("user-data") == seed.user_data);
  CHECK(files.at("vendor-data") == seed.vendor_data);
  CHECK(files.at("network-config") == seed.network_config);
  const std::string iso = content_of(path);
  // Volume identifier: bytes 40 to 71 of the primary descriptor, upper case by ISO 9660;
  // cloud-init takes either case.
  CHECK(iso.substr(0x8028, 6) == "CIDATA");

  auto changed = seed;
  changed.network_config.clear();
  REQUIRE(host.disks->write_seed(path, changed));
  CHECK_FALSE(files_in_iso(path).contains("network-config"));
}

TEST_CASE("local images: the same import again is success and other content is a conflict",
          "[local]") {
  Host host;
  const auto first = host.images->import(host.bundle(), {});
  REQUIRE(first);
  CHECK(host.images->import(host.bundle(), {}).value().directory == first->directory);
  host.disk_content.replace(0, 3, "new");
  write_file(host.root / "bundle" / "root.raw", host.disk_content);
  host.write_manifest("1.0.0");
  CHECK(host.images->import(host.bundle(), {}).error().code() == Errc::conflict);
  host.write_manifest("1.0.1");
  REQUIRE(host.images->import(host.bundle(), {}));
  CHECK(host.images->list().value().size() == 2);
}

TEST_CASE("local images: a stored image that was damaged is found by verify", "[local]") {
  Host host;
  const auto stored = host.images->import(host.bundle(), {}).value();
  REQUIRE(host.images->verify({"tiny", "1.0.0"}, {}));
  std::string damaged = host.disk_content;
  damaged[7] = 'x';
  write_file(fs::path{stored.directory} / "root.raw", damaged);
  CHECK(host.images->verify({"tiny", "1.0.0"}, {}).error().code() == Errc::invalid);
  CHECK(host.images->verify({"tiny", "2"}, {}).error().code() == Errc::not_found);
}

TEST_CASE("local images: a reference cannot leave the store", "[local][safety]") {
  Host host;
  CHECK_FALSE(host.images->find({"..", "bundle"}).value().has_value());
  CHECK_FALSE(host.images->find({"../bundle", ""}).value().has_value());
}

}  // namespace holdfast
