// SPDX-License-Identifier: Apache-2.0
// Commits a second of the journal beside what the same disk does in the same minute: a bare
// append and fdatasync of as many bytes as one commit writes. Usage: journal_bench [FOLDER]
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "journal/journal.hpp"
#include "journal/writes.hpp"

using namespace holdfast;

namespace {

constexpr auto measured_for = std::chrono::seconds{2};
constexpr int rounds = 3;  // the best of them: a shared disk has bad moments
constexpr int group_writers = 8;
constexpr std::size_t page = 4'096;

// Calls of `work` a second, until the time is up; negative when one failed.
double rate_of(const std::function<bool()>& work) {
  const auto start = std::chrono::steady_clock::now();
  const auto end = start + measured_for;
  long count = 0;
  while (std::chrono::steady_clock::now() < end) {
    if (!work()) return -1;
    ++count;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return static_cast<double>(count) / took.count();
}

double bare_rate(const std::string& folder) {
  const std::string path = folder + "/bare";
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  const std::string bytes(page, 'x');
  return rate_of([&] {
    return ::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
           ::fdatasync(file.get()) == 0;
  });
}

// What a step's progress is: one row of a step, one of its operation.
double journal_rate(Journal& journal, int writers) {
  std::vector<double> rates(static_cast<std::size_t>(writers), -1);
  std::vector<std::thread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&journal, &rates, writer] {
      const std::string subject = "guest/" + std::to_string(writer);
      auto op = journal.unfinished(subject);
      if (op && !*op) {
        if (!journal.begin("bench", subject, "{}")) return;
        op = journal.unfinished(subject);
      }
      if (!op) return;
      const OperationId id = (*op)->id;
      rates[static_cast<std::size_t>(writer)] = rate_of([&] {
        const auto written =
            journal.commit([&](Writes& w) { return w.begun(id, "step", "what is to be done"); });
        return static_cast<bool>(written);
      });
    });
  }
  for (auto& thread : threads) thread.join();
  double sum = 0;
  for (const double rate : rates) {
    if (rate < 0) return -1;
    sum += rate;
  }
  return sum;
}

int measure(const std::string& folder) {
  const SystemClock clock;
  JournalOptions options;
  options.path = folder + "/journal";
  auto journal = Journal::open(options, clock);
  if (!journal) {
    std::fprintf(stderr, "%s\n", journal.error().describe().c_str());
    return 1;
  }
  double bare = 0;
  double single = 0;
  double group = 0;
  for (int round = 0; round < rounds; ++round) {
    bare = std::max(bare, bare_rate(folder));
    single = std::max(single, journal_rate(**journal, 1));
    group = std::max(group, journal_rate(**journal, group_writers));
  }
  if (bare <= 0 || single <= 0 || group <= 0) {
    std::fprintf(stderr, "a write failed\n");
    return 1;
  }
  std::printf("bare append + fdatasync   %10.0f /s\n", bare);
  std::printf("journal, one writer       %10.0f /s   %.2f x bare     (target 0.70)\n", single,
              single / bare);
  std::printf("journal, %d writers        %10.0f /s   %.2f x one      (target 2.00)\n",
              group_writers, group, group / single);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder = std::string{argc > 1 ? argv[1] : "."} + "/journal-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) {
    std::perror(folder.c_str());
    return 1;
  }
  const int status = measure(folder);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return status;
}
