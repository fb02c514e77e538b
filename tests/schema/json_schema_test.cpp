// SPDX-License-Identifier: Apache-2.0
// The published JSON Schemas against the parser, both ways, with an independent validator.
#include "schema/json_schema.hpp"

#include <string>
#include <utility>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include <nlohmann/json.hpp>

#include "schema/desired_state.hpp"
#include "tests/catch.hpp"
#include "tests/schema/documents.hpp"

namespace holdfast {
namespace {

using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

// The file as it is published, not what the program would print.
std::string published(const std::string& name) {
  return read_text(HOLDFAST_SOURCE_DIR "/schema/v1/" + name + ".schema.json");
}

class PublishedSchema {
 public:
  explicit PublishedSchema(const std::string& name) {
    const auto json = Json::parse(published(name));
    const Adapter adapter{json};
    valijson::SchemaParser{valijson::SchemaParser::kDraft7}.populateSchema(adapter, schema_);
  }
  bool accepts(const std::string& document) const {
    const auto json = Json::parse(document);
    valijson::Validator validator{valijson::Validator::kStrongTypes};
    return validator.validate(schema_, Adapter{json}, nullptr);
  }

 private:
  valijson::Schema schema_{};
};

bool guest_parses(const std::string& text) { return bool{parse_guest(text, "a.json")}; }
bool image_parses(const std::string& text) { return bool{parse_image(text, "a.json")}; }
bool config_parses(const std::string& text) { return bool{parse_host_config(text, "a.json")}; }

const std::vector<std::string> good_guests{
    "",
    R"("cpus":2)",
    R"("cpus":"2")",
    R"("cpus":512)",
    R"("provider":"proxmox")",
    R"("power":"Suspended")",
    R"("volumes":[{"name":"a","size":"1Gi","class":"bulk","target":"x","backup":"none"}])",
    R"("volumes":[{"name":"roots","size":1073741824},{"name":"b","size":"1e9"}])",
    R"("interfaces":[{"bridge":"br0.7"},{"network":"default","model":"e1000"},{"user":true}])",
    R"("interfaces":[{"name":"lan","bridge":"br0"}])",
    R"("ports":[{"protocol":"tcp","guestPort":80,"hostPort":"auto"}])",
    R"("ports":[{"protocol":"udp","guestPort":1,"hostPort":65535}])",
    R"("limits":{})",
    R"("limits":{"cpuShares":2,"ioReadBps":"100Mi","ioWriteBps":"1.5Mi"})",
    R"("bootstrap":{"userData":{"a":[1,null]},"networkConfig":"x"})",
    R"("bootstrap":{"userData":"","networkConfig":{}})",
    R"("health":{"kind":"tcp","port":1})",
    R"("health":{"kind":"tcp","port":1,"path":"/"})",
    R"("health":{"kind":"http","port":65535,"path":"/a?b=c","timeout":"1h"})",
    R"("backup":{"policy":"nightly"})",
    R"("stopTimeout":"1h30m")",
    R"("stopTimeout":"1500ms")"};

const std::vector<std::string> bad_guests{
    R"("cpus":0)",
    R"("cpus":513)",
    R"("cpus":2.5)",
    R"("cpus":"two")",
    R"("cpus":"500m")",
    R"("cpus":null)",
    R"("cpus":[1])",
    R"("provider":"Lib")",
    R"("provider":"")",
    R"("provider":"-a")",
    R"("provider":"a-")",
    R"("power":"running")",
    R"("power":true)",
    R"("unknown":1)",
    R"("volumes":{})",
    R"("volumes":[{"name":"root","size":"1Gi"}])",
    R"("volumes":[{"name":"a"}])",
    R"("volumes":[{"name":"a","size":"1Gb"}])",
    R"("volumes":[{"name":"a","size":"-1Gi"}])",
    R"("volumes":[{"name":"a","size":1}])",
    R"("volumes":[{"name":"a","size":true}])",
    R"("volumes":[{"name":"a","size":"1Gi","class":"cold"}])",
    R"("volumes":[{"name":"a","size":"1Gi","backup":"weekly"}])",
    R"("volumes":[{"name":"a","size":"1Gi","mode":1}])",
    R"("interfaces":[{}])",
    R"("interfaces":[{"bridge":"br0","user":true}])",
    R"("interfaces":[{"user":false}])",
    R"("interfaces":[{"bridge":"a/b"}])",
    R"("interfaces":[{"bridge":"a234567890123456"}])",
    R"("interfaces":[{"network":".."}])",
    R"("interfaces":[{"user":true,"model":"e 1000"}])",
    R"("ports":[{"protocol":"icmp","guestPort":80}])",
    R"("ports":[{"protocol":"tcp","guestPort":0}])",
    R"("ports":[{"protocol":"tcp","guestPort":65536}])",
    R"("ports":[{"protocol":"tcp","guestPort":"80"}])",
    R"("ports":[{"protocol":"tcp","guestPort":80,"hostPort":"any"}])",
    R"("ports":[{"protocol":"tcp","guestPort":80,"hostPort":0}])",
    R"("ports":[{"guestPort":80}])",
    R"("limits":{"cpuShares":1})",
    R"("limits":{"cpuShares":262145})",
    R"("limits":{"ioReadBps":"fast"})",
    R"("limits":{"iops":1})",
    R"("bootstrap":{"userData":7})",
    R"("bootstrap":{"userData":[]})",
    R"("bootstrap":{"vendorData":""})",
    R"("health":{"kind":"icmp","port":1})",
    R"("health":{"kind":"tcp"})",
    R"("health":{"kind":"tcp","port":1,"path":"/x"})",
    R"("health":{"kind":"http","port":1,"path":"x"})",
    R"("health":{"kind":"http","port":1,"path":"/a b"})",
    R"("health":{"kind":"http","port":1,"timeout":5})",
    R"("backup":{})",
    R"("backup":{"policy":"Nightly"})",
    R"("backup":"nightly")",
    R"("stopTimeout":"1d")",
    R"("stopTimeout":"30m1h")",
    R"("stopTimeout":"")",
    R"("stopTimeout":60)"};

// Draft 7 cannot say these: the schema accepts them, the parser does not.
const std::vector<std::string> beyond_draft_7_guests{
    // the size of a quantity that is text
    R"("volumes":[{"name":"a","size":"1Ki"}])", R"("volumes":[{"name":"a","size":"1.0001Ki"}])",
    R"("volumes":[{"name":"a","size":"99999999999999999999"}])", R"("limits":{"ioReadBps":"1"})",
    // the size of a number that is text
    R"("cpus":"0")", R"("cpus":"9999999999")",
    // the length of a duration
    R"("stopTimeout":"0s")", R"("stopTimeout":"25h")",
    R"("health":{"kind":"tcp","port":1,"timeout":"2h"})",
    // uniqueness by one field of many
    R"("volumes":[{"name":"a","size":"1Gi"},{"name":"a","size":"2Gi"}])",
    R"("interfaces":[{"bridge":"br0","name":"x"},{"bridge":"br1","name":"x"}])",
    R"("interfaces":[{"bridge":"br0","name":"net1"},{"bridge":"br1"}])",
    R"("ports":[{"protocol":"tcp","guestPort":80},{"protocol":"tcp","guestPort":80}])",
    R"("ports":[{"protocol":"tcp","guestPort":80,"hostPort":9},)"
    R"({"protocol":"tcp","guestPort":81,"hostPort":9}])"};

std::string boot(const std::string& more) {
  return R"(,"boot":{"kernel":"vmlinuz","kernelSha256":")" + std::string(64, 'b') + "\"" + more +
         "}";
}

// A disk whose content only a tree describes, or nothing does.
std::string treeless_disk(const std::string& more) {
  auto disk = image_disk("root", more);
  const auto at = disk.find(R"("sha256")");
  return disk.erase(at, disk.find(R"("fileSha256")") - at);
}

std::string tree(const std::string& frames, const std::string& size = "65536") {
  return R"(,"tree":{"frameSize":)" + size + R"(,"root":")" + std::string(64, 'd') +
         R"(","frames":[)" + frames + "]}";
}

