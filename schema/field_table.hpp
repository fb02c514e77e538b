// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/codec.hpp"

// Private to schema/. A struct's fields as a table: the one place that names them.
namespace holdfast {

template <class T>
struct Field {
  std::string name;
  std::string about;  // for the published schema
  bool is_required = false;
  std::function<void(const Json& json, T& value, Problems& problems)> read;
  std::function<Json(const T& value)> print;
  Json schema;
};

template <class T, class M>
Field<T> field(std::string_view name, M T::*member, Codec<M> codec, std::string_view about = {}) {
  return {std::string{name},
          std::string{about},
          false,
          [member, codec](const Json& json, T& value, Problems& problems) {
            codec.read(json, value.*member, problems);
          },
          [member, codec](const T& value) { return codec.print(value.*member); },
          codec.schema};
}

template <class T>
struct Table;

// A mapping in the file whose fields are members of the same struct. The table must outlive
// the field.
template <class T>
Field<T> section(std::string_view name, const Table<T>& table, std::string_view about = {}) {
  return {std::string{name},
          std::string{about},
          false,
          [&table](const Json& json, T& value, Problems& problems) {
            table.read(json, value, problems);
          },
          [&table](const T& value) -> Json {
            auto printed = table.print(value);
            return printed.empty() ? Json(nullptr) : printed;
          },
          table.schema()};
}

// A field that is always the same text.
template <class T>
Field<T> fixed(std::string_view name, std::string_view text) {
  const auto codec = constant(text);
  return {std::string{name},
          {},
          true,
          [codec](const Json& json, T&, Problems& problems) {
            std::string ignored;
            codec.read(json, ignored, problems);
          },
          [codec](const T&) { return codec.print({}); },
          codec.schema};
}

template <class T>
Field<T> required(Field<T> field) {
  field.is_required = true;
  return field;
}

template <class T>
struct Table {
  std::vector<Field<T>> fields{};
  // Rules that need more than one field. May fill in defaults. Runs when `fields` had no
  // problem, so that it never judges half a value.
  std::function<void(T& value, Problems& problems)> finish{};
  // Rules on which fields are there at all.
  std::function<void(const Json& json, Problems& problems)> shape{};
  Json extra_schema{};  // merged into the schema: what draft 7 can say of the two above

  void read(const Json& json, T& value, Problems& problems) const {
    if (!json.is_object()) return problems.expected(json, "a mapping");
    const Problems::Count before{problems};
    if (problems.refuses_unknown()) refuse_unknown(json, problems);
    if (shape) shape(json, problems);
    for (const auto& field : fields) {
      const auto found = json.find(field.name);
      if (found != json.end()) {
        const Problems::Step step{problems, field.name};
        field.read(*found, value, problems);
      } else if (field.is_required && problems.wants_all()) {
        problems.add("field " + field.name + " is missing");
      }
    }
    if (finish && !before.grew()) finish(value, problems);
  }

  Json print(const T& value) const {
    auto json = Json::object();
    for (const auto& field : fields) {
      auto printed = field.print(value);
      if (!printed.is_null()) json[field.name] = std::move(printed);
    }
    return json;
  }

  Json schema() const {
    Json schema = {
        {"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
    const T defaults{};
    for (const auto& field : fields) {
      auto& property = schema["properties"][field.name] = field.schema;
      if (!field.about.empty()) property["description"] = field.about;
      if (field.is_required) {
        schema["required"].push_back(field.name);
      } else if (auto value = field.print(defaults); value.is_primitive() && !value.is_null()) {
        property["default"] = std::move(value);
      }
    }
    if (!extra_schema.is_null()) schema.update(extra_schema);
    return schema;
  }

 private:
  void refuse_unknown(const Json& json, Problems& problems) const {
    std::vector<std::string> names;
    for (const auto& field : fields) names.push_back(field.name);
    for (auto item = json.begin(); item != json.end(); ++item) {
      const auto& key = item.key();
      if (std::find(names.begin(), names.end(), key) != names.end()) continue;
      const Problems::Step step{problems, key};
      const auto near = nearest(key, names);
      problems.add("unknown field, expected " + (near.empty() ? one_of_names(names) : near));
    }
  }

  static std::string one_of_names(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "one of " : ", ") + name;
    return text;
  }
};

// A table as a value inside other tables. The table must outlive the codec.
template <class T>
Codec<T> object(const Table<T>& table) {
  return {[&table](const Json& json, T& value, Problems& problems) {
            table.read(json, value, problems);
          },
          [&table](const T& value) { return table.print(value); }, table.schema()};
}

}  // namespace holdfast
