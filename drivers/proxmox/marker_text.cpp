// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/marker_text.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace holdfast::proxmox {
namespace {

using Json = nlohmann::json;

constexpr std::string_view begin_mark = "<!-- holdfast-guest, leave as it is: ";
constexpr std::string_view end_mark = " -->";
constexpr std::size_t longest = 8192;

Error corrupt(const std::string& why) { return {Errc::corrupt, "the marker " + why}; }

// Where the block is: its first byte and its length.
Result<std::optional<std::pair<std::size_t, std::size_t>>> find_block(std::string_view text) {
  using Found = std::optional<std::pair<std::size_t, std::size_t>>;
  const auto start = text.find(begin_mark);
  if (start == std::string_view::npos) return Found{};
  const auto end = text.find(end_mark, start + begin_mark.size());
  if (end == std::string_view::npos) return corrupt("has no end");
  if (text.find(begin_mark, start + 1) != std::string_view::npos) return corrupt("is there twice");
  return Found{{start, end + end_mark.size() - start}};
}

std::string text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

// Nothing in it can end the comment, and no byte can be changed by an encoding on the way.
std::string dump(const Json& json) {
  std::string out;
  for (const char c : json.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '<')
      out += "\\u003c";
    else if (c == '>')
      out += "\\u003e";
    else
      out += c;
  }
  return out;
}

Json json_of(const MarkerText& text) {
  const host::Marker& marker = text.marker;
  Json json{{"uuid", to_string(marker.uuid)},
            {"incarnation", marker.incarnation.value},
            {"vmid", text.vmid},
            {"name", marker.name},
            {"hostId", marker.host_id},
            {"provenance", marker.provenance},
            {"image", marker.image},
            {"specDigest", marker.spec_digest},
            {"lastJob", marker.last_job},
            {"detail", marker.detail}};
  for (const host::ExecutedJob& job : marker.jobs)
    json["jobs"].push_back({{"id", job.id}, {"expires", to_string(job.expires)}});
  return json;
}

// One that cannot be read must not be forgotten: it could then be carried out twice.
Result<void> read_jobs(const Json& json, host::Marker& marker) {
  const auto jobs = json.find("jobs");
  if (jobs == json.end()) return ok();
  if (!jobs->is_array()) return corrupt("has jobs that cannot be read");
  for (const Json& job : *jobs) {
    const auto expires = job.is_object() ? parse_time(text(job, "expires")) : parse_time("");
    if (!expires) return corrupt("has a job that cannot be read");
    marker.jobs.push_back({text(job, "id"), *expires});
  }
  return ok();
}

}  // namespace

Result<std::optional<MarkerText>> read_marker(std::string_view description) {
  const auto block = TRY(find_block(description));
  if (!block) return std::optional<MarkerText>{};
  const auto inner = description.substr(block->first + begin_mark.size(),
                                        block->second - begin_mark.size() - end_mark.size());
  const Json json = Json::parse(inner, nullptr, false);
  if (!json.is_object()) return corrupt("is no JSON");
  MarkerText found;
  host::Marker& marker = found.marker;
  const auto uuid = Uuid::parse(text(json, "uuid"));
  const auto incarnation = json.find("incarnation");
  const auto vmid = json.find("vmid");
  if (!uuid || incarnation == json.end() || !incarnation->is_number_unsigned() ||
      vmid == json.end() || !vmid->is_number_integer())
    return corrupt("has no UUID, incarnation or VMID that can be read");
  marker.uuid = *uuid;
  marker.incarnation = Incarnation{incarnation->get<std::uint64_t>()};
  found.vmid = vmid->get<int>();
  marker.name = text(json, "name");
  marker.host_id = text(json, "hostId");
  marker.provenance = text(json, "provenance");
  marker.image = text(json, "image");
  marker.spec_digest = text(json, "specDigest");
  marker.last_job = text(json, "lastJob");
  marker.detail = text(json, "detail");
  TRY(read_jobs(json, marker));
  return std::optional<MarkerText>{std::move(found)};
}

Result<std::string> with_marker(std::string_view description, const MarkerText& marker) {
  const std::string block = std::string{begin_mark}.append(dump(json_of(marker))).append(end_mark);
  std::string whole{description};
  if (const auto old = TRY(find_block(description)))
    whole.replace(old->first, old->second, block);
  else
    whole += (whole.empty() || whole.back() == '\n' ? "" : "\n") + block;
  while (!whole.empty() && whole.back() == '\n') whole.pop_back();  // Proxmox adds one each time
  if (whole.size() > longest)
    return Error{Errc::exhausted, "the description holds at most " + std::to_string(longest) +
                                      " characters, and with the marker it would have " +
                                      std::to_string(whole.size()) +
                                      "; shorten what a person wrote there"};
  return whole;
}

}  // namespace holdfast::proxmox
