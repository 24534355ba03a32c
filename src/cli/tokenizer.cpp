// SPDX-License-Identifier: MIT
// lldm tokenizer encode, decode, inspect, train.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "data/begin_of_text.hpp"
#include "lldm/data/chat_template.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/text/utf8.hpp"
#include "lldm/tokenizer/load.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
#include "lldm/tokenizer/train.hpp"
#include "storage/input_file.hpp"
#include "text/json.hpp"

namespace lldm::cli {
namespace {

using nlohmann::json;

/// The tokenizer of the command line: a path, and what [tokenizer] would say of it.
std::shared_ptr<const Tokenizer> open_of(const Arguments& arguments) {
  TokenizerOptions options;
  options.pattern = arguments.value("pattern");
  const std::string missing = arguments.value("missing-symbol", "refuse");
  if (missing != "refuse" && missing != "drop")
    throw ConfigError("--missing-symbol: must be refuse or drop, is \"" + missing + "\"");
  if (missing == "drop") options.missing_symbol = MissingSymbol::drop;
  return open_tokenizer(arguments.positional.at(0), options);
}

/// Writes to --out, or to standard output; the file is whole or not there.
class Output {
 public:
  explicit Output(const Arguments& arguments) : path_(arguments.value("out")) {}
  void line(const std::string& text) {
    if (path_.empty())
      std::cout << text << "\n";
    else
      text_ += text + "\n";
  }
  void finish() {
    if (!path_.empty()) write_file_atomically(path_, text_);
    std::cout.flush();
  }

 private:
  std::string path_, text_;
};

/// Calls `take(value, where)` for the value of every line; what is wrong names file and line.  An
/// object counts by its member `key`.
template <class Take>
void for_each_line(const std::string& file, const char* key, const Take& take) {
  std::ifstream opened;
  if (file != "-") opened = open_input(file);
  std::istream& lines = file == "-" ? std::cin : opened;
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = message(file, ":", number);
    try {
      json value = parse_json(line, where);
      if (value.is_object() && value.contains(key)) value = json(value[key]);
      take(value, where);
    } catch (const JsonError& error) {
      throw DataError(message(where, ":", error.column(), ": ", error.reason()));
    } catch (const DataError& error) {
      const std::string what = error.what();
      throw DataError(what.starts_with(where) ? what : message(where, ": ", what));
    }
  }
}

/// Writes what `convert(value, where)` makes of every line of --jsonl.
template <class Convert>
void convert_lines(const Arguments& arguments, const char* key, const Convert& convert) {
  if (!arguments.has("jsonl"))
    throw ConfigError("no rows\n  give --jsonl FILE; - is standard input");
  Output output(arguments);
  for_each_line(arguments.value("jsonl"), key, [&](const json& value, const std::string& where) {
    output.line(convert(value, where));
  });
  output.finish();
}

const std::string& text_of(const json& value, const std::string& where) {
  if (!value.is_string())
    throw DataError(message(where, ": must be a text, or an object with \"text\""));
  return value.get_ref<const std::string&>();
}

}  // namespace

int run_tokenizer_encode(const Arguments& arguments) {
  const auto tokenizer = open_of(arguments);
  const auto mode = arguments.has("special") ? SpecialText::recognise : SpecialText::plain;
  convert_lines(arguments, "text", [&](const json& value, const std::string& where) {
    return json(tokenizer->encode(text_of(value, where), mode)).dump();
  });
  return 0;
}

int run_tokenizer_decode(const Arguments& arguments) {
  const auto tokenizer = open_of(arguments);
  const bool skips = arguments.has("skip-special");
  convert_lines(arguments, "ids", [&](const json& value, const std::string& where) {
    if (!value.is_array())
      throw DataError(message(where, ": must be a list of ids, or an object with \"ids\""));
    std::vector<std::int64_t> ids;
    for (const json& id : value) {
      try {
        ids.push_back(json_integer(id));
      } catch (const JsonValueError&) {
        throw DataError(message(where, ": an id must be an integer, is ", id.dump()));
      }
    }
    return json(tokenizer->decode(ids, skips)).dump();
  });
  return 0;
}

