// SPDX-License-Identifier: MIT
// lldm completion: shell completion from the tables that parse the command line.
#include "cli/completion.hpp"

#include <algorithm>
#include <iostream>
#include <sstream>

#include "cli/terminal.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm::cli {
namespace {

constexpr const char* kBashHead =
    R"(_lldm_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_lldm_files() {
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  compopt -o filenames 2> /dev/null
}
_lldm() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  local command=${COMP_WORDS[1]-} second=${COMP_WORDS[2]-} place=$COMP_CWORD
  COMPREPLY=()
)";
constexpr const char* kBashTail = "complete -F _lldm lldm\n";

constexpr const char* kZshHead = R"(_lldm_words() { compadd -- ${=1}; }
_lldm_files() { _files; }
_lldm() {
  local cur=${words[CURRENT]} prev=${words[CURRENT-1]}
  local command=${words[2]} second=${words[3]} place=$((CURRENT - 1))
)";
constexpr const char* kZshTail =
    "if [ \"${funcstack[1]}\" = _lldm ]; then _lldm \"$@\"; else compdef _lldm lldm; fi\n";

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> components(const Registry& registry, Role role) {
  std::vector<std::string> names;
  for (const auto& entry : registry.entries(role)) names.push_back(entry->name);
  return names;
}

/// The call that offers the words of an argument: by the name that `--help` gives it.
std::string offer(std::string_view argument, std::string_view option, const Registry& registry) {
  const auto words = [](const std::vector<std::string>& list) {
    return "_lldm_words '" + joined(list) + "'";
  };
  const auto is = [&](std::string_view name) {
    return argument.find(name) != std::string_view::npos;
  };
  if (is("SHELL")) return words({"bash", "zsh"});
  if (is("ROLE")) {
    std::vector<std::string> roles;
    for (const Role role : kRoles) roles.emplace_back(role_name(role));
    return words(roles);
  }
  if (is("TASK") || option == "task") return words(components(registry, Role::task));
  if (option == "estimator") return words(components(registry, Role::score_estimator));
  if (names_path(argument)) return "_lldm_files";
  if (is("NAME") && option.empty()) return words(describable_names(registry));
  return ":";
}

/// First words of commands; behind "grid" and "data" their second ones.
std::vector<std::string> words_behind(const std::string& first) {
  std::vector<std::string> words;
  for (const Command& command : commands()) {
    const auto space = command.name.find(' ');
    const std::string word = command.name.substr(0, space);
    const std::string found = first.empty() ? word
                              : space != std::string::npos && word == first
                                  ? command.name.substr(space + 1)
                                  : "";
    if (!found.empty() && std::find(words.begin(), words.end(), found) == words.end())
      words.push_back(found);
  }
  return words;
}

void write_groups(std::ostream& out) {
  out << "  case $command in\n";
  for (const std::string& word : words_behind(""))
    if (const auto second = words_behind(word); !second.empty())
      out << "    " << word << ")\n      if [ \"$place\" -eq 2 ]; then\n        _lldm_words '"
          << joined(second) << "'\n        return\n      fi\n      command=\"$command $second\"\n"
          << "      ;;\n";
  out << "  esac\n";
}

/// The options and arguments of one command: what stands behind `prev`, an option, an argument.
void write_command(std::ostream& out, const Command& command, const Registry& registry) {
  std::vector<std::string> options;
  out << "    '" << command.name << "')\n      case $prev in\n";
  for (const OptionSpec& option : command.options) {
    options.push_back("--" + option.name);
    if (option.takes != OptionSpec::Takes::nothing)
      out << "        --" << option.name << ") " << offer(option.value_name, option.name, registry)
          << "; return ;;\n";
  }
  options.emplace_back("--help");
  out << "      esac\n      case $cur in\n        -*) _lldm_words '" << joined(options)
      << "' ;;\n        *) " << offer(command.usage, "", registry) << " ;;\n      esac\n      ;;\n";
}

}  // namespace

std::string completion_script(const std::string& shell, const Registry& registry) {
  const bool is_zsh = shell == "zsh";
  if (!is_zsh && shell != "bash")
    throw ConfigError(message("lldm completion: no shell is named ", config::in_quotes(shell),
                              "\n  shells: bash, zsh"));
  std::vector<std::string> first = words_behind("");
  first.insert(first.end(), {"--help", "--version"});
  std::ostringstream out;
  out << (is_zsh ? "#compdef lldm\n" : "") << "# Written by lldm completion " << shell << ".\n"
      << (is_zsh ? kZshHead : kBashHead) << "  if [ \"$place\" -eq 1 ]; then\n    _lldm_words '"
      << joined(first) << "'\n    return\n  fi\n";
  write_groups(out);
  out << "  case $command in\n";
  for (const Command& command : commands()) write_command(out, command, registry);
  out << "  esac\n}\n" << (is_zsh ? kZshTail : kBashTail);
  return out.str();
}

int run_completion(const Arguments& arguments) {
  std::cout << completion_script(arguments.positional.front(), make_registry(arguments));
  return 0;
}

}  // namespace lldm::cli
