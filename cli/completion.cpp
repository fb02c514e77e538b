// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include "cli/command_line.hpp"

namespace holdfast::cli {
namespace {

// One command as a completion script sees it.
struct Node {
  std::string path{};  // "holdfast journal list"
  std::string about{};
  std::vector<std::pair<std::string, std::string>> words{};  // what may follow, and what it is
  std::vector<std::string> flags{};                          // -f, --filename, ...
  std::map<std::string, std::vector<std::string>> values{};  // of an option; none: a file
  // What names the daemon knows for the next word: a kind of `get`; "previous": the word before
  // it says which; empty: none.
  std::string names{};
};

// Which names an argument called `name` takes.
std::string names_for(const std::string& path, const std::string& name) {
  if (name == "GUEST") return "guests";
  if (name == "NAME") return "previous";
  if (name != "ID") return {};
  if (path.find(" ticket ") != std::string::npos) return "tickets";
  return path.find(" journal ") != std::string::npos ? "operations" : "";
}
const std::string ask_names = "holdfast " + std::string{names_command} + " ";

// The choices of CLI::IsMember, which CLI11 only keeps as "TEXT:{a,b}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto open = type.find('{');
  const auto close = type.find('}', open);
  std::vector<std::string> choices;
  if (open == std::string::npos || close == std::string::npos) return choices;
  std::string word;
  for (auto at = open + 1; at <= close; ++at) {
    if (type[at] != ',' && type[at] != '}') {
      word += type[at];
    } else if (!word.empty()) {
      choices.push_back(word);
      word.clear();
    }
  }
  return choices;
}

void add_flag(const CLI::Option& option, const std::vector<std::string>& choices, Node& node) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  for (const auto& name : names) {
    node.flags.push_back(name);
    if (option.get_expected_min() > 0 && option.get_items_expected_min() > 0)
      node.values[name] = choices;
  }
}

void walk(const CLI::App& app, const std::string& path, std::vector<Node>& nodes) {
  Node node{path, app.get_description(), {}, {}, {}, {}};
  const auto commands = app.get_subcommands(is_shown);
  for (const auto* command : commands)
    node.words.emplace_back(command->get_name(), command->get_description());
  for (const auto* option : app.get_options()) {
    const auto choices = choices_of(*option);
    if (!option->get_positional()) {
      add_flag(*option, choices, node);
      continue;
    }
    for (const auto& choice : choices) node.words.emplace_back(choice, "");
    if (node.names.empty()) node.names = names_for(path, option->get_name());
  }
  nodes.push_back(std::move(node));
  for (const auto* command : commands) walk(*command, path + " " + command->get_name(), nodes);
}

template <class Words>
std::string joined(const Words& words, const char* between) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<std::string> names_of(const Node& node) {
  std::vector<std::string> names;
  for (const auto& [name, about] : node.words) names.push_back(name);
  return names;
}

// Flags of the program as a whole stand behind every command.
std::set<std::string> flags_of(const Node& node, const Node& root) {
  std::set<std::string> flags{node.flags.begin(), node.flags.end()};
  flags.insert(root.flags.begin(), root.flags.end());
  return flags;
}

std::string in_quotes(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4)
    text.replace(at, 1, "'\\''");
  return "'" + text + "'";
}

// `path` is set to the command that the words before the cursor name. Both shells read it.
std::string path_finder(const std::vector<Node>& nodes, const char* words, const char* last) {
  std::string text = "  local path=holdfast word\n  for word in " + std::string{words} +
                     "; do\n    case \"$path $word\" in\n";
  for (const auto& node : nodes)
    if (node.path != "holdfast") text += "      '" + node.path + "') path=\"$path $word\" ;;\n";
  return text + "    esac\n  done\n" + last;
}

// One case for each flag that takes a value, as both shells have them; `complete` says how its
// choices are offered. The program's own flags stand behind every command.
template <class Complete>
std::string value_cases(const std::vector<Node>& nodes, const Complete& complete) {
  std::string text;
  const auto add = [&](const std::string& pattern, const std::vector<std::string>& choices) {
    text += "    " + pattern + ") " + complete(choices) + "; return ;;\n";
  };
  for (auto node = nodes.begin() + 1; node != nodes.end(); ++node)
    for (const auto& [name, choices] : node->values)
      add("'" + node->path + " " + name + "'", choices);
  for (const auto& [name, choices] : nodes.front().values) add("*' " + name + "'", choices);
  return text;
}

std::string bash_choices(const std::vector<std::string>& choices) {
  if (choices.empty()) return "compopt -o default";
  return "COMPREPLY=($(compgen -W " + in_quotes(joined(choices, " ")) + " -- \"$current\"))";
}

