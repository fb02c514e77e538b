// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "schema/field_table.hpp"
#include "schema/hub_protocol.hpp"
#include "schema/limits.hpp"
#include "schema/report.hpp"

// Private to schema/: the tables of reports, found by type, and how a report is printed and
// read by its table.
namespace holdfast {

// Defined for each type of report, by the file that describes it; those that others use, too,
// are declared here.
template <class T>
const Table<T>& report_table();
template <>
const Table<OperationReport>& report_table();
template <>
const Table<PlanReport>& report_table();
template <>
const Table<HostReport>& report_table();
template <>
const Table<GuestReport>& report_table();
template <>
const Table<TicketReport>& report_table();
template <>
const Table<StatusReport>& report_table();

inline Codec<std::string> words() { return text(any_text); }
inline Codec<std::vector<std::string>> list_of_words() { return list_of(words()); }
inline Codec<Bytes> any_size() {
  return bytes(Bytes{0}, Bytes{std::numeric_limits<std::uint64_t>::max()});
}
inline Codec<Duration> any_duration() { return duration(Duration{0}, limits::longest_age); }

template <class T>
Codec<T> any_number() {
  return whole_number<T>(0, std::numeric_limits<T>::max());
}

template <class T>
Codec<std::vector<T>> list_of_reports() {
  return list_of(object(report_table<T>()));
}

template <class T>
Codec<T> report_codec(const T*) {
  return object(report_table<T>());
}
template <class T>
Codec<std::vector<T>> report_codec(const std::vector<T>*) {
  return list_of_reports<T>();
}

template <class T>
std::string print_report(const T& report) {
  static const auto codec = report_codec(static_cast<const T*>(nullptr));
  return codec.print(report).dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
Result<T> read_report(std::string_view json) {
  static const auto codec = report_codec(static_cast<const T*>(nullptr));
  const auto tree = Json::parse(json, nullptr, false);
  if (tree.is_discarded()) return Error{Errc::invalid, "report: found something that is not JSON"};
  Problems problems{Problems::Reading::tolerant};
  T report{};
  codec.read(tree, report, problems);
  if (!problems.empty()) return problems.error("report");
  return report;
}

}  // namespace holdfast
