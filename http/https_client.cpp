// SPDX-License-Identifier: Apache-2.0
#include "http/https_client.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <system_error>
#include <utility>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "http/curl_message.hpp"

namespace holdfast::http {
namespace {

using MultiHandle = Handle<CURLM, curl_multi_cleanup>;
using UrlHandle = Handle<CURLU, curl_url_cleanup>;
using Instant = std::chrono::steady_clock::time_point;

// How long one wait may last: bounds how late the deadline and the pace are looked at.
constexpr Duration look_every{100};

Instant now() { return std::chrono::steady_clock::now(); }

std::string part(CURLU* url, CURLUPart what) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, 0) != CURLUE_OK || text == nullptr) return {};
  std::string copy{text};
  curl_free(text);
  return copy;
}

// Checked, and without the slash at its end.
Result<std::string> base_of(const std::string& text) {
  const UrlHandle url{curl_url()};
  if (!url) return Error{Errc::exhausted, "cannot start libcurl"};
  const auto refuse = [&text](const std::string& why) {
    return Error{Errc::invalid, text + ": " + why + ", expected a URL like https://hub.example"};
  };
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return refuse("not a URL");
  if (part(url.get(), CURLUPART_SCHEME) != "https") return refuse("not https");
  if (!part(url.get(), CURLUPART_USER).empty() || !part(url.get(), CURLUPART_PASSWORD).empty())
    return refuse("has a user or password");
  if (!part(url.get(), CURLUPART_QUERY).empty() || !part(url.get(), CURLUPART_FRAGMENT).empty())
    return refuse("has a query or fragment");
  std::string base = part(url.get(), CURLUPART_URL);
  while (base.ends_with('/')) base.pop_back();
  return base;
}

Result<void> check_certificates(const std::string& pem) {
  const Handle<BIO, BIO_free_all> bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  const Handle<X509, X509_free> first{bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)
                                          : nullptr};
  if (first) return ok();
  return Error{Errc::invalid, "the CA holds no certificate in PEM form"};
}

std::string pin_text(const std::string& hash) {
  std::array<unsigned char, 45> text{};  // 44 and EVP's NUL
  EVP_EncodeBlock(text.data(), reinterpret_cast<const unsigned char*>(hash.data()),
                  static_cast<int>(hash.size()));
  return "sha256//" + std::string{reinterpret_cast<const char*>(text.data())};
}

bool is_bearer(std::string_view key) {
  return key.size() <= 4096 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// One exchange, as far as it got.
struct Progress {
  Incoming incoming{};
  std::uint64_t headers = 0;
  std::uint64_t max_headers = 0;
  bool headers_too_large = false;
  Instant window{};                // since when it has been
  std::uint64_t window_bytes = 0;  // so many bytes
  bool has_begun = false;

  std::uint64_t received() const { return headers + incoming.body.size(); }
};

std::size_t count_header(char*, std::size_t, std::size_t size, void* into) {
  auto& progress = *static_cast<Progress*>(into);
  progress.headers += size;
  progress.headers_too_large = progress.headers > progress.max_headers;
  return progress.headers_too_large ? 0 : size;
}

// libcurl names some refusals by their last symptom ("EVP lib"); OpenSSL knows the reason.
int note_refusal(int is_fine, X509_STORE_CTX* store) {
  if (is_fine == 1) return 1;
  const auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const error = static_cast<int*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  *error = X509_STORE_CTX_get_error(store);
  return 0;
}

CURLcode note_refusals(CURL*, void* context, void* error) {
  auto* const tls = static_cast<SSL_CTX*>(context);
  SSL_CTX_set_app_data(tls, error);
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, note_refusal);
  return CURLE_OK;
}

// Instead of OpenSSL's whole check: the leaf alone says who the server is.
int is_pinned(X509_STORE_CTX* store, void* pins) {
  const auto& known = *static_cast<const std::vector<std::string>*>(pins);
  X509* const leaf = X509_STORE_CTX_get0_cert(store);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  const bool is_known =
      leaf != nullptr && X509_digest(leaf, EVP_sha256(), hash.data(), &size) == 1 &&
      std::find(known.begin(), known.end(),
                std::string{reinterpret_cast<const char*>(hash.data()), size}) != known.end();
  X509_STORE_CTX_set_error(store, is_known ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return is_known ? 1 : 0;
}

CURLcode check_pins(CURL*, void* context, void* pins) {
  SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(context), is_pinned, pins);
  return CURLE_OK;
}