namespace {

/// What a folder says of its chat template, and of who begins a text; null for a file.
nlohmann::ordered_json template_of(const std::filesystem::path& path, const Tokenizer& tokenizer) {
  if (!std::filesystem::is_directory(path)) return nullptr;
  const FolderTemplate found = read_chat_template(path);
  if (found.source.empty()) return nullptr;
  nlohmann::ordered_json out = {{"file", std::filesystem::path(found.source).filename()}};
  if (!found.known) {
    out["unknown"] = found.reason;
    return out;
  }
  out["type"] = template_name(found.known->type);
  if (const std::string note = begin_of_text_note(begin_of_text(tokenizer, *found.known));
      !note.empty())
    out["note"] = note;
  return out;
}

}  // namespace

int run_tokenizer_inspect(const Arguments& arguments) {
  const auto tokenizer = open_of(arguments);
  nlohmann::ordered_json out = {{"type", tokenizer->type()},
                                {"vocabulary", tokenizer->vocabulary_size()},
                                {"fingerprint", tokenizer->fingerprint()}};
  nlohmann::ordered_json special = nlohmann::ordered_json::object();
  for (const SpecialRole& role : kSpecialRoles) {
    const std::int64_t id = tokenizer->special().*role.id;
    if (id >= 0)
      special[std::string(role.key)] = {{"id", id},
                                        {"token", tokenizer->decode(std::array{id}, false)}};
  }
  out["special"] = special;
  const auto chat = template_of(arguments.positional.at(0), *tokenizer);
  if (!chat.is_null()) out["chat_template"] = chat;
  if (arguments.has("json")) {
    std::cout << out.dump() << "\n";
    return 0;
  }
  std::cout << "type         " << tokenizer->type() << "\nvocabulary   "
            << tokenizer->vocabulary_size() << " ids\nfingerprint  " << tokenizer->fingerprint()
            << "\n";
  for (const auto& [role, entry] : special.items())
    std::cout << "special      " << role << "  " << entry["id"] << "  " << entry["token"] << "\n";
  if (chat.contains("type"))
    std::cout << "template     " << chat["type"].get<std::string>() << "\n";
  if (chat.contains("unknown"))
    std::cout << "template     unknown: " << chat["unknown"].get<std::string>() << "\n";
  if (chat.contains("note"))
    std::cout << "note         " << chat["note"].get<std::string>() << "\n";
  if (arguments.has("text")) {
    const std::string text = arguments.value("text");
    const auto ids = tokenizer->encode(
        text, arguments.has("special") ? SpecialText::recognise : SpecialText::plain);
    for (const std::int64_t id : ids)
      std::cout << "  " << id << "  " << json(tokenizer->decode(std::array{id}, false)).dump()
                << "\n";
    std::cout << ids.size() << " tokens for " << count_characters(text) << " characters\n";
  }
  return 0;
}

int run_tokenizer_train(const Arguments& arguments) {
  const std::filesystem::path folder = arguments.value("out");
  if (folder.empty()) throw ConfigError("no folder to write to\n  give --out DIR");
  if (std::filesystem::exists(folder))
    throw ConfigError(message("--out ", folder.string(), ": is there already"));
  BpeTraining settings;
  settings.size = arguments.integer("size", settings.size, 257, 1 << 24);
  settings.pattern = arguments.value("pattern", settings.pattern);
  settings.special = arguments.values("special");
  BpeTrainer trainer(settings);
  std::int64_t texts = 0;
  for (const std::string& file : arguments.positional)
    for_each_line(file, "text", [&](const json& value, const std::string& where) {
      trainer.add(text_of(value, where));
      ++texts;
    });
  if (texts == 0) throw DataError("no text in " + arguments.positional.front());
  const auto tokenizer = TokenizerJson::from_text(trainer.finish(), {});
  make_folders(folder);
  tokenizer.save(folder);
  std::cout << folder.string() << ": " << tokenizer.vocabulary_size() << " ids from " << texts
            << " texts\n";
  return 0;
}

}  // namespace lldm::cli
