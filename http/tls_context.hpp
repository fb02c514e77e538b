// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <openssl/ssl.h>

#include "base/handle.hpp"
#include "base/result.hpp"

// Private to this folder.
namespace holdfast::http {

using TlsContext = Handle<SSL_CTX, SSL_CTX_free>;

// For a server: TLS 1.2 or newer, no renegotiation, no sessions kept in memory. The files are
// PEM: the certificate with those that sign it, and its key. Errc::not_found, denied, invalid
// ("the key does not belong to the certificate").
Result<TlsContext> tls_server_context(const std::string& certificate, const std::string& key);

}  // namespace holdfast::http
