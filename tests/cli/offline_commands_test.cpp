// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include "base/handle.hpp"
#include "base/sha256.hpp"
#include "journal/journal.hpp"
#include "journal/writes.hpp"
#include "tests/cli/cli_fixture.hpp"

namespace holdfast::cli {
namespace {

using nlohmann::json;
constexpr const char* canary = "CANARY-5f2a-hunter2";

// A journal as a daemon that died would leave it: one operation that went well, one that
// did not end.
void write_journal(const Host& host) {
  JournalOptions options;
  options.path = host.folder / "holdfast.db";
  options.writer = JournalOptions::Writer::inline_writer;
  auto opened = Journal::open(options, host.clock);
  INFO((opened ? "" : opened.error().message()));
  REQUIRE(opened);
  auto& journal = *opened.value();
  const std::string input =
      json{{"guest", {{"spec", {{"bootstrap", {{"userData", canary}}}, {"cpus", 2}}}}}}.dump();
  REQUIRE(journal.begin("guest.create", "guest/acme", input));
  REQUIRE(journal.begin("guest.power", "guest/beta", "{}"));
  REQUIRE(journal.commit([](Writes& writes) -> Result<void> {
    TRY(writes.audit("permit", "guest/acme", R"({"verb":"remove_unfinished"})"));
    return writes.audit("refusal", "guest/beta", R"({"rule":"NeedsSignature"})");
  }));
}

std::vector<std::string> at(const Host& host, std::vector<std::string> words) {
  words.insert(words.end(), {"--state-dir", host.folder / "."});
  return words;
}

// Every name and content in a .tar.gz.
std::map<std::string, std::string> unpack(const std::string& path) {
  const Handle<archive, archive_read_free> reader{archive_read_new()};
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  REQUIRE(archive_read_open_filename(reader.get(), path.c_str(), 65536) == ARCHIVE_OK);
  std::map<std::string, std::string> files;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    std::string content(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    REQUIRE(archive_read_data(reader.get(), content.data(), content.size()) ==
            static_cast<la_ssize_t>(content.size()));
    files[archive_entry_pathname(entry)] = content;
  }
  return files;
}

}  // namespace

TEST_CASE("journal: read from the file while the daemon is dead", "[cli]") {
  Host host;
  host.kill_daemon();
  write_journal(host);
  const auto list = host.run(at(host, {"journal", "list"}));
  INFO(list.err);
  CHECK(list.status == 0);
  CHECK(has(list.out, "guest.create"));
  CHECK(has(list.out, "guest/beta"));
  const auto one = host.run(at(host, {"journal", "list", "--subject", "guest/beta"}));
  CHECK_FALSE(has(one.out, "guest/acme"));
  CHECK(json::parse(host.run(at(host, {"journal", "list", "-n", "1", "-o", "json"})).out).size() ==
        1);
  CHECK(has(host.run(at(host, {"journal", "show", "op-1"})).out, "guest.create"));
  CHECK(host.run(at(host, {"journal", "verify"})).status == 0);
}

TEST_CASE("journal: wrong input is an error that says what to do", "[cli]") {
  Host host;
  write_journal(host);
  CHECK(host.run(at(host, {"journal", "show", "op-77"})).status == 2);
  CHECK(host.run(at(host, {"journal", "show", "x"})).status == 2);
  CHECK(host.run({"journal"}).status == 2);
  CHECK(host.run({"audit"}).status == 2);
  for (const auto& words :
       {std::vector<std::string>{"journal", "list"}, std::vector<std::string>{"journal", "verify"},
        std::vector<std::string>{"journal", "export"}, std::vector<std::string>{"audit", "tail"},
        std::vector<std::string>{"audit", "verify"}}) {
    auto nowhere = words;
    nowhere.insert(nowhere.end(), {"--state-dir", "/nowhere"});
    const auto answer = host.run(nowhere);
    CHECK(answer.status == 2);
    CHECK(has(answer.err, "there is no journal at /nowhere/holdfast.db"));
    CHECK(has(answer.err, "--state-dir"));
  }
  const auto bare = host.run(at(host, {"journal", "list", "--subject", "acme"}));
  CHECK(bare.status == 2);
  CHECK(has(bare.err, "write guest/acme"));
  std::ofstream{host.folder / "holdfast.db"} << "this is not a database at all, not even nearly";
  const auto spoilt = host.run(at(host, {"journal", "verify"}));
  CHECK(spoilt.status == 2);
  CHECK(has(spoilt.err, host.folder / "./holdfast.db"));
  CHECK(has(spoilt.err, "`holdfast recover`"));
}

TEST_CASE("journal export: everything but secrets", "[cli]") {
  Host host;
  write_journal(host);
  const auto answer = host.run(at(host, {"journal", "export"}));
  CHECK(answer.status == 0);
  CHECK_FALSE(has(answer.out, canary));
  CHECK(has(answer.out, "cpus"));
  std::map<std::string, int> types;
  std::istringstream lines{answer.out};
  for (std::string line; std::getline(lines, line);) {
    REQUIRE(json::accept(line));
    ++types[json::parse(line)["type"].get<std::string>()];
  }
  CHECK(types["operation"] == 2);
  CHECK(types["audit"] == 2);
}

TEST_CASE("audit: shows the chain and notices when it was changed", "[cli]") {
  Host host;
  write_journal(host);
  const auto tail = host.run(at(host, {"audit", "tail", "-n", "1"}));
  CHECK(tail.status == 0);
  CHECK(has(tail.out, "refusal"));
  CHECK_FALSE(has(tail.out, "permit"));
  CHECK(json::parse(host.run(at(host, {"audit", "tail", "-o", "json"})).out).size() == 2);
  CHECK(has(host.run(at(host, {"audit", "verify"})).out, "2 entries"));
  std::fstream file{host.folder / "holdfast.db", std::ios::in | std::ios::out | std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  const auto where = bytes.find("remove_unfinished");
  REQUIRE(where != std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(where));
  file << "destroy_at_whim_!";
  file.close();
  const auto broken = host.run(at(host, {"audit", "verify"}));
  CHECK(broken.status == 2);
  CHECK(has(broken.err, "audit"));
}

TEST_CASE("image: verify and inspect a bundle without the daemon", "[cli]") {
  Host host;
  host.kill_daemon();
  const std::string content(65536, 'd');
  const std::string hash = to_hex(sha256(content));
  const json manifest{{"apiVersion", "holdfast/v1"},
                      {"kind", "Image"},
                      {"metadata", {{"name", "small"}}},
                      {"spec",
                       {{"version", "1"},
                        {"firstBoot", "none"},
                        {"disks",
                         {{{"name", "root"},
                           {"file", "root.raw"},
                           {"format", "raw"},
                           {"virtualSize", content.size() * 16},
                           {"sha256", ""},
                           {"fileSha256", ""},
                           {"fileSize", content.size() * 16}}}}}}};
  std::string disk;
  for (int i = 0; i < 16; ++i) disk += content;
  auto filled = manifest;
  auto& entry = filled["spec"]["disks"][0];
  entry["sha256"] = entry["fileSha256"] = to_hex(sha256(disk));
  host.folder.write("image.json", filled.dump());
  host.folder.write("root.raw", disk);
  const auto good = host.run({"image", "verify", host.folder / "."});
  INFO(good.err);
  CHECK(good.status == 0);
  CHECK(has(good.out, "image small 1 is whole"));
  CHECK(has(host.run({"image", "inspect", host.folder / "."}).out, "root.raw"));
  CHECK(json::parse(host.run({"image", "inspect", host.folder / ".", "-o", "json"})
                        .out)["metadata"]["name"] == "small");
  host.is_terminal = true;
  CHECK(has(host.run({"image", "verify", host.folder / "."}).err, "100%"));
  host.is_terminal = false;
  disk[4711] = 'x';
  host.folder.write("root.raw", disk);
  const auto bad = host.run({"image", "verify", host.folder / "."});
  CHECK(bad.status == 2);
  CHECK(has(bad.err, "root.raw"));
  CHECK(has(host.run({"image", "verify", "/nowhere"}).err,
            "there is no /nowhere; name an image's folder, or an archive of one"));
  const ScratchFolder empty;
  CHECK(has(host.run({"image", "verify", empty / "."}).err, "has no image.json"));
  const auto text = host.folder.write("x.tar", "no archive");
  for (const char* verb : {"inspect", "verify"}) {
    const auto refused = host.run({"image", verb, text});
    CHECK(refused.status == 2);
    CHECK(has(refused.err, "x.tar is no image: neither a folder with an image.json"));
  }
}

TEST_CASE("image: a packed disk is verified, inspected, unpacked and read in parts", "[cli]") {
  Host host;
  host.kill_daemon();
  std::string disk(3 << 20, '\0');
  for (std::size_t i = 0; i < 1 << 20; ++i) disk[i] = static_cast<char>(i * i >> 8);
  disk[2'500'000] = 'x';
  const auto raw = host.folder.write("golden.raw", disk);
  const auto kernel = host.folder.write("vmlinuz", "a kernel");
  const auto bundle = host.folder / "packed";
  const auto packed = host.run({"image", "pack", raw, bundle, "--name", "small", "--version", "2",
                                "--frame-size", "256Ki", "--level", "3", "--volume", "data=" + raw,
                                "--kernel", kernel, "--cmdline", "quiet"});
  INFO(packed.err);
  REQUIRE(packed.status == 0);
  CHECK(has(packed.out, "packed small 2"));
  const auto good = host.run({"image", "verify", bundle});
  INFO(good.err);
  CHECK(good.status == 0);
  CHECK(has(host.run({"image", "inspect", bundle}).out, "tree "));
  CHECK(has(host.run({"image", "inspect", bundle + "/root.raw.zst"}).out, "Frames:   12"));

  const auto target = host.folder / "disk.raw";
  const auto unpacked = host.run({"image", "unpack", bundle, target, "--disk", "data", "--idle"});
  INFO(unpacked.err);
  CHECK(unpacked.status == 0);
  CHECK(has(unpacked.out, "every hash is right"));
  CHECK((host.folder.read("disk.raw") == disk));
  CHECK(host.run({"image", "verify", bundle, "--restored", target}).status == 0);
  const auto part = host.run({"image", "cat", bundle, "--offset", "2499999", "--size", "3"});
  CHECK((part.out == disk.substr(2'499'999, 3)));
  CHECK((host.run({"image", "cat", bundle + "/root.raw.zst"}).out == disk));

  auto changed = disk;
  changed[300'000] ^= 1;
  host.folder.write("disk.raw", changed);
  const auto differs = host.run({"image", "verify", bundle, "--restored", target});
  CHECK(differs.status == 2);
  CHECK(has(differs.err, "bytes 262144 to 524288 of the disk"));
  CHECK(host.run({"image", "unpack", bundle, target}).status == 2);  // never over something
  CHECK(has(host.run({"image", "unpack", bundle, target + "2", "--disk", "none"}).err,
            "it has root, data"));
  CHECK(
      has(host.run({"image", "pack", raw, bundle, "--name", "x", "--version", "1"}).err, "exists"));
}

TEST_CASE("image: a pack that fails leaves no folder", "[cli]") {
  Host host;
  const auto folder = host.folder / "new";
  CHECK(host.run({"image", "pack", "/nowhere", folder, "--name", "x", "--version", "1"}).status ==
        2);
  CHECK_FALSE(std::filesystem::exists(folder));
}

TEST_CASE("support bundle: holds what helps and never a secret", "[cli]") {
  Host host;
  write_journal(host);
  const auto path = host.folder / "bundle.tar.gz";
  const auto answer = host.run(at(host, {"support-bundle", "-o", path}));
  INFO(answer.err);
  CHECK(answer.status == 0);
  CHECK(answer.out == path + "\n");
  const auto files = unpack(path);
  for (const char* name : {"versions.txt", "status.json", "guests.json", "operations.json",
                           "tickets.json", "daemon.txt", "journal.jsonl"})
    CHECK(files.count(name) == 1);
  for (const auto& [name, content] : files) {
    INFO(name);
    CHECK_FALSE(has(content, canary));
  }
  CHECK(has(files.at("journal.jsonl"), "guest.create"));
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::others_read) ==
        std::filesystem::perms::none);
  CHECK((files.count("log.txt") == 1) != (files.count("log.txt.error.txt") == 1));
  CHECK(host.run(at(host, {"support-bundle", "-o", path})).status == 2);
  CHECK(has(host.run(at(host, {"support-bundle", "-o", "json"})).err, "a bundle has one form"));
}

TEST_CASE("support bundle: is made with the daemon dead too", "[cli]") {
  Host host;
  host.kill_daemon();
  write_journal(host);
  const auto path = host.folder / "bundle.tar.gz";
  const auto answer = host.run(at(host, {"support-bundle", "-o", path}));
  CHECK(answer.status == 0);
  CHECK(has(answer.err, "could not be had: status.json: cannot reach holdfastd"));
  CHECK_FALSE(has(answer.err, "\n\n"));
  const auto files = unpack(path);
  CHECK(has(files.at("status.json.error.txt"), "cannot reach holdfastd"));
  CHECK(has(files.at("journal.jsonl"), "guest.create"));
}

TEST_CASE("help: every command has an example", "[cli]") {
  Host host;
  const auto script = host.run({"completion", "bash"}).out;
  std::size_t commands = 0;
  std::istringstream lines{script};
  for (std::string line; std::getline(lines, line);) {
    const auto start = line.find("    'holdfast");
    const auto end = line.find("') words=");
    if (start != 0 || end == std::string::npos) continue;
    std::vector<std::string> words;
    std::istringstream parts{line.substr(5, end - 5)};
    for (std::string part; parts >> part;) words.push_back(part);
    words.erase(words.begin());
    words.emplace_back("--help");
    const auto help = host.run(words);
    INFO(line);
    CHECK(help.status == 0);
    CHECK(has(help.out, "EXAMPLES\n  "));
    ++commands;
  }
  CHECK(commands > 30);
}

TEST_CASE("completion: each shell's script parses and knows the commands", "[cli]") {
  Host host;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const auto answer = host.run({"completion", shell});
    CHECK(answer.status == 0);
    for (const char* word : {"support-bundle", "snapshot", "conditions", "yaml"})
      CHECK(has(answer.out, word));
    const auto script = host.folder.write("script." + shell, answer.out);
    if (std::system(("command -v " + shell + " >/dev/null").c_str()) != 0) continue;
    CHECK(std::system((shell + " -n " + script).c_str()) == 0);
  }
}

