// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace holdfast::forge {

// Stock `ssh-keygen`, as a second opinion. Owns a temporary folder.
class Stock {
 public:
  Stock();
  ~Stock();
  Stock(const Stock&) = delete;
  Stock& operator=(const Stock&) = delete;

  static bool is_installed();

  // `ssh-keygen -Y verify`, with UTC as the machine's time zone.
  bool verifies(const std::string& allowed_signers, const std::string& name,
                const std::string& name_space, const std::string& armored,
                const std::string& message, const std::string& verify_time = {});
  // `ssh-keygen -Y sign`: the armored signature, empty when it failed.
  std::string sign(const std::string& private_key_file, const std::string& name_space,
                   const std::string& message, const std::string& options = {});
  // `ssh-keygen -l` of a .pub line.
  std::string fingerprint(const std::string& public_key);

 private:
  std::string put(const std::string& name, std::string_view text, bool is_private = false);
  std::filesystem::path folder_;
};

}  // namespace holdfast::forge