const std::vector<std::string>& good_images() {
  static const std::vector<std::string> images{
      image_with(image_disk()),
      image_with(image_disk() + "," + image_disk("db")),
      image_with(image_disk(), R"(,"firstBoot":"none")", "2026.11.1"),
      image_with(image_disk(), boot("")),
      image_with(image_disk("root", tree(R"("zeros:999999999999")"))),
      image_with(treeless_disk(tree("\"" + std::string(64, 'e') + R"(","zeros:1")"))),
      image_with(image_disk(), boot(R"(,"cmdline":"console=ttyS0","initrd":"i","initrdSha256":")" +
                                    std::string(64, 'c') + "\""))};
  return images;
}

const std::vector<std::string>& bad_images() {
  static const std::vector<std::string> images{
      image_with(""),
      image_with(image_disk("db")),
      image_with(image_disk("Root")),
      image_with(treeless_disk("")),
      image_with(image_disk("root", tree(""))),
      image_with(image_disk("root", tree(R"("zeros:0")"))),
      image_with(image_disk("root", tree(R"("zeros:01")"))),
      image_with(image_disk("root", tree(R"("zeros:1000000000000")"))),
      image_with(image_disk("root", tree(R"("zeros:1")", "65535"))),
      image_with(image_disk("root", R"(,"size":1)")),
      image_with(image_disk(), R"(,"firstBoot":"magic")"),
      image_with(image_disk(), R"(,"source":"x")"),
      image_with(image_disk(), "", "../1"),
      image_with(image_disk(), "", ""),
      image_with(image_disk(), boot(R"(,"initrd":"i")")),
      image_with(image_disk(), boot(R"(,"initrdSha256":")" + std::string(64, 'c') + "\"")),
      image_with(image_disk(),
                 boot(R"(,"initrd":"../i","initrdSha256":")" + std::string(64, 'c') + "\"")),
      image_with(image_disk(), boot(R"(,"cmdline":"a\nb")")),
      image_with(image_disk(), R"(,"boot":{})"),
      image_with("{}"),
      guest_with("")};
  return images;
}

