// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "host/observed.hpp"

// What may stand in a domain XML, and the bounded way into one. Pure.
namespace holdfast::libvirt {

// Far above any real domain; what is larger is not read.
inline constexpr std::size_t max_domain_xml = 1U << 20U;

std::string lower_case(std::string_view text);

// Errc::invalid unless `text` is UTF-8 without characters that XML 1.0 cannot hold.
Result<void> check_text(std::string_view what, std::string_view text);
Result<void> check_disk(const host::Disk& disk);
Result<void> check_nic(const host::Nic& nic);
Result<void> check_definition(const host::GuestDefinition& definition);

// Errc::invalid unless `xml` is well formed, bounded and a <domain>.
Result<void> load_domain(pugi::xml_document& document, std::string_view xml);

// The text of `node` as pretty as libvirt takes it.
std::string to_text(pugi::xml_node node);

}  // namespace holdfast::libvirt
