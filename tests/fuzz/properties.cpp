// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/properties.hpp"

#include "schema/desired_state.hpp"
#include "schema/hub_protocol.hpp"
#include "schema/job.hpp"
#include "schema/limits.hpp"
#include "schema/quantity.hpp"

namespace holdfast {
namespace {

std::string check_state(const HostDesiredState& state) {
  const auto canonical = to_canonical_json(state);
  const auto again = parse_stored_state(canonical);
  if (!again) return "canonical JSON is refused: " + again.error().message();
  if (!(*again == state)) return "canonical JSON reads back as something else: " + canonical;
  if (to_canonical_json(*again) != canonical) return "canonical JSON is not stable: " + canonical;
  const auto yaml = to_yaml(state);
  if (yaml.size() > limits::yaml_bytes) return {};
  const auto from_yaml = parse_desired_state(yaml, "printed.yaml");
  if (!from_yaml) {
    // Only a loose resource can be two levels deeper inside the envelope than it was.
    const bool too_deep = from_yaml.error().message().find("nesting deeper") != std::string::npos;
    return too_deep ? "" : "YAML is refused: " + from_yaml.error().message() + "\n" + yaml;
  }
  if (!(*from_yaml == state)) return "YAML reads back as something else:\n" + yaml;
  return {};
}

}  // namespace

std::string broken_property_of_desired_state(std::string_view text) {
  const auto state = parse_desired_state(text, "fuzz");
  return state ? check_state(*state) : std::string{};
}

std::string broken_property_of_resources(std::string_view text) {
  auto resources = parse_resources(text, "fuzz");
  if (!resources) return {};
  for (const auto& guest : resources->guests) {
    const auto again = parse_guest(to_canonical_json(guest), "printed.json");
    if (!again || !(*again == guest)) return "a guest reads back as something else";
    if (digest(*again) != digest(guest)) return "a digest is not stable";
  }
  return check_state(with_envelope(std::move(resources).value(), std::string(32, 'a'), 1, Time{}));
}

std::string broken_property_of_quantity(std::string_view text) {
  if (const auto bytes = parse_bytes(text)) {
    const auto again = parse_bytes(to_string(*bytes));
    if (!again || !(*again == *bytes)) return "bytes read back as something else";
  }
  if (const auto duration = parse_duration(text)) {
    const auto again = parse_duration(to_string(*duration));
    if (!again || *again != *duration) return "a duration reads back as something else";
  }
  if (const auto time = parse_time(text)) {
    const auto again = parse_time(to_string(*time));
    if (!again || *again != *time) return "a time reads back as something else";
  }
  if (const auto cpus = parse_cpus(text)) {
    if (parse_cpus(std::to_string(*cpus)).value() != *cpus) return "CPUs read back differently";
  }
  return {};
}

std::string broken_property_of_job(std::string_view text) {
  const auto job = parse_job(text, "fuzz");
  if (!job) return {};
  const auto again = parse_job(to_json(*job), "printed");
  if (!again) return "a printed job is refused: " + again.error().message();
  return *again == *job ? std::string{} : "a job reads back as something else";
}

namespace {

template <class Message>
std::string broken_property_of(std::string_view text, const char* name) {
  const auto message = parse_message<Message>(text);
  if (!message) return {};
  const auto again = parse_message<Message>(to_json(*message));
  if (!again) return std::string{"a printed "} + name + " is refused: " + again.error().message();
  return *again == *message ? std::string{}
                            : std::string{"a "} + name + " reads back as something else";
}

}  // namespace

std::string broken_property_of_hub_message(std::string_view text) {
  for (const auto& broken : {broken_property_of<SyncRequest>(text, "sync request"),
                             broken_property_of<SyncResponse>(text, "sync response"),
                             broken_property_of<Heartbeat>(text, "heartbeat"),
                             broken_property_of<EnrollRequest>(text, "enroll request"),
                             broken_property_of<EnrollResponse>(text, "enroll response"),
                             broken_property_of<JobEnvelope>(text, "job envelope")})
    if (!broken.empty()) return broken;
  if (const auto token = parse_enroll_token(text); token && to_string(*token) != text)
    return "an enrolment token prints as another text";
  return {};
}

}  // namespace holdfast