std::string bash(const std::vector<Node>& nodes) {
  std::string text =
      "# bash completion for holdfast, made by `holdfast completion bash`\n"
      "_holdfast() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n" +
      path_finder(nodes, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"", "") +
      "  COMPREPLY=()\n  case \"$path $previous\" in\n" + value_cases(nodes, bash_choices);
  text += "  esac\n  local words flags names=\n  case $path in\n";
  for (const auto& node : nodes)
    text += "    '" + node.path + "') words=" + in_quotes(joined(names_of(node), " ")) +
            " flags=" + in_quotes(joined(flags_of(node, nodes.front()), " ")) +
            (node.names.empty() ? "" : " names=" + node.names) + " ;;\n";
  return text +
         "  esac\n"
         "  if [[ $names == previous ]]; then\n"
         "    if [[ \" $words \" == *\" $previous \"* ]]; then names=$previous; else names=; fi\n"
         "  fi\n"
         "  if [[ $current == -* ]]; then words=$flags\n"
         "  elif [[ -n $names ]]; then words=$(" +
         ask_names +
         "\"$names\" 2>/dev/null); fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  if [[ -z $words && -z $names ]]; then compopt -o default; fi\n"
         "}\n"
         "complete -F _holdfast holdfast\n";
}

std::string zsh_choices(const std::vector<std::string>& choices) {
  return choices.empty() ? "_files" : "compadd -- " + joined(choices, " ");
}

std::string zsh_node(const Node& node, const Node& root) {
  std::string text = "    '" + node.path + "')\n      entries=(";
  for (const auto& [name, about] : node.words)
    text += " " + in_quotes(about.empty() ? name : name + ":" + about);
  return text + " )\n      flags=( " + joined(flags_of(node, root), " ") + " )" +
         (node.names.empty() ? "" : "\n      names=" + node.names) + " ;;\n";
}

std::string zsh(const std::vector<Node>& nodes) {
  std::string text =
      "#compdef holdfast\n"
      "# zsh completion for holdfast, made by `holdfast completion zsh`\n"
      "_holdfast() {\n"
      "  local current=${words[CURRENT]} previous=${words[CURRENT-1]}\n"
      "  local -a entries flags\n  local names=\n" +
      path_finder(nodes, "\"${(@)words[2,CURRENT-1]}\"", "") +
      "  case \"$path_of $previous\" in\n" + value_cases(nodes, zsh_choices) +
      "  esac\n  case $path_of in\n";
  for (const auto& node : nodes) text += zsh_node(node, nodes.front());
  text +=
      "  esac\n"
      "  if [[ $names == previous ]]; then\n"
      "    if (( ${entries[(Ie)$previous]} )); then names=$previous; else names=; fi\n"
      "  fi\n"
      "  if [[ $current == -* ]]; then\n    compadd -- $flags\n"
      "  elif [[ -n $names ]]; then\n    compadd -- ${(f)\"$(" +
      ask_names +
      "$names 2>/dev/null)\"}\n"
      "  elif (( $#entries )); then\n    _describe command entries\n"
      "  else\n    _files\n  fi\n"
      "}\n"
      "if [[ $funcstack[1] == _holdfast ]]; then _holdfast \"$@\"; else compdef _holdfast "
      "holdfast; "
      "fi\n";
  // In zsh `path` is tied to PATH: a local of that name would hide every program.
  for (const auto& [from, to] : {std::pair{"local path=", "local path_of="},
                                 std::pair{"\"$path $word\" in", "\"$path_of $word\" in"},
                                 std::pair{"path=\"$path $word\"", "path_of=\"$path_of $word\""}})
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos;
         at += std::string{to}.size())
      text.replace(at, std::string{from}.size(), to);
  return text;
}

std::string fish_words(const Node& node, const std::string& here) {
  std::string text;
  for (const auto& [name, about] : node.words)
    text += here + " -f -a " + in_quotes(name) + (about.empty() ? "" : " -d " + in_quotes(about)) +
            "\n";
  if (!node.names.empty())
    text += here + " -f -a '(" + ask_names +
            (node.names == "previous" ? "(commandline -opc)[-1]" : node.names) + " 2>/dev/null)'\n";
  return text;
}

std::string fish_flags(const Node& node, const std::string& here) {
  std::string text;
  for (const auto& flag : node.flags) {
    const bool is_long = flag.rfind("--", 0) == 0;
    text += here + (is_long ? " -l " : " -s ") + flag.substr(is_long ? 2 : 1);
    const auto value = node.values.find(flag);
    if (value != node.values.end())
      text += value->second.empty() ? " -r" : " -x -a " + in_quotes(joined(value->second, " "));
    text += "\n";
  }
  return text;
}

std::string fish(const std::vector<Node>& nodes) {
  std::string text =
      "# fish completion for holdfast, made by `holdfast completion fish`\n"
      "function __holdfast_at\n"
      "  set -l path holdfast\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$path $word\"\n      case";
  for (const auto& node : nodes)
    if (node.path != "holdfast") text += " " + in_quotes(node.path);
  text +=
      "\n        set path \"$path $word\"\n    end\n  end\n"
      "  test \"$path\" = \"$argv\"\nend\n";
  for (const auto& node : nodes) {
    const std::string here = "complete -c holdfast -n " + in_quotes("__holdfast_at " + node.path);
    const bool is_root = &node == &nodes.front();
    text += fish_words(node, here) + fish_flags(node, is_root ? "complete -c holdfast" : here);
  }
  return text;
}

}  // namespace

std::string completion(const CLI::App& app, const std::string& shell) {
  std::vector<Node> nodes;
  walk(app, "holdfast", nodes);
  if (shell == "zsh") return zsh(nodes);
  return shell == "fish" ? fish(nodes) : bash(nodes);
}

}  // namespace holdfast::cli