// A server that takes its time before it answers is a long poll; one that dribbles is not.
bool is_too_slow(Progress& progress, const HttpsOptions& options, Instant at) {
  if (progress.received() == 0) return false;
  if (!std::exchange(progress.has_begun, true)) progress.window = at;
  if (at - progress.window < options.speed_window) return false;
  const auto wanted = options.min_bytes_per_second *
                      static_cast<std::uint64_t>(options.speed_window.count()) / 1000;
  if (progress.received() - progress.window_bytes < wanted) return true;
  progress.window = at;
  progress.window_bytes = progress.received();
  return false;
}

// Why a certificate was not believed (X509_V_ERR_*), in words that say what to do.
std::string explain(int error, const std::string& detail) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate has expired (or this host's clock is ahead)";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not yet valid (or this host's clock is behind)";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its certificate is not signed by the expected CA";
    case X509_V_OK: return detail;  // the name, mostly
    default: return X509_verify_cert_error_string(error);
  }
}

}  // namespace

struct HttpsClient::State {
  HttpsOptions options{};
  std::string base{};
  std::string pin{};
  int certificate_error = X509_V_OK;  // why the server's was not believed; connections refer to it
  MultiHandle multi{};                // holds the connection between requests
  CurlHandle curl{};                  // after `multi`: must be gone first

  void set_up(Progress& progress, char* error_text);
  Error failure(CURLcode code, const Progress& progress, const char* detail) const;
  // The result of the transfer, or why it was ended from here.
  Result<CURLcode> transfer(Progress& progress, const Patience& patience);
};

void HttpsClient::State::set_up(Progress& progress, char* error_text) {
  CURL* const easy = curl.get();
  curl_easy_reset(easy);
  certificate_error = X509_V_OK;
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_deadline.count()));
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, static_cast<long>(options.idle_limit.count() / 1000));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text);
  if (!pin.empty()) {
    curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, pin.c_str());
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  } else if (!options.certificate_pins.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, check_pins);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &options.certificate_pins);
  } else {
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, note_refusals);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &certificate_error);
  }
  if (!options.ca_pem.empty()) {
    curl_blob blob{options.ca_pem.data(), options.ca_pem.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);  // the system's CAs are not ours
  }
  collect_into(easy, progress.incoming);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, count_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &progress);
}

Error HttpsClient::State::failure(CURLcode code, const Progress& progress,
                                  const char* detail) const {
  const std::string& who = options.url;
  const std::string why = *detail != '\0' ? detail : curl_easy_strerror(code);
  if (progress.incoming.too_large)
    return {Errc::invalid, "the answer of " + who + " is larger than " +
                               std::to_string(options.max_body) + " bytes"};
  if (progress.headers_too_large)
    return {Errc::invalid, "the headers of " + who + "'s answer are larger than " +
                               std::to_string(options.max_headers) + " bytes"};
  const bool is_refused = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR;
  if (!options.certificate_pins.empty() && is_refused)
    return {
        Errc::denied,
        who + " is not who it should be: its certificate is none of those pinned (" + why + ")"};
  if (certificate_error != X509_V_OK || code == CURLE_PEER_FAILED_VERIFICATION)
    return {Errc::denied, who + " is not who it should be: " + explain(certificate_error, why)};
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {Errc::unavailable, "cannot find the address of " + who + ": " + why};
    case CURLE_COULDNT_CONNECT: {
      // libcurl's own sentence has the milliseconds in it, and would be news each time.
      long error = 0;
      curl_easy_getinfo(curl.get(), CURLINFO_OS_ERRNO, &error);
      return {Errc::unavailable, "cannot reach " + who + ": " +
                                     std::system_category().message(static_cast<int>(error))};
    }
    case CURLE_OPERATION_TIMEDOUT:
      return {Errc::unavailable,
              "cannot reach " + who + " within " + to_short_string(options.connect_deadline)};
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return {Errc::denied, who + " is not who it should be: it has another public key"};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return {Errc::invalid, who + " does not answer in HTTP: " + why};
    case CURLE_SSL_CACERT_BADFILE: return {Errc::invalid, "the CA for " + who + ": " + why};
    case CURLE_OUT_OF_MEMORY: return {Errc::exhausted, "talk to " + who + ": " + why};
    default: return {Errc::unavailable, "talk to " + who + ": " + why};
  }
}

