// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <curl/curl.h>

#include "base/handle.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

// Private to this folder: what both clients ask of libcurl.
namespace holdfast::http {

using CurlHandle = Handle<CURL, curl_easy_cleanup>;
using HeaderListHandle = Handle<curl_slist, curl_slist_free_all>;

// An easy handle, with libcurl set up. Errc::exhausted when there is no memory for it.
Result<CurlHandle> open_curl();

// Whether the request can be sent at all; nothing of it may end a header line early.
Result<void> check(const Request& request);
HeaderListHandle header_list(const Request& request);
// `request`, `url` and `headers` must outlive the transfer.
void set_message(CURL* curl, const Request& request, const std::string& url, curl_slist* headers);

// The answer's body, up to a size.
struct Incoming {
  CURL* curl = nullptr;  // whose answer it is, while it arrives
  std::string body{};
  std::uint64_t max_body = 0;
  bool too_large = false;
};
void collect_into(CURL* curl, Incoming& incoming);
Response response_of(CURL* curl, Incoming&& incoming);

}  // namespace holdfast::http
