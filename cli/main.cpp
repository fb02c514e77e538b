// SPDX-License-Identifier: Apache-2.0
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "cli/run.hpp"

namespace {

std::size_t columns() {
  winsize size{};
  // ioctl is variadic by its nature.
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool is_terminal(int fd) {
  const char* kind = std::getenv("TERM");
  return ::isatty(fd) == 1 && (kind == nullptr || std::string{kind} != "dumb");
}

}  // namespace

int main(int argc, char** argv) {
  // `holdfast ... | head` ends with a failed write instead of a signal in the middle.
  std::signal(SIGPIPE, SIG_IGN);
  const holdfast::SystemClock clock;
  holdfast::cli::Environment environment{
      .in = std::cin,
      .out = std::cout,
      .err = std::cerr,
      .clock = clock,
      .sleep = [](holdfast::Duration duration) { std::this_thread::sleep_for(duration); },
      .variables = {},
      .in_is_terminal = is_terminal(STDIN_FILENO),
      .out_is_terminal = is_terminal(STDOUT_FILENO),
      .err_is_terminal = is_terminal(STDERR_FILENO),
      .width = columns()};
  for (const char* name :
       {"HOLDFAST_SOCKET", "HOLDFAST_HUB_URL", "HOLDFAST_HUB_KEY", "HOLDFAST_HUB_CA",
        "HOLDFAST_HUB_CONFIG", "XDG_CONFIG_HOME", "HOME", "NO_COLOR", "TMPDIR"})
    if (const char* value = std::getenv(name)) environment.variables[name] = value;
  return holdfast::cli::run({argv + (argc > 0 ? 1 : 0), argv + argc}, environment);
}