Result<CURLcode> HttpsClient::State::transfer(Progress& progress, const Patience& patience) {
  const Instant deadline = now() + patience.deadline;
  const std::stop_callback wake{patience.stop, [this] { curl_multi_wakeup(multi.get()); }};
  while (true) {
    int running = 0;
    if (curl_multi_perform(multi.get(), &running) != CURLM_OK)
      return Error{Errc::internal, "libcurl cannot go on"};
    if (running == 0) break;
    const Instant at = now();
    if (patience.stop.stop_requested())
      return Error{Errc::unavailable, "talk to " + options.url + ": stopped"};
    if (at >= deadline)
      return Error{Errc::unavailable, "no whole answer from " + options.url + " within " +
                                          to_short_string(patience.deadline)};
    if (is_too_slow(progress, options, at))
      return Error{Errc::unavailable, options.url + " answers slower than " +
                                          std::to_string(options.min_bytes_per_second) +
                                          " bytes a second"};
    const auto left = std::chrono::ceil<Duration>(deadline - at);
    curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(std::min(left, look_every).count()),
                    nullptr);
  }
  int queued = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &queued))
    if (message->msg == CURLMSG_DONE) return message->data.result;
  return Error{Errc::internal, "libcurl ended without a result"};
}

HttpsClient::HttpsClient(std::unique_ptr<State> state) : state_{std::move(state)} {}
HttpsClient::~HttpsClient() = default;

const std::string& HttpsClient::url() const { return state_->options.url; }

Result<std::unique_ptr<HttpsClient>> HttpsClient::open(HttpsOptions options) {
  auto state = std::make_unique<State>();
  state->curl = TRY(open_curl());
  state->multi.reset(curl_multi_init());
  if (!state->multi) return Error{Errc::exhausted, "cannot start libcurl"};
  curl_multi_setopt(state->multi.get(), CURLMOPT_MAXCONNECTS, 1L);
  state->base = TRY(base_of(options.url));
  if (!options.ca_pem.empty()) TRY(check_certificates(options.ca_pem));
  if (!is_bearer(options.bearer))
    return Error{Errc::invalid, "the bearer key for " + options.url + " is no such"};
  if (!options.public_key_pin.empty()) {
    if (options.public_key_pin.size() != 32)
      return Error{Errc::invalid, "the pin for " + options.url + " is no SHA-256"};
    state->pin = pin_text(options.public_key_pin);
  }
  for (const std::string& pin : options.certificate_pins)
    if (pin.size() != 32)
      return Error{Errc::invalid, "a certificate's pin for " + options.url + " is no SHA-256"};
  state->options = std::move(options);
  return std::unique_ptr<HttpsClient>{new HttpsClient{std::move(state)}};
}

Result<Response> HttpsClient::request(const Request& request, const Patience& patience) {
  TRY(check(request));
  Progress progress;
  progress.incoming.max_body = state_->options.max_body;
  progress.max_headers = state_->options.max_headers;
  std::array<char, CURL_ERROR_SIZE> detail{};
  state_->set_up(progress, detail.data());

  Request whole{.method = request.method, .headers = request.headers};
  if (!request.body.empty()) whole.headers.try_emplace("Content-Type", "application/json");
  if (!state_->options.bearer.empty())
    whole.headers["Authorization"] = "Bearer " + state_->options.bearer;
  const auto url = state_->base + encode_target(request);
  const auto headers = header_list(whole);
  CURL* const easy = state_->curl.get();
  set_message(easy, request, url, headers.get());
  if (state_->options.changes_on_fresh_connections && request.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  }
  if (curl_multi_add_handle(state_->multi.get(), easy) != CURLM_OK)
    return Error{Errc::internal, "libcurl takes no request"};
  const auto code = state_->transfer(progress, patience);
  // A transfer that was ended from here closes its connection.
  curl_multi_remove_handle(state_->multi.get(), easy);
  if (!code) return code.error();
  if (*code != CURLE_OK) return state_->failure(*code, progress, detail.data());
  return response_of(easy, std::move(progress.incoming));
}

}  // namespace holdfast::http
