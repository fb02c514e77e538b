// SPDX-License-Identifier: Apache-2.0
#include "http/tls_context.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <openssl/err.h>

namespace holdfast::http {
namespace {

Error openssl_error(Errc code, const std::string& doing) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return {code, doing + ": " + (reason != nullptr ? reason : "OpenSSL says nothing about it")};
}

Result<void> check_readable(const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return ok();
  const int error = errno;
  const auto code = error == ENOENT || error == ENOTDIR ? Errc::not_found
                    : error == EACCES                   ? Errc::denied
                                                        : Errc::unavailable;
  return Error{code, "read " + path + ": " + std::system_category().message(error)};
}

}  // namespace

Result<TlsContext> tls_server_context(const std::string& certificate, const std::string& key) {
  TRY(check_readable(certificate));
  TRY(check_readable(key));
  TlsContext context{SSL_CTX_new(TLS_server_method())};
  if (!context) return openssl_error(Errc::exhausted, "start TLS");
  auto* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(
      raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  // Thousands of connections wait for minutes: no buffers while they do. Tickets need no
  // memory of ours, and one is enough for a client that comes back.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(raw, 1);  // a whole record with one call, not its head first
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 1);
  if (SSL_CTX_use_certificate_chain_file(raw, certificate.c_str()) != 1)
    return openssl_error(Errc::invalid, "use the certificate " + certificate);
  if (SSL_CTX_use_PrivateKey_file(raw, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return openssl_error(Errc::invalid, "use the key " + key);
  if (SSL_CTX_check_private_key(raw) != 1)
    return openssl_error(Errc::invalid, "the key " + key + " does not belong to " + certificate);
  return context;
}

}  // namespace holdfast::http
