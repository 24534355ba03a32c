// SPDX-License-Identifier: MIT
#include "cli/wording.hpp"

#include <array>
#include <map>
#include <regex>
#include <sstream>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

namespace lldm::cli {
namespace {

/// What a run says, and what a command says for it.
const std::vector<std::pair<std::regex, std::string>>& words() {
  static const std::vector<std::pair<std::regex, std::string>> table = [] {
    std::vector<std::pair<std::regex, std::string>> list;
    for (const auto& [from, to] : std::array<std::pair<const char*, const char*>, 9>{{
             {R"re((^|\n| )stage "(sample|scores)": )re", "$1"},
             {R"re((^|\n| )stage "(sample|scores)" )re", "$1"},
             {R"re(^stage (sample|scores)[^ ]*: +)re", ""},
             {R"re((^|\n| )the file: )re", "$1"},
             {R"re((^|\n| )the file ")re", "$1\""},
             {R"re(\[(sampler|task|memory)\] (\w+))re", "--set $1.$2"},
             {R"re(: every stage that .*\n.* STAGE\.task(\.type)?)re",
              ": --task gives it\n  leave it out"},
             {R"re(, or start over with --fresh)re", ""},
             {R"re(("task" type "\w+": "(\w+)" is missing\n))re", "$1  --set task.$2=VALUE\n"},
         }})
      list.emplace_back(std::regex(from), to);
    return list;
  }();
  return table;
}

}  // namespace

std::string Wording::option_at(std::size_t line) const {
  static const std::map<std::string, std::string> options = {{"samples_per_prompt", "--samples"},
                                                             {"prompts", "--prompt"},
                                                             {"limit", "--limit"},
                                                             {"seed", "--seed"},
                                                             {"task", "--task"},
                                                             {"type", "--task"},
                                                             {"from", "MODEL"},
                                                             {"models", "MODEL"}};
  std::istringstream lines(read_file(file_));
  std::string table, key;
  for (std::string text; line > 0 && std::getline(lines, text); --line) {
    key = text.starts_with('[') ? "" : text.substr(0, text.find(' '));
    if (text.starts_with('['))
      table = text.substr(0, text.find(']')).substr(text.find_first_not_of('['));
  }
  if (table == "sampler") return key.empty() ? "--set sampler" : "--set sampler." + key;
  if (table == "stage.task") return "--task";
  const auto option = options.find(key);
  return option != options.end() ? option->second : "lldm " + command_;
}

std::string Wording::said(const std::string& text) const {
  std::string result;
  const std::string place = file_.string() + ":";
  std::size_t at = 0;
  for (std::size_t found; (found = text.find(place, at)) != text.npos;) {
    result += text.substr(at, found - at);
    std::size_t end = found + place.size();
    const std::size_t line = std::stoul(text.substr(end));
    end = text.find(':', text.find(':', end) + 1);  // behind the column
    result += option_at(line);
    at = end;
  }
  result += text.substr(at);
  for (const auto& [from, to] : words()) result = std::regex_replace(result, from, to);
  return result;
}

void Wording::rethrow(const std::exception& error) const {
  const std::string text = said(error.what());
  if (dynamic_cast<const ConfigError*>(&error)) throw ConfigError(text);
  if (dynamic_cast<const OutOfMemory*>(&error)) throw OutOfMemory(text);
  if (typeid(error) == typeid(DataError)) throw DataError(text);
  throw;
}

void WordedLogger::info(std::string_view text) {
  if (const std::string told(text); told.find(": all texts in ") == told.npos)
    logger_.info(wording_.said(told));
}

void WordedLogger::warning(std::string_view text) {
  logger_.warning(wording_.said(std::string(text)));
}

}  // namespace lldm::cli
