// SPDX-License-Identifier: Apache-2.0
#include "journal/records.hpp"

#include <array>

namespace holdfast {
namespace {

template <class Enum, std::size_t count>
std::optional<Enum> parse_word(std::string_view text, const std::array<Enum, count>& all) {
  for (const Enum value : all) {
    if (to_string(value) == text) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::created: return "created";
    case Origin::scratch: return "scratch";
    case Origin::adopted: return "adopted";
    case Origin::foreign: return "foreign";
  }
  return "unknown";
}

std::string_view to_string(Life life) {
  switch (life) {
    case Life::provisioning: return "provisioning";
    case Life::live: return "live";
    case Life::tombstone: return "tombstone";
    case Life::gone: return "gone";
  }
  return "unknown";
}

std::optional<Origin> parse_origin(std::string_view text) {
  return parse_word(text,
                    std::array{Origin::created, Origin::scratch, Origin::adopted, Origin::foreign});
}

std::optional<Life> parse_life(std::string_view text) {
  return parse_word(text, std::array{Life::provisioning, Life::live, Life::tombstone, Life::gone});
}

std::optional<JobState> parse_job_state(std::string_view text) {
  return parse_word(text, std::array{JobState::accepted, JobState::running, JobState::done,
                                     JobState::refused, JobState::failed});
}

bool has_ended(JobState state) { return state != JobState::accepted && state != JobState::running; }

}  // namespace holdfast
