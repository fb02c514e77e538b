// SPDX-License-Identifier: Apache-2.0
// What one no-change pass over N guests costs, beside the bulk call it is made of, a plain
// loop of per-domain C calls, and a shell loop of `virsh dominfo`, all in one run.
//
//   pass_bench [URI] [N ...]      test:///default and 10 100 300 by default
//
// Makes its guests through the real engine, stopped, in a folder of its own under TMPDIR,
// and removes their definitions at the end. Meant for test:///default or a private libvirtd.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <libvirt/libvirt.h>

#include "base/sha256.hpp"
#include "controller/engine.hpp"
#include "drivers/libvirt/libvirt_host.hpp"
#include "drivers/local/local_disks.hpp"
#include "drivers/local/local_images.hpp"
#include "hubclient/file_source.hpp"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using clock_type = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "pass_bench: %s\n", why.c_str());
  std::exit(2);
}

double cpu_ms() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

struct Cost {
  double wall_ms = 0;
  double cpu_ms = 0;
};

// Median wall time and mean CPU time of each of `bodies`, over `runs`. They take turns, so
// that what else the machine does falls on all of them.
std::vector<Cost> measure(int runs, const std::vector<std::function<void()>>& bodies) {
  std::vector<std::vector<double>> walls(bodies.size());
  std::vector<Cost> costs(bodies.size());
  for (int i = 0; i < runs; ++i) {
    for (std::size_t at = 0; at < bodies.size(); ++at) {
      const double cpu = cpu_ms();
      const auto began = clock_type::now();
      bodies[at]();
      const std::chrono::duration<double, std::milli> wall = clock_type::now() - began;
      walls[at].push_back(wall.count());
      costs[at].cpu_ms += (cpu_ms() - cpu) / runs;
    }
  }
  for (std::size_t at = 0; at < bodies.size(); ++at) {
    std::sort(walls[at].begin(), walls[at].end());
    costs[at].wall_ms = walls[at][walls[at].size() / 2];
  }
  return costs;
}

void write_text(const fs::path& path, const std::string& text) { std::ofstream{path} << text; }

void make_image(const fs::path& folder) {
  constexpr std::size_t size = 1024 * 1024;
  const std::string content(size, '\0');
  const std::string hash = to_hex(sha256(content));
  fs::create_directories(folder);
  write_text(folder / "root.raw", content);
  write_text(
      folder / "image.json",
      R"({"apiVersion":"holdfast/v1","kind":"Image","metadata":{"name":"blank"},)"
      R"("spec":{"version":"1","firstBoot":"none","disks":[{"name":"root","file":"root.raw",)"
      R"("format":"raw","virtualSize":1048576,"fileSize":1048576,"sha256":")" +
          hash + R"(","fileSha256":")" + hash + "\"}]}}");
}

void make_guests(const fs::path& desired, int n) {
  fs::create_directories(desired);
  std::string text;
  for (int i = 0; i < n; ++i)
    text += "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: bench-" + std::to_string(i) +
            "}\nspec:\n  power: Stopped\n  image: {name: blank, version: \"1\"}\n  cpus: 1\n"
            "  memory: 64Mi\n  rootDisk: {size: 1Mi}\n---\n";
  text.resize(text.size() - 4);
  write_text(desired / "guests.yaml", text);
}

int plain_loop(virConnectPtr connection) {
  virDomainPtr* domains = nullptr;
  const int n = virConnectListAllDomains(connection, &domains, 0);
  for (int i = 0; i < n; ++i) {
    virDomainInfo info{};
    virDomainGetInfo(domains[i], &info);
    std::free(virDomainGetXMLDesc(domains[i], 0));
    virDomainFree(domains[i]);
  }
  std::free(domains);
  return n;
}

int bulk_call(virConnectPtr connection) {
  virDomainStatsRecordPtr* records = nullptr;
  const int n = virConnectGetAllDomainStats(connection, VIR_DOMAIN_STATS_STATE, &records, 0);
  if (n >= 0) virDomainStatsRecordListFree(records);
  return n;
}

void remove_guests(virConnectPtr connection) {
  virDomainPtr* domains = nullptr;
  const int n = virConnectListAllDomains(connection, &domains, 0);
  for (int i = 0; i < n; ++i) {
    if (std::string{virDomainGetName(domains[i])}.starts_with("bench-"))
      virDomainUndefineFlags(domains[i], 0);
    virDomainFree(domains[i]);
  }
  std::free(domains);
}

// Seconds of `virsh dominfo` once for each of `n` guests; negative where virsh cannot see them.
double shell_loop(const std::string& uri, int n) {
  if (uri.starts_with("test:")) return -1;  // each virsh would have a test host of its own
  const std::string command = "for i in $(seq 0 " + std::to_string(n - 1) + "); do virsh -c " +
                              uri + " dominfo bench-$i >/dev/null || exit 1; done";
  const auto began = clock_type::now();
  if (std::system(command.c_str()) != 0) return -1;
  return std::chrono::duration<double>(clock_type::now() - began).count();
}

