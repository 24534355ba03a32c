// SPDX-License-Identifier: MIT
// Command lines, read by Boost.Program_options; the only file that includes it.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <charconv>
#include <sstream>

#include "cli/command.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/config/value.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "storage/input_file.hpp"

namespace lldm::cli {

namespace po = boost::program_options;

bool names_path(std::string_view kind) {
  const std::string_view first =
      kind.substr(0, kind.find_first_of(" .|"));  // "DIR...", "MODEL PAIRS", "DIR|FILE"
  return std::ranges::count(std::array<std::string_view, 4>{"FILE", "DIR", "PATH", "MODEL"},
                            first) > 0;
}

std::string Arguments::value(const std::string& name, const std::string& otherwise) const {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : found->second.back();
}

std::vector<std::string> Arguments::values(const std::string& name) const {
  const auto found = options.find(name);
  return found == options.end() ? std::vector<std::string>{} : found->second;
}

std::int64_t Arguments::integer(const std::string& name, std::int64_t otherwise, std::int64_t least,
                                std::int64_t most) const {
  if (!has(name)) return otherwise;
  const std::string text = value(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    const bool has_end =
        error == std::errc::result_out_of_range || most < std::numeric_limits<std::int64_t>::max();
    throw ConfigError(message("--", name, " got ", config::in_quotes(text),
                              "\n  legal: integers from ", least,
                              has_end ? message(" to ", most) : ""));
  }
  return number;
}

namespace {

po::options_description described(const Command& command, bool with_positional) {
  po::options_description description("options");
  for (const OptionSpec& option : command.options) {
    if (option.takes == OptionSpec::Takes::nothing)
      description.add_options()(option.name.c_str(), option.help.c_str());
    else
      description.add_options()(
          option.name.c_str(),
          po::value<std::vector<std::string>>()->value_name(option.value_name)->composing(),
          option.help.c_str());
  }
  description.add_options()("help,h", "Print this help.");
  if (with_positional)
    description.add_options()("positional", po::value<std::vector<std::string>>(), "");
  return description;
}

std::string nearest_option(const Command& command, const std::string& typed) {
  std::vector<std::string> names;
  for (const OptionSpec& option : command.options) names.push_back("--" + option.name);
  return config::did_you_mean(typed, names, "options");
}

/// An argument that names a file or a folder must be a name that one can have.
void check_argument(const Command& command, const std::string& which, std::string_view kind,
                    const std::string& value) {
  const bool is_path = names_path(kind);
  if (value.empty() && (is_path || which == "argument"))
    throw ConfigError(message("lldm ", command.name, ": ", which, " is empty\n  give ", kind));
  if (const std::string problem = is_path ? path_problem(value) : ""; !problem.empty())
    throw ConfigError(
        message("lldm ", command.name, ": ", which, " ", config::in_quotes(value), " ", problem));
}

/// ConfigError for an output folder (or file) that cannot be made: it, or what it would lie in, is
/// something else or may not be written.
void check_output(const Command& command, const OptionSpec& option, const std::string& value,
                  bool is_written) {
  const bool is_folder = option.value_name == "DIR";
  std::error_code ignored;
  std::filesystem::path path = std::filesystem::absolute(value).lexically_normal();
  if (!is_folder && std::filesystem::is_directory(path, ignored))
    throw ConfigError(message("lldm ", command.name, ": --", option.name, " ",
                              config::in_quotes(value), " is a folder\n  give ",
                              option.value_name));
  if (!is_folder) path = path.parent_path();
  while (is_folder && !std::filesystem::exists(path, ignored) && path.has_relative_path())
    path = path.parent_path();
  const char* problem = nullptr;
  if (!std::filesystem::exists(path, ignored))
    problem = " does not exist";
  else if (!std::filesystem::is_directory(path, ignored))
    problem = " is no folder";
  else if (is_written && ::access(path.c_str(), W_OK | X_OK) != 0)
    problem = " may not be written";
  if (problem)
    throw ConfigError(message("lldm ", command.name, ": --", option.name, " ",
                              config::in_quotes(value), " cannot be used: ", path.string(),
                              problem));
}

/// ConfigError for a value that is text (no path: those are the system's bytes) and not UTF-8.
void require_utf8_values(const Command& command, const OptionSpec& option,
                         const std::vector<std::string>& values) {
  static const std::vector<std::string> paths = {"FILE", "DIR", "PATH", "MODEL"};
  if (std::find(paths.begin(), paths.end(), option.value_name) != paths.end()) return;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (const auto bad = find_invalid_utf8(values[i]))
      throw ConfigError(
          message("lldm ", command.name, ": --", option.name,
                  values.size() > 1 ? message(" number ", i + 1) : "", ": invalid UTF-8 at byte ",
                  *bad, " of ", values[i].size(), " (counted from 0)\n  got ",
                  config::in_quotes(to_valid_utf8(values[i])), "; write it in UTF-8"));
}

}  // namespace

Arguments parse(const Command& command, const std::vector<std::string>& words) {
  po::positional_options_description positional;
  positional.add("positional", -1);
  const po::options_description description = described(command, true);  // outlives what is parsed
  po::variables_map map;
  try {
    const auto parsed =
        po::command_line_parser(words)
            .options(description)
            .positional(positional)
            .style(po::command_line_style::default_style & ~po::command_line_style::allow_guessing)
            .run();
    po::store(parsed, map);
  } catch (const po::unknown_option& error) {
    throw ConfigError(
        message("lldm ", command.name, ": no option is named \"", error.get_option_name(), "\"\n  ",
                nearest_option(command, error.get_option_name()),
                command.name == "launch"
                    ? "\n  options of the command that is launched stand behind --, as in "
                      "lldm launch --processes 2 -- run FILE --out DIR"
                    : ""));
  } catch (const po::error& error) {
    throw ConfigError(message("lldm ", command.name, ": ", error.what(), "\n  see: lldm ",
                              command.name, " --help"));
  }
  Arguments arguments;
  for (const OptionSpec& option : command.options) {
    if (!map.contains(option.name)) continue;
    auto& values = arguments.options[option.name];
    if (option.takes != OptionSpec::Takes::nothing)
      values = map[option.name].as<std::vector<std::string>>();
    require_utf8_values(command, option, values);
    if (option.takes == OptionSpec::Takes::value && values.size() > 1)
      throw ConfigError(message("lldm ", command.name, ": --", option.name, " is given ",
                                values.size(), " times\n  give it once"));
  }
  for (const OptionSpec& option : command.options)
    for (const std::string& value : arguments.values(option.name))
      check_argument(command, "--" + option.name, option.value_name, value);
  for (const OptionSpec& option : command.options)
    for (const std::string& value : arguments.values(option.name))
      if (option.name == "out" || option.file == OptionSpec::File::written)
        check_output(command, option, value,
                     option.file != OptionSpec::File::read && !map.contains("dry-run"));
  if (map.contains("help")) arguments.options["help"];
  if (map.contains("positional"))
    arguments.positional = map["positional"].as<std::vector<std::string>>();
  for (const std::string& value : arguments.positional)
    check_argument(command, "argument", command.usage, value);
  const std::size_t count = arguments.positional.size();
  if (!arguments.has("help") && (count < command.min_positional || count > command.max_positional))
    throw ConfigError(message("lldm ", command.name, ": got ", count, " argument(s), wanted: ",
                              command.usage, "\n  see: lldm ", command.name, " --help"));
  return arguments;
}

int terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
    return std::min<int>(size.ws_col, 160);
  return 100;
}

std::string help_text(const Command& command) {
  std::ostringstream out;
  out << "lldm " << command.name << (command.usage.empty() ? "" : " " + command.usage)
      << " [options]\n  " << command.summary << "\n";
  if (!command.details.empty()) out << "\n" << command.details << "\n";
  out << "\n" << described(command, false);
  return out.str();
}

std::string help_text() {
  std::ostringstream out;
  out << "lldm: research on large language diffusion models\n\n"
         "  lldm COMMAND [arguments]      lldm COMMAND --help for its options\n\n";
  for (const Command& command : commands()) {
    std::string left = command.name + (command.usage.empty() ? "" : " " + command.usage);
    left.resize(std::max<std::size_t>(left.size() + 2, 22), ' ');
    out << "  " << left << command.summary << "\n";
  }
  out << "\nFirst steps: lldm validate experiments/smoke/smoke.toml, then\n"
         "             lldm run experiments/smoke/smoke.toml --out runs/smoke\n"
         "             lldm list, lldm describe monte_carlo_elbo, docs/tutorial.md\n"
         "Exit codes:  0 done, 1 failed, 2 bad input, 3 out of memory, 4 bad plugin, 75 stopped "
         "and resumable\n";
  return out.str();
}

}  // namespace lldm::cli
