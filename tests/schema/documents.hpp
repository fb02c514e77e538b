// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace holdfast {

inline std::string read_text(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// A smallest Guest in JSON whose spec has `more` ("\"cpus\": 2") besides what it must have.
inline std::string guest_with(const std::string& more, const std::string& name = "acme") {
  return R"({"apiVersion":"holdfast/v1","kind":"Guest","metadata":{"name":")" + name +
         R"("},"spec":{"image":{"name":"tiny","version":"1.0.0"},"memory":"128Mi",)" +
         R"("rootDisk":{"size":"1Gi"})" + (more.empty() ? "" : "," + more) + "}}";
}

inline std::string image_disk(const std::string& name = "root", const std::string& more = "") {
  const std::string hash(64, 'a');
  return R"({"name":")" + name + R"(","file":"root.raw","format":"raw","virtualSize":33554432,)" +
         R"("sha256":")" + hash + R"(","fileSha256":")" + hash + R"(","fileSize":33554432)" + more +
         "}";
}

inline std::string image_with(const std::string& disks, const std::string& more = "",
                              const std::string& version = "1.0.0") {
  return R"({"apiVersion":"holdfast/v1","kind":"Image","metadata":{"name":"tiny"},)" +
         std::string{R"("spec":{"version":")"} + version + R"(","disks":[)" + disks + "]" + more +
         "}}";
}

inline std::string host_config_with(const std::string& spec) {
  return R"({"apiVersion":"holdfast/v1","kind":"HostConfig","metadata":{"name":"host"},"spec":{)" +
         spec + "}}";
}

inline std::string envelope_with(const std::string& resources, const std::string& more = "") {
  return R"({"apiVersion":"holdfast/v1","kind":"HostDesiredState",)"
         R"("hostId":"9f86d081884c7d659a2feaa0c55ad015","generation":7,)"
         R"("issuedAt":"2026-11-22T19:36:00Z","resources":[)" +
         resources + "]" + more + "}";
}

}  // namespace holdfast
