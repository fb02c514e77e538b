// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The verifier's answers by name. They are journaled, shown and matched by programs: add,
// never rename. docs/design/jobs.md says what each means.
namespace holdfast::signing::code {

// The armored text.
inline constexpr std::string_view too_long = "SignatureTooLong";
inline constexpr std::string_view no_header = "NoSignatureHeader";
inline constexpr std::string_view no_footer = "NoSignatureFooter";
inline constexpr std::string_view trailing_text = "TrailingText";
inline constexpr std::string_view bad_armor = "BadArmor";

// The blob inside.
inline constexpr std::string_view truncated = "TruncatedSignature";
inline constexpr std::string_view bad_magic = "BadMagic";
inline constexpr std::string_view unsupported_version = "UnsupportedVersion";
inline constexpr std::string_view reserved_not_empty = "ReservedNotEmpty";
inline constexpr std::string_view unsupported_hash = "UnsupportedHash";
inline constexpr std::string_view trailing_bytes = "TrailingBytes";
inline constexpr std::string_view wrong_namespace = "WrongNamespace";

// The key in it.
inline constexpr std::string_view certificate = "CertificateRefused";
inline constexpr std::string_view unsupported_key = "UnsupportedKeyType";
inline constexpr std::string_view bad_key = "BadKey";
inline constexpr std::string_view weak_key = "WeakKey";
inline constexpr std::string_view wrong_application = "WrongApplication";

// The signature in it.
inline constexpr std::string_view other_signature_type = "SignatureOfOtherType";
inline constexpr std::string_view bad_length = "BadSignatureLength";
inline constexpr std::string_view not_canonical = "NotCanonical";
inline constexpr std::string_view bad_signature = "BadSignature";
inline constexpr std::string_view no_touch = "NoTouch";
inline constexpr std::string_view no_pin = "NoPin";
inline constexpr std::string_view bad_flags = "BadFlags";

// Who signed.
inline constexpr std::string_view unknown_signer = "UnknownSigner";
inline constexpr std::string_view key_not_for_namespace = "KeyNotForNamespace";
inline constexpr std::string_view key_not_yet_valid = "KeyNotYetValid";
inline constexpr std::string_view key_expired = "KeyExpired";
inline constexpr std::string_view unsigned_payload = "Unsigned";
inline constexpr std::string_view too_many_signatures = "TooManySignatures";
inline constexpr std::string_view same_signer_twice = "SameSignerTwice";
inline constexpr std::string_view too_few_signers = "TooFewSigners";

}  // namespace holdfast::signing::code
