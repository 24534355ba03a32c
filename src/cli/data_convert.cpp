// SPDX-License-Identifier: MIT
// lldm data convert.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/data_options.hpp"
#include "data/other_keys.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "stage/any_rows.hpp"

namespace lldm::cli {
namespace {

using nlohmann::ordered_json;

/// A row as it is written, and what it holds beside its form.
struct Converted {
  SourceRow row;
  nlohmann::json others;
};

/// Whether a key of a pair speaks of its other answer.
bool is_of_other(const std::string& key, bool is_wanted) {
  return is_wanted ? key == "error" || key.ends_with("_rejected") : key.ends_with("_chosen");
}

/// Every pair as a wanted and an unwanted row, in an order that the seed decides: KTO scores a
/// prompt with the answer of the row before, so that no two of a pair may stand side by side.
std::vector<Converted> unpaired(std::vector<Converted> pairs, std::int64_t seed) {
  std::vector<Converted> rows;
  for (Converted& pair : pairs)
    for (std::size_t a = 0; a < pair.row.answers.size(); ++a) {
      SourceRow one{.id = pair.row.id,
                    .prompt = {},
                    .messages = pair.row.messages,
                    .answers = {std::move(pair.row.answers[a])}};
      one.wanted = a == 0;
      nlohmann::json others = nlohmann::json::object();
      for (const auto& [key, value] : pair.others.items())
        if (!is_of_other(key, a == 0)) others[key] = value;
      rows.push_back({std::move(one), std::move(others)});
    }
  std::vector<Converted> shuffled;
  shuffled.reserve(rows.size());
  Stream order = Draws(static_cast<std::uint64_t>(seed), "unpaired").stream(Purpose::order);
  for (const std::int64_t at : order.permutation(static_cast<std::int64_t>(rows.size())))
    shuffled.push_back(std::move(rows[static_cast<std::size_t>(at)]));
  return shuffled;
}

std::string line_of(const Converted& converted, RowForm form) {
  ordered_json line;
  const nlohmann::json& others = converted.others;
  if (others.contains("id")) line["id"] = others.at("id");
  const ordered_json row = row_json(converted.row, form);
  for (const auto& [key, value] : row.items()) line[key] = value;
  for (const auto& [key, value] : others.items()) {
    if (key == "id") continue;
    if (line.contains(key))
      throw ConfigError(message("--keep: ", key, " is a key of rows of form ", row_form_name(form),
                                "\n  give the column another name in the file, or leave it out"));
    line[key] = value;
  }
  return line.dump() + "\n";
}

/// What no row that was written holds: "left out: "source" of 12 rows".
std::string told(const std::map<std::string, std::uint64_t>& left_out) {
  std::string text;
  for (const auto& [key, rows] : left_out)
    text += message(text.empty() ? "left out: " : ", ", '"', key, "\" of ", rows,
                    rows == 1 ? " row" : " rows");
  return text.empty() ? "" : text + "; --keep KEY,... or --keep all carries keys of a row on\n";
}

std::vector<std::string> kept_keys(const Arguments& arguments) {
  std::vector<std::string> keys;
  std::string text = arguments.value("keep");
  if (arguments.has("keep") && text.empty())
    throw ConfigError("--keep names no key\n  write --keep KEY,... or --keep all");
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end == 0) throw ConfigError("--keep holds an empty name\n  write --keep KEY,...");
    keys.push_back(text.substr(0, end));
    text.erase(0, std::min(end + 1, text.size()));
  }
  return keys;
}

}  // namespace

int run_data_convert(const Arguments& arguments) {
  const std::string out = required(arguments, "convert", "out", "where to?");
  const std::filesystem::path path = arguments.positional.front();
  const std::string to = arguments.value("to");
  const bool is_unpaired = to == "unpaired";
  if (!to.empty() && !is_unpaired)
    throw ConfigError(message("--to got ", config::in_quotes(to), "\n  legal: unpaired"));
  if (arguments.has("seed") && !is_unpaired)
    throw ConfigError(
        "--seed is not read here: rows keep their order\n  it belongs to --to unpaired");
  RowReaderOptions options = reader_of(arguments);
  AnyRows file = read_any_rows(path, options);
  if (is_unpaired && file.form != RowForm::preference)
    throw ConfigError(
        message("--to unpaired: rows of form ", row_form_name(file.form), " hold no pairs"));
  options.form = file.form;
  data::OtherKeys others(path, options, file.unused_keys, kept_keys(arguments));
  std::vector<Converted> rows;
  for (SourceRow& row : file.rows) {
    nlohmann::json carried = others.of_row(row.id);
    rows.push_back({std::move(row), std::move(carried)});
  }
  if (const std::string missing = others.missing(); !missing.empty()) throw ConfigError(missing);
  const std::int64_t seed = arguments.integer("seed", 42);
  if (is_unpaired) {
    rows = unpaired(std::move(rows), seed);
    file.form = RowForm::unpaired;
  }
  PendingFile written(out);
  StopGuard stop;
  for (const Converted& row : rows) {
    stop.check();
    written.write(line_of(row, file.form));
  }
  written.publish();
  std::cout << file.summary << '\n'
            << out << ": " << rows.size() << " rows"
            << (is_unpaired ? message(", in random order of seed ", seed) : "") << '\n'
            << told(others.left_out());
  return 0;
}

}  // namespace lldm::cli