void check_both(const PublishedSchema& schema, bool (*parses)(const std::string&),
                const std::string& text, bool expected) {
  CAPTURE(text);
  CHECK(schema.accepts(text) == expected);
  CHECK(parses(text) == expected);
}

}  // namespace

TEST_CASE("json schema: the published files are what the parser's tables say",
          "[schema][jsonschema]") {
  // After a field was added: cmake --build build/dev --target schema_update
  CHECK(published("guest") == json_schema("Guest").value());
  CHECK(published("image") == json_schema("Image").value());
  CHECK(published("hostconfig") == json_schema("HostConfig").value());
  CHECK(published("hostdesiredstate") == json_schema("HostDesiredState").value());
  CHECK(json_schema_kinds().size() == 4);
  CHECK(json_schema("Pod").error().code() == Errc::not_found);
}

TEST_CASE("json schema: guests are judged alike by schema and parser", "[schema][jsonschema]") {
  const PublishedSchema schema{"guest"};
  for (const auto& more : good_guests) check_both(schema, guest_parses, guest_with(more), true);
  for (const auto& more : bad_guests) check_both(schema, guest_parses, guest_with(more), false);
  for (const auto* const name : {"", "A", "a.b", "-a", "a-", "a_b", "a b"})
    check_both(schema, guest_parses, guest_with("", name), false);
  check_both(schema, guest_parses, guest_with("", std::string(63, 'a')), true);
  check_both(schema, guest_parses, guest_with("", std::string(64, 'a')), false);
}

