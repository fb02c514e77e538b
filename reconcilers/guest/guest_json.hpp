// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "base/result.hpp"
#include "host/observed.hpp"
#include "host/storage.hpp"
#include "reconcilers/guest/guest_identity.hpp"
#include "reconcilers/guest/guest_plan.hpp"

// The JSON in which operations keep what they were given. A journal outlives the program
// that wrote it: fields are added with care and never renamed. Reading is strict,
// Errc::corrupt; each read_x(json_of(x)) == x.
namespace holdfast {

nlohmann::json json_of(const ImageRef& image);
nlohmann::json json_of(const host::Disk& disk);
nlohmann::json json_of(const host::Nic& nic);
nlohmann::json json_of(const Limits& limits);
nlohmann::json json_of(const host::Shape& shape);
nlohmann::json json_of(const host::ExecutedJob& job);
nlohmann::json json_of(const host::Marker& marker);
nlohmann::json json_of(const host::GuestDefinition& definition);
nlohmann::json json_of(const SeedFile& seed);
nlohmann::json json_of(const std::optional<SeedFile>& seed);
nlohmann::json json_of(const LiveChange& change);
nlohmann::json json_of(const GuestIdentity& identity);
nlohmann::json json_of(const host::StoredImage& image);

Result<ImageRef> read_image_ref(const nlohmann::json& value);
Result<host::Disk> read_disk(const nlohmann::json& value);
Result<host::Nic> read_nic(const nlohmann::json& value);
Result<Limits> read_limits(const nlohmann::json& value);
Result<host::Shape> read_shape(const nlohmann::json& value);
Result<host::ExecutedJob> read_executed_job(const nlohmann::json& value);
Result<host::Marker> read_marker(const nlohmann::json& value);
Result<host::GuestDefinition> read_definition(const nlohmann::json& value);
Result<SeedFile> read_seed(const nlohmann::json& value);
Result<std::optional<SeedFile>> read_optional_seed(const nlohmann::json& value);
Result<LiveChange> read_live_change(const nlohmann::json& value);
Result<GuestIdentity> read_identity(const nlohmann::json& value);
Result<host::StoredImage> read_stored_image(const nlohmann::json& value);

}  // namespace holdfast