TEST_CASE("completion: bash offers what the tree holds", "[cli]") {
  Host host;
  const auto script = host.folder.write("completion", host.run({"completion", "bash"}).out);
  const auto offered = [&](const std::string& words, int cursor) {
    const auto out = host.folder / "offered";
    const std::string command = "bash -c 'compopt() { :; }; . " + script + "; COMP_WORDS=(" +
                                words + "); COMP_CWORD=" + std::to_string(cursor) +
                                "; _holdfast; echo \"${COMPREPLY[*]}\"' > " + out;
    CHECK(std::system(command.c_str()) == 0);
    std::ifstream file{out};
    std::string line;
    std::getline(file, line);
    return line;
  };
  CHECK(offered("holdfast jou", 1) == "journal");
  CHECK(offered("holdfast journal ver", 2) == "verify");
  CHECK(offered("holdfast get cond", 2) == "conditions condition");
  CHECK(offered("holdfast get guests -o js", 4) == "json");
  CHECK(offered("holdfast plan --det", 2) == "--detailed");
  CHECK(offered("holdfast support-bundle -o x", 3).empty());
  CHECK(offered("holdfast job new keys", 3) == "keys.rotate");
  CHECK(offered("holdfast __", 1).empty());
}

TEST_CASE("completion: names are the daemon's, and none that a shell would expand", "[cli]") {
  Host host;
  host.daemon.add_ticket();
  GuestReport trap;
  trap.name = "$(touch trapped)";
  trap.foreign = true;
  host.daemon.add(trap);
  CHECK(host.run({"__names", "guests"}).out == "acme\n");
  CHECK(host.run({"__names", "guest"}).out == "acme\n");
  CHECK(host.run({"__names", "tickets"}).out == std::string{api::sample_ticket} + "\n");
  CHECK(host.run({"__names", "operations"}).out == "op-1\n");
  CHECK(host.run({"__names", "json"}).out.empty());

  // The script, with a program in place of ours that says what it was asked.
  const auto script = host.folder.write("completion", host.run({"completion", "bash"}).out);
  const auto asked = [&](const std::string& words) {
    const auto out = host.folder / "asked";
    const std::string command = "bash -c 'compopt() { :; }; holdfast() { echo \"asked-$2\"; }; . " +
                                script + "; COMP_WORDS=(" + words +
                                " \"\"); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _holdfast; echo " +
                                "\"${COMPREPLY[*]}\"' > " + out;
    CHECK(std::system(command.c_str()) == 0);
    std::ifstream file{out};
    std::string line;
    std::getline(file, line);
    return line;
  };
  CHECK(asked("holdfast ticket show") == "asked-tickets");
  CHECK(asked("holdfast ticket sign -k key") == "asked-tickets");
  CHECK(asked("holdfast journal retry") == "asked-operations");
  CHECK(asked("holdfast undelete") == "asked-guests");
  CHECK(asked("holdfast get guests") == "asked-guests");
  CHECK(asked("holdfast why guest") == "asked-guest");
  CHECK(asked("holdfast why") == "guest host");

  host.kill_daemon();
  const auto silent = host.run({"__names", "guests"});
  CHECK(silent.status == 0);
  CHECK((silent.out + silent.err).empty());
}

}  // namespace holdfast::cli
