// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "api/admin_api.hpp"
#include "cli/run.hpp"
#include "tests/catch.hpp"
#include "tests/cli/fake_control_plane.hpp"

namespace holdfast::cli {

// Stands still until somebody sleeps.
class SleepingClock final : public Clock {
 public:
  Time now() const override { return api::at("2026-11-22T20:00:00Z") + elapsed_; }
  Duration elapsed() const override { return elapsed_; }
  void sleep(Duration duration) { elapsed_ += duration; }

 private:
  Duration elapsed_{};
};

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-cli-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream{path_ + "/" + name} << text;
    return path_ + "/" + name;
  }
  std::string read(const std::string& name) const {
    std::ifstream in{path_ + "/" + name, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

 private:
  std::string path_{};
};

struct Answer {
  int status = -1;
  std::string out{};
  std::string err{};
};

// The whole program against a daemon's admin socket, with a fake behind it.
class Host {
 public:
  Host() { start(); }

  void start() {
    auto served = api::AdminApi::serve({.socket = folder / "admin.sock", .group = {}},
                                       daemon.control_plane(), Logger{});
    INFO((served ? "" : served.error().message()));
    REQUIRE(served);
    server_ = std::move(served).value();
  }
  void kill_daemon() { server_.reset(); }

  Answer run(std::vector<std::string> arguments, const std::string& input = {}) {
    std::istringstream in{input};
    std::ostringstream out;
    std::ostringstream err;
    Environment environment{.in = in,
                            .out = out,
                            .err = err,
                            .clock = clock,
                            .sleep = [this](Duration duration) { clock.sleep(duration); },
                            .variables = variables,
                            .in_is_terminal = is_terminal,
                            .out_is_terminal = is_terminal,
                            .err_is_terminal = is_terminal,
                            .width = 80};
    environment.variables["HOLDFAST_SOCKET"] = folder / "admin.sock";
    Answer answer;
    answer.status = cli::run(arguments, environment);
    answer.out = out.str();
    answer.err = err.str();
    return answer;
  }

  ScratchFolder folder{};
  SleepingClock clock{};
  api::FakeControlPlane daemon{};
  std::map<std::string, std::string> variables{};
  bool is_terminal = false;

 private:
  std::unique_ptr<api::AdminApi> server_{};
};

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::string guest_yaml(const std::string& name, const std::string& memory = "128Mi") {
  return "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: " + name +
         "}\nspec:\n  image: {name: tiny, version: 1.0.0}\n  memory: " + memory +
         "\n  rootDisk: {size: 64Mi}\n";
}

}  // namespace holdfast::cli
