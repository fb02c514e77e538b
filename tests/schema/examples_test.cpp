// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <set>
#include <string>

#include "schema/desired_state.hpp"
#include "schema/job.hpp"
#include "tests/catch.hpp"
#include "tests/schema/documents.hpp"

namespace holdfast {

TEST_CASE("examples: every resource file parses without a rejected resource",
          "[schema][examples]") {
  std::size_t parsed = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator{HOLDFAST_SOURCE_DIR "/examples"}) {
    const auto path = entry.path();
    const bool is_resource = path.extension() == ".yaml" || path.extension() == ".json";
    // The daemon's own configuration and jobs are no resources.
    if (!is_resource || path.filename() == "agent.yaml" ||
        path.filename().string().starts_with("job"))
      continue;
    CAPTURE(path);
    const auto content = parse_file(read_text(path), path.filename().string());
    INFO((content ? "" : content.error().message()));
    REQUIRE(content);
    const auto& rejected = std::visit(
        [](const auto& c) -> const auto& { return c.rejected; }, *content);
    CHECK(rejected.empty());
    ++parsed;
  }
  CHECK(parsed >= 5);
}

TEST_CASE("examples: the job is printed exactly as a job prints", "[schema][examples][job]") {
  const auto text = read_text(HOLDFAST_SOURCE_DIR "/examples/job.json");
  const auto job = parse_job(text, "job.json");
  REQUIRE(job);
  CHECK(to_json(*job) == text);
}

}  // namespace holdfast
