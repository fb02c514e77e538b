// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// What must hold for any text at all; the fuzz targets and the replay in the normal tests
// share it. Each returns what is broken, empty when nothing is.

// Accepted means: printed canonically it reads back as the same, in JSON and in YAML, and
// prints the same bytes again.
std::string broken_property_of_desired_state(std::string_view text);
std::string broken_property_of_resources(std::string_view text);
// Bytes, durations, CPUs, times of printing and reading agree.
std::string broken_property_of_quantity(std::string_view text);
// A job that is accepted prints to bytes that are accepted as the same job.
std::string broken_property_of_job(std::string_view text);
// A message between host and hub that is accepted prints to one that is accepted as the same.
std::string broken_property_of_hub_message(std::string_view text);
// As a signature, armored or not, over a fixed message: accepted is only the one that was made.
std::string broken_property_of_signature(std::string_view text);
// Every line of an allowed_signers file that is accepted says the same when it is printed.
std::string broken_property_of_operators(std::string_view text);
// A seek table that is accepted has frames that tile its file and prints to the same frames.
std::string broken_property_of_seek_table(std::string_view text);
// A frame tree that is accepted (first line: sizes and root; then a frame a line) is checked,
// and prints to what reads back as the same.
std::string broken_property_of_frame_tree(std::string_view text);
// A frame that was measured ends where zstd says, and holds no more than was measured; any file
// gives the same bytes and the same error whether its frames are read ahead or one by one.
std::string broken_property_of_zstd_frames(std::string_view text);
// A zstd image of any bytes is verified exactly when all of it can be read.
std::string broken_property_of_packed_image(std::string_view text);

}  // namespace holdfast
