// SPDX-License-Identifier: Apache-2.0
#include "schema/json_schema.hpp"

#include "schema/resource_tables.hpp"

namespace holdfast {
namespace {

Json schema_of(std::string_view kind) {
  if (kind == "Guest") return guest_table().schema();
  if (kind == "Image") return image_table().schema();
  if (kind == "HostConfig") return host_config_table().schema();
  if (kind == "HostDesiredState") return desired_state_table().schema();
  return nullptr;
}

}  // namespace

const std::vector<std::string>& json_schema_kinds() {
  static const std::vector<std::string> kinds{"Guest", "Image", "HostConfig", "HostDesiredState"};
  return kinds;
}

Result<std::string> json_schema(std::string_view kind) {
  auto schema = schema_of(kind);
  if (schema.is_null())
    return Error{Errc::not_found, "no JSON Schema for kind " + std::string{kind}};
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = std::string{kind} + " (" + std::string{api_version} + ")";
  return schema.dump(2) + "\n";
}

}  // namespace holdfast
