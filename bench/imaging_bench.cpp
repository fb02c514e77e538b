// SPDX-License-Identifier: Apache-2.0
// What bench/imaging.py measures of ours, one operation a process:
//   imaging_bench pack DISK FILE LEVEL     prints the frame tree to FILE.tree
//   imaging_bench restore|verify FILE FORMAT SIZE TARGET [threads|io_uring]
// A FILE.tree beside the file is used. And how it measures, us and others alike:
//   imaging_bench measure MADE SOURCE PROGRAM WORD...
// reads SOURCE into the page cache (-: nothing), syncs, runs the program, syncs the file MADE if
// it is there, and prints seconds, processor seconds and peak KiB. A small program has to do
// this: a child's peak memory begins with its parent's.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "imaging/image.hpp"
#include "imaging/pack.hpp"

namespace holdfast::imaging {
namespace {

int report(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  return 1;
}

int run_pack(const std::vector<std::string>& words) {
  PackSettings settings;
  settings.level = std::atoi(words.at(3).c_str());
  const auto packed = pack(words.at(1), words.at(2), settings, {});
  if (!packed) return report(packed.error());
  const auto text = to_text(packed->tree, packed->virtual_size);
  std::ofstream out{words.at(2) + ".tree"};
  out << text.frame_size << ' ' << text.root << '\n';
  for (const auto& frame : text.frames) out << frame << '\n';
  return out.flush() ? 0 : 1;
}

Result<Source> source_of(const std::vector<std::string>& words) {
  Source source;
  source.path = words.at(1);
  source.format = format_from_string(words.at(2)).value_or(Format::raw);
  source.virtual_size = std::strtoull(words.at(3).c_str(), nullptr, 10);
  std::ifstream in{source.path + ".tree"};
  TreeText text;
  if (!(in >> text.frame_size >> text.root)) return source;
  for (std::string frame; in >> frame;) text.frames.push_back(frame);
  source.tree = TRY(parse_tree(text, source.virtual_size, source.path));
  return source;
}

int run_image(const std::vector<std::string>& words) {
  const auto source = source_of(words);
  if (!source) return report(source.error());
  Options options;
  if (words.size() > 5) options.io = words[5] == "threads" ? IoKind::threads : IoKind::io_uring;
  if (words[0] == "verify") {
    const auto verified = verify(*source, options);
    return verified ? 0 : report(verified.error());
  }
  const auto restored = restore(*source, words.at(4), options);
  return restored ? 0 : report(restored.error());
}

void warm(const std::string& path) {
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::vector<char> buffer(1 << 20);
  for (off_t at = 0; (at = ::lseek(file.get(), at, SEEK_DATA)) >= 0;) {
    const off_t end = ::lseek(file.get(), at, SEEK_HOLE);
    while (at < end) {
      const auto size = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - at));
      const auto got = ::pread(file.get(), buffer.data(), size, at);
      if (got <= 0) return;
      at += got;
    }
  }
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

int measure(const std::vector<std::string>& words) {
  if (words[2] != "-") warm(words[2]);
  ::sync();
  std::vector<std::string> program(words.begin() + 3, words.end());
  std::vector<char*> argv;
  for (auto& word : program) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  const auto started = std::chrono::steady_clock::now();
  pid_t pid = -1;
  if (::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0) return 127;
  int status = 0;
  rusage usage{};
  if (::wait4(pid, &status, 0, &usage) != pid || status != 0) return 1;
  if (const UniqueFd made{::open(words[1].c_str(), O_RDWR | O_CLOEXEC)}; made) ::fsync(made.get());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  std::printf("%f %f %ld\n", taken.count(), seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
              usage.ru_maxrss);
  return 0;
}

}  // namespace
}  // namespace holdfast::imaging

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 4 && words[0] == "pack") return holdfast::imaging::run_pack(words);
  if (words.size() >= 4 && words[0] == "measure") return holdfast::imaging::measure(words);
  if (words.size() >= 5) return holdfast::imaging::run_image(words);
  std::fprintf(stderr, "see the head of bench/imaging_bench.cpp\n");
  return 2;
}
