// SPDX-License-Identifier: Apache-2.0
#include "cli/invocation.hpp"

#include "schema/yaml.hpp"

namespace holdfast::cli {

Result<void> Invocation::show(const std::string& json,
                              const std::function<std::string()>& for_people) const {
  switch (format_) {
    case Format::json: environment_.out << TRY(indent_json(json)); break;
    case Format::yaml: environment_.out << TRY(json_to_yaml(json)); break;
    case Format::table:
    case Format::wide: environment_.out << for_people(); break;
  }
  environment_.out << std::flush;
  return ok();
}

void Invocation::say(const std::string& line) const {
  environment_.err << printable(line, true) << std::endl;
}

Result<bool> Invocation::confirm(const std::string& question) const {
  if (!environment_.in_is_terminal)
    return Error{Errc::invalid, "standard input is no terminal, so nobody can be asked; add --yes"};
  environment_.err << printable(question) << " [yes/no] " << std::flush;
  std::string answer;
  std::getline(environment_.in, answer);
  return answer == "yes" || answer == "y";
}

}  // namespace holdfast::cli
