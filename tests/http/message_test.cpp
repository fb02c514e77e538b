// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include "tests/catch.hpp"

namespace holdfast::http {
namespace {

TEST_CASE("http target: what is encoded decodes to the same", "[http]") {
  Request request;
  request.path = "/v1/guests/a b%c?d#é";
  request.query = {{"reason", "50% & more = \"lots\"+"}, {"empty", ""}};
  Request decoded;
  REQUIRE(decode_target(encode_target(request), decoded));
  CHECK(decoded.path == request.path);
  CHECK(decoded.query == request.query);
}

TEST_CASE("http target: plus is a space in the query only", "[http]") {
  Request request;
  REQUIRE(decode_target("/a+b?c=d+e", request));
  CHECK(request.path == "/a+b");
  CHECK(request.query.at("c") == "d e");
}

TEST_CASE("http target: ambiguous or broken ones are refused", "[http]") {
  const auto* target = GENERATE("", "*", "guests", "http://host/x", "/a%", "/a%2", "/a%zz",
                                "/a%00b", "/a%2fb", "/x?a=%0", "/x?a=%00", "/x?a=1&a=2");
  Request request;
  const auto decoded = decode_target(target, request);
  INFO(target);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code() == Errc::invalid);
}

TEST_CASE("http target: odd but harmless queries are taken", "[http]") {
  Request request;
  REQUIRE(decode_target("/x?&a&b=&c=d=e&&", request));
  CHECK(request.query == std::map<std::string, std::string>{{"a", ""}, {"b", ""}, {"c", "d=e"}});
  REQUIRE(decode_target("/x?", request));
  CHECK(request.query.empty());
}

TEST_CASE("http headers: case does not matter", "[http]") {
  const Headers headers{{"Content-Type", "text/plain"}};
  CHECK(headers.count("content-TYPE") == 1);
  CHECK(headers.count("content") == 0);
}

}  // namespace
}  // namespace holdfast::http