std::uint64_t sum(const std::map<std::string, std::uint64_t>& calls) {
  return std::accumulate(calls.begin(), calls.end(), std::uint64_t{0},
                         [](std::uint64_t all, const auto& call) { return all + call.second; });
}

void run(const std::string& uri, int n, virConnectPtr peer) {
  std::string pattern = (fs::temp_directory_path() / "holdfast-bench-XXXXXX").string();
  const fs::path root = mkdtemp(pattern.data());
  make_image(root / "images" / "blank" / "1");
  make_guests(root / "desired", n);
  fs::create_directories(root / "guests");
  std::this_thread::sleep_for(std::chrono::milliseconds{300});  // let the files settle

  const SystemClock clock;
  SystemRandom random;
  auto journal = Journal::open({.path = (root / "holdfast.db").string()}, clock);
  if (!journal) give_up(journal.error().describe());
  auto libvirt = libvirt::LibvirtHost::open({.uri = uri}, clock);
  if (!libvirt) give_up(libvirt.error().describe());
  local::LocalImages images{(root / "images").string()};
  local::LocalDisks disks{{{"local", (root / "guests").string()}}, images};
  FileSource source{(root / "desired").string(), clock};
  auto engine = Engine::start({.journal = **journal,
                               .host = {.inventory = (*libvirt)->inventory(),
                                        .hypervisor = (*libvirt)->hypervisor(),
                                        .power = (*libvirt)->power(),
                                        .tuning = (*libvirt)->tuning(),
                                        .snapshots = (*libvirt)->snapshots(),
                                        .disks = disks,
                                        .copies = disks,
                                        .images = images},
                               .source = source,
                               .clock = clock,
                               .random = random,
                               .host_id = std::string(32, 'b')});
  if (!engine) give_up(engine.error().describe());
  const auto settle = [&] {
    while (const auto due = (*engine)->next_due()) {
      if (*due > std::chrono::seconds{5}) return;
      if (!(*engine)->step()) std::this_thread::sleep_for(*due);
    }
  };
  const auto began = clock_type::now();
  settle();
  const double made = std::chrono::duration<double>(clock_type::now() - began).count();
  (*engine)->wake_host();  // judges what the passes changed, once
  settle();

  // As ours: opened while an event loop runs, which then has a part in each answer's arrival.
  virConnectPtr listening = virConnectOpen(uri.c_str());
  if (listening == nullptr) give_up("cannot connect to " + uri);

  constexpr int runs = 101;
  const auto before = (*libvirt)->calls();
  const auto costs = measure(runs, {[&] {
                                      (*engine)->wake_host();
                                      (*engine)->step();
                                    },
                                    [&] { bulk_call(peer); }, [&] { bulk_call(listening); }});
  const auto after = (*libvirt)->calls();
  const Cost pass = costs[0];
  const Cost bulk = costs[1];
  const Cost heard = costs[2];
  virConnectClose(listening);
  const Cost loop = measure(11, {[&] { plain_loop(peer); }})[0];
  const double shell = shell_loop(uri, n);

  std::printf("%-16s %4d guests (made in %.1f s)\n", uri.c_str(), n, made);
  std::printf(
      "  no-change pass          %9.3f ms wall %9.3f ms cpu %6.2f calls  %5.2fx bulk, "
      "%.2fx with events\n",
      pass.wall_ms, pass.cpu_ms, static_cast<double>(sum(after) - sum(before)) / runs,
      pass.wall_ms / bulk.wall_ms, pass.wall_ms / heard.wall_ms);
  std::printf("  the bulk call alone     %9.3f ms wall %9.3f ms cpu   1.00 calls\n", bulk.wall_ms,
              bulk.cpu_ms);
  std::printf("  the same, with events   %9.3f ms wall %9.3f ms cpu   1.00 calls\n", heard.wall_ms,
              heard.cpu_ms);
  std::printf("  per-domain C loop       %9.3f ms wall %9.3f ms cpu %6d calls  %5.1fx pass\n",
              loop.wall_ms, loop.cpu_ms, 2 * n + 1, loop.wall_ms / pass.wall_ms);
  if (shell >= 0)
    std::printf("  shell loop of dominfo   %9.0f ms wall %36.0fx pass\n", shell * 1e3,
                shell * 1e3 / pass.wall_ms);
  for (const auto& [name, count] : after)
    if (const auto known = before.find(name); known == before.end() || known->second != count)
      std::printf("    %s: %.2f a pass\n", name.c_str(),
                  static_cast<double>(count - (known == before.end() ? 0 : known->second)) / runs);
  remove_guests(peer);
  fs::remove_all(root);
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  const std::string uri = argc > 1 ? argv[1] : "test:///default";
  std::vector<int> counts;
  for (int i = 2; i < argc; ++i) counts.push_back(std::atoi(argv[i]));
  if (counts.empty()) counts = {10, 100, 300};
  virConnectPtr peer = virConnectOpen(uri.c_str());
  if (peer == nullptr) holdfast::give_up("cannot connect to " + uri);
  for (const int n : counts) holdfast::run(uri, n, peer);
  virConnectClose(peer);
  return 0;
}
