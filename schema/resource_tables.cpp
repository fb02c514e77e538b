// SPDX-License-Identifier: Apache-2.0
#include "schema/resource_tables.hpp"

#include "schema/tree.hpp"

namespace holdfast {

template <class T>
Result<T> parse_one(const Table<T>& table, std::string_view text, std::string_view source_name) {
  const auto documents = TRY(tree::read_documents(text, source_name));
  const std::string where{source_name};
  const Json* only = nullptr;
  std::size_t number = 0;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (documents.all[i].is_null()) continue;
    if (only != nullptr)
      return Error{Errc::invalid, where + ": found more than one document, expected one"};
    only = &documents.all[i];
    number = i + 1;
  }
  if (only == nullptr) return Error{Errc::invalid, where + ": found nothing, expected a resource"};
  return read_resource(table, *only, where + ": document " + std::to_string(number));
}

template Result<Guest> parse_one(const Table<Guest>&, std::string_view, std::string_view);
template Result<Image> parse_one(const Table<Image>&, std::string_view, std::string_view);
template Result<HostConfig> parse_one(const Table<HostConfig>&, std::string_view, std::string_view);

}  // namespace holdfast
