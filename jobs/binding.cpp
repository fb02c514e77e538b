// SPDX-License-Identifier: Apache-2.0
#include "jobs/binding.hpp"

#include "jobs/codes.hpp"
#include "jobs/intake.hpp"

namespace holdfast::jobs {
namespace {

using signing::Objection;
using signing::Refusal;

bool is_ours(const std::optional<Provenance>& row) {
  return row && row->life != Life::gone && row->origin != Origin::foreign;
}

Refusal wrong_guest(const Job& job, const std::string& why) {
  return {code::wrong_guest,
          "the guest " + job.guest->name + " (" + to_string(job.guest->uuid) + ") " + why};
}

}  // namespace

Objection object_to_window(const Job& job, const std::string& host_id, Time now) {
  if (job.host_id != host_id)
    return Refusal{code::wrong_host,
                   "it is for host " + job.host_id + ", and this is host " + host_id};
  if (job.expires - job.not_before > longest_window)
    return Refusal{code::window_too_long, "it is good for " +
                                              to_short_string(job.expires - job.not_before) +
                                              ", and 7 days are the most"};
  if (now >= job.expires)
    return Refusal{code::expired, "it was good until " + to_string(job.expires) +
                                      ", and now it is " + to_string(now)};
  if (now < job.not_before)
    return Refusal{code::not_yet_valid, "it is good from " + to_string(job.not_before) +
                                            ", and now it is " + to_string(now)};
  return std::nullopt;
}

Objection object_to_binding(const VerifiedJob& verified, const std::optional<Provenance>& row) {
  const Job& job = verified.job;
  const About about = verified.meaning.about;
  if (about == About::host) {
    if (!job.guest) return std::nullopt;
    return Refusal{code::wrong_guest, job.action + " is about the host, and it names a guest"};
  }
  if (!job.guest) return Refusal{code::wrong_guest, job.action + " must name a guest"};
  if (about == About::stranger) {
    if (is_ours(row)) return wrong_guest(job, "is this host's own already");
    return std::nullopt;
  }
  if (about == About::copy) return std::nullopt;  // the backup says whose it is
  if (!is_ours(row)) return wrong_guest(job, "is not one of this host's");
  if (row->incarnation != job.guest->incarnation)
    return Refusal{code::wrong_incarnation,
                   "it names incarnation " + std::to_string(job.guest->incarnation.value) +
                       " of the guest, and now there is " + std::to_string(row->incarnation.value) +
                       ": its data was replaced since"};
  const bool is_tombstone = row->life == Life::tombstone;
  if (about == About::guest && is_tombstone)
    return wrong_guest(job, "was destroyed already and is kept to be undeleted");
  if (about == About::tombstone && !is_tombstone) return wrong_guest(job, "was not destroyed");
  return std::nullopt;
}

std::string subject_of(const VerifiedJob& verified, const std::optional<Provenance>& row) {
  if (!verified.job.guest) return "host";
  // The turn of the guest that will be made.
  if (verified.meaning.about == About::copy) return "guest/" + verified.job.params.at("name");
  if (verified.meaning.about != About::stranger && row) return row->subject;
  return "guest/" + verified.job.guest->name;
}

}  // namespace holdfast::jobs
