// SPDX-License-Identifier: Apache-2.0
#include "imaging/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include "base/unique_fd.hpp"
#include "imaging/io_queue.hpp"
#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::size_t max_errors = 4096;
constexpr int poll_interval_ms = 20;  // how late a stop or an end may be noticed

struct Pipe {
  UniqueFd read{};
  UniqueFd write{};
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return posix_error(errno, "create a pipe");
  return Pipe{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

// Owns a child until it was waited for; killed when forgotten (an exception in a callback).
class Child {
 public:
  explicit Child(pid_t pid) : pid_{pid} {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  void end() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
  }
  bool has_ended() {
    if (pid_ < 0) return true;
    const auto waited = ::waitpid(pid_, &status_, WNOHANG);
    if (waited == 0 || (waited < 0 && errno == EINTR)) return false;
    pid_ = -1;
    return true;
  }
  int status() const { return status_; }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

struct FileActions {
  posix_spawn_file_actions_t raw{};
  FileActions() { posix_spawn_file_actions_init(&raw); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&raw); }
};

struct Attributes {
  posix_spawnattr_t raw{};
  Attributes() {
    posix_spawnattr_init(&raw);
    sigset_t none{};
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&raw, &none);
    sigset_t defaults{};
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&raw, &defaults);
    // Its own process group: a Ctrl-C on the terminal is ours to answer, with a clean stop.
    posix_spawnattr_setpgroup(&raw, 0);
    posix_spawnattr_setflags(
        &raw, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&raw); }
};

Result<pid_t> spawn(const Process& process, int out, int errors) {
  // Sources are moved out of the way of the numbers 0.. that they are copied to.
  std::vector<UniqueFd> sources;
  for (const int fd : process.inherited) {
    sources.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 64));
    if (!sources.back()) return posix_error(errno, "duplicate a descriptor");
  }
  FileActions actions;
  posix_spawn_file_actions_addopen(&actions.raw, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions.raw, out, 1);
  posix_spawn_file_actions_adddup2(&actions.raw, errors, 2);
  int next = 3;
  for (const auto& source : sources)
    posix_spawn_file_actions_adddup2(&actions.raw, source.get(), next++);
  posix_spawn_file_actions_addclosefrom_np(&actions.raw, next);

  std::vector<std::string> words = process.argv;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::string locale = "LC_ALL=C";
  std::array<char*, 3> environment{path.data(), locale.data(), nullptr};

  pid_t pid = -1;
  const Attributes attributes;
  const int error =
      ::posix_spawnp(&pid, argv[0], &actions.raw, &attributes.raw, argv.data(), environment.data());
  if (error != 0)
    return Error{Errc::unavailable,
                 posix_error(error, "run " + process.argv[0]).message() + " (is it installed?)"};
  return pid;
}

// A child has the priority of the thread that starts it.
Result<pid_t> spawn_with_priority(const Process& process, int out, int errors) {
  if (process.priority == IoPriority::normal) return spawn(process, out, errors);
  std::optional<Result<pid_t>> pid;
  std::thread{[&] {
    become_idle();
    pid.emplace(spawn(process, out, errors));
  }}.join();
  return std::move(*pid);
}

// One read of what is there; false when the pipe was closed.
bool drain(int fd, const std::function<void(std::string_view)>& take) {
  std::array<char, 4096> buffer{};
  const auto n = ::read(fd, buffer.data(), buffer.size());
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  if (n > 0 && take) take({buffer.data(), static_cast<std::size_t>(n)});
  return n > 0;
}

}  // namespace

Result<ProcessEnd> run(const Process& process) {
  auto out = TRY(make_pipe());
  auto errors = TRY(make_pipe());
  Child child{TRY(spawn_with_priority(process, out.write.get(), errors.write.get()))};
  out.write = UniqueFd{};
  errors.write = UniqueFd{};

  ProcessEnd end;
  const auto keep_errors = [&end](std::string_view text) {
    end.errors += text.substr(0, max_errors - std::min(max_errors, end.errors.size()));
  };
  std::array<pollfd, 2> pipes{{{out.read.get(), POLLIN, 0}, {errors.read.get(), POLLIN, 0}}};
  while (pipes[0].fd >= 0 || pipes[1].fd >= 0 || !child.has_ended()) {
    if (process.stop.stop_requested()) return Error{Errc::unavailable, "interrupted"};
    if (::poll(pipes.data(), pipes.size(), poll_interval_ms) <= 0) continue;
    if (pipes[0].revents != 0 && !drain(pipes[0].fd, process.on_stdout)) pipes[0].fd = -1;
    if (pipes[1].revents != 0 && !drain(pipes[1].fd, keep_errors)) pipes[1].fd = -1;
  }
  while (!end.errors.empty() && end.errors.back() == '\n') end.errors.pop_back();
  if (!WIFEXITED(child.status()))
    return Error{Errc::unavailable, process.argv[0] + " was killed by signal " +
                                        std::to_string(WTERMSIG(child.status()))};
  end.exit_status = WEXITSTATUS(child.status());
  return end;
}

}  // namespace holdfast::imaging
