// SPDX-License-Identifier: Apache-2.0
#include "tests/signing/stock.hpp"

#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace holdfast::forge {
namespace {

int run(const std::string& command) { return std::system(command.c_str()); }

std::string contents(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

Stock::Stock() {
  std::string name = (std::filesystem::temp_directory_path() / "holdfast-stock-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  folder_ = name;
}

Stock::~Stock() {
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
}

bool Stock::is_installed() { return run("command -v ssh-keygen >/dev/null 2>&1") == 0; }

std::string Stock::put(const std::string& name, std::string_view text, bool is_private) {
  const auto path = folder_ / name;
  std::ofstream{path, std::ios::binary} << text;
  if (is_private) ::chmod(path.c_str(), 0600);
  return "'" + path.string() + "'";
}

bool Stock::verifies(const std::string& allowed_signers, const std::string& name,
                     const std::string& name_space, const std::string& armored,
                     const std::string& message, const std::string& verify_time) {
  const std::string signers = put("allowed", allowed_signers);
  const std::string signature = put("signature", armored);
  const std::string text = put("message", message);
  const std::string at = verify_time.empty() ? "" : " -O verify-time=" + verify_time;
  return run("TZ=UTC ssh-keygen -Y verify -f " + signers + " -I '" + name + "' -n '" + name_space +
             "'" + at + " -s " + signature + " <" + text + " >/dev/null 2>&1") == 0;
}

std::string Stock::sign(const std::string& private_key_file, const std::string& name_space,
                        const std::string& message, const std::string& options) {
  const std::string key = put("key", private_key_file, true);
  const std::string text = put("job.json", message);
  std::filesystem::remove(folder_ / "job.json.sig");
  if (run("ssh-keygen -Y sign -f " + key + " -n '" + name_space + "' " + options + " " + text +
          " >/dev/null 2>&1") != 0)
    return {};
  return contents(folder_ / "job.json.sig");
}

std::string Stock::fingerprint(const std::string& public_key) {
  const std::string key = put("key.pub", public_key);
  const std::string out = put("out", "");
  run("ssh-keygen -l -f " + key + " >" + out);
  const std::string line = contents(folder_ / "out");
  const std::size_t start = line.find(' ') + 1;
  return line.substr(start, line.find(' ', start) - start);
}

}  // namespace holdfast::forge