TEST_CASE("json schema: every required field of a guest is required by both",
          "[schema][jsonschema]") {
  const PublishedSchema schema{"guest"};
  for (const auto* const pointer : {"/apiVersion", "/kind", "/metadata", "/metadata/name", "/spec",
                                    "/spec/image", "/spec/image/name", "/spec/image/version",
                                    "/spec/memory", "/spec/rootDisk", "/spec/rootDisk/size"}) {
    CAPTURE(pointer);
    auto json = Json::parse(guest_with(""));
    const Json::json_pointer at{pointer};
    json[at.parent_pointer()].erase(at.back());
    check_both(schema, guest_parses, json.dump(), false);
  }
}

TEST_CASE("json schema: what draft 7 cannot say is refused by the parser alone",
          "[schema][jsonschema]") {
  const PublishedSchema schema{"guest"};
  for (const auto& more : beyond_draft_7_guests) {
    CAPTURE(more);
    CHECK(schema.accepts(guest_with(more)));
    CHECK_FALSE(guest_parses(guest_with(more)));
  }
  const PublishedSchema image_schema{"image"};
  const auto twins = image_with(image_disk() + "," + image_disk());
  CHECK(image_schema.accepts(twins));
  CHECK_FALSE(image_parses(twins));
}

TEST_CASE("json schema: images and host configs are judged alike by schema and parser",
          "[schema][jsonschema]") {
  const PublishedSchema image{"image"};
  for (const auto& text : good_images()) check_both(image, image_parses, text, true);
  for (const auto& text : bad_images()) check_both(image, image_parses, text, false);
  const PublishedSchema config{"hostconfig"};
  for (const auto* const spec :
       {"", R"("resyncInterval":"5m")", R"("workers":64)", R"("logLevel":"error")"})
    check_both(config, config_parses, host_config_with(spec), true);
  for (const auto* const spec :
       {R"("resyncInterval":5)", R"("workers":0)", R"("workers":65)", R"("workers":"4")",
        R"("logLevel":"trace")", R"("stateDir":"/tmp")"})
    check_both(config, config_parses, host_config_with(spec), false);
}

TEST_CASE("json schema: what the parser prints is always accepted", "[schema][jsonschema]") {
  const PublishedSchema guest_schema{"guest"};
  for (const auto& more : good_guests) {
    const auto printed = to_canonical_json(parse_guest(guest_with(more), "a.json").value());
    CAPTURE(printed);
    CHECK(guest_schema.accepts(printed));
  }
  const PublishedSchema envelope{"hostdesiredstate"};
  std::string resources = host_config_with("") + "," + image_with(image_disk());
  for (std::size_t i = 0; i < good_guests.size(); ++i)
    resources += "," + guest_with(good_guests[i], "g" + std::to_string(i));
  const auto state = parse_desired_state(envelope_with(resources), "hub.json");
  REQUIRE(state);
  CHECK(envelope.accepts(to_canonical_json(*state)));
}

TEST_CASE("json schema: bad envelopes are refused by schema and parser", "[schema][jsonschema]") {
  const PublishedSchema schema{"hostdesiredstate"};
  const auto parses = [](const std::string& text) {
    return bool{parse_desired_state(text, "hub.json")};
  };
  check_both(schema, parses, envelope_with(guest_with("")), true);
  check_both(schema, parses, envelope_with(""), true);
  check_both(schema, parses, envelope_with("", R"(,"signature":"x")"), false);
  check_both(schema, parses, envelope_with("7"), false);
  check_both(schema, parses, envelope_with("{}"), false);
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, Json>>{{"hostId", "x"},
                                                 {"hostId", 7},
                                                 {"generation", 0},
                                                 {"generation", -1},
                                                 {"generation", 1.5},
                                                 {"generation", "7"},
                                                 {"issuedAt", "yesterday"},
                                                 {"issuedAt", 0},
                                                 {"kind", "Guest"},
                                                 {"apiVersion", "v1"},
                                                 {"resources", Json::object()}}) {
    auto json = Json::parse(envelope_with(""));
    json[key] = value;
    check_both(schema, parses, json.dump(), false);
  }
}

}  // namespace holdfast
