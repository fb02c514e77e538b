// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/environment.hpp"
#include "schema/hub_protocol.hpp"

// Job files and the envelopes that carry their signatures.
namespace holdfast::cli {

// A job file as it was written, or an envelope with the signatures it has so far.
struct SignedFile {
  JobEnvelope envelope{};  // a job file: no signatures yet
  bool is_envelope = false;
};

// From a file, or "-" for `in`. Errc::invalid when it is neither.
Result<SignedFile> read_signed_file(const std::string& path, std::istream& in);
// Whole or not at all.
Result<void> write_text(const std::string& path, const std::string& text);
// Where `job sign job.json` puts the envelope: job.signed.json.
std::string envelope_path(const std::string& job_path);

// The armored signature of `ssh-keygen -Y sign -n job@holdfast -f key` over exactly `payload`.
// The terminal is its own meanwhile, for passphrases, PINs and touches; keys may be in an agent
// or on a token. Errc::denied when it signs nothing, and, naming the code, when what it
// signed would be refused by every host.
Result<std::string> sign_with(const std::string& key, const std::string& payload,
                              const Environment& environment);

// Adds a signature for each key that has not signed the envelope before; how many.
Result<std::size_t> sign_envelope(JobEnvelope& envelope, const std::vector<std::string>& keys,
                                  const Environment& environment);

}  // namespace holdfast::cli
