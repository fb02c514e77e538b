// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <string_view>
#include <utility>
#include <variant>

#include "base/error.hpp"

namespace holdfast {

// Either a T or an Error. The interface is the part of std::expected we use, so
// the day the toolchain has it this class becomes an alias.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
  Result(Error error) : state_{std::in_place_index<1>, std::move(error)} {}

  explicit operator bool() const { return state_.index() == 0; }

  T& value() & { return assert(*this), std::get<0>(state_); }
  const T& value() const& { return assert(*this), std::get<0>(state_); }
  T value() && { return assert(*this), std::get<0>(std::move(state_)); }

  const Error& error() const& { return assert(!*this), std::get<1>(state_); }
  Error error() && { return assert(!*this), std::get<1>(std::move(state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Result context(std::string_view doing) && {
    if (*this) return std::move(*this);
    return std::move(*this).error().context(doing);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_{std::move(error)} {}

  explicit operator bool() const { return state_.index() == 0; }
  void value() const { assert(*this); }
  const Error& error() const& { return assert(!*this), std::get<1>(state_); }
  Error error() && { return assert(!*this), std::get<1>(std::move(state_)); }

  Result context(std::string_view doing) && {
    if (*this) return {};
    return std::move(*this).error().context(doing);
  }

 private:
  std::variant<std::monostate, Error> state_;
};

inline Result<void> ok() { return {}; }

}  // namespace holdfast

// The value of `expr`, or return its error from this function. The only
// control-flow macro in the project; GNU statement expression, g++ and clang.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define TRY(expr)                                          \
  __extension__({                                          \
    auto try_result = (expr);                              \
    if (!try_result) return std::move(try_result).error(); \
    std::move(try_result).value();                         \
  })
