// SPDX-License-Identifier: MIT
#include "eval/item_file.hpp"

#include <map>

#include "data/bad_rows.hpp"
#include "data/line_reader.hpp"
#include "data/row_parser.hpp"
#include "lldm/errors.hpp"

namespace lldm::eval {
namespace {

using nlohmann::json;

std::string text_of(const json& row, const char* key) {
  const json& value = row.at(key);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Without the answer's own conditions.
Item to_item(json row, const std::string& stem, std::uint64_t line, bool needs_answer) {
  const auto prompt = row.find("prompt"), answer = row.find("answer"), id = row.find("id");
  if (prompt == row.end() || !prompt->is_string())
    throw data::RowFault{0, "\"prompt\" is missing or not a string"};
  if (needs_answer && answer == row.end()) throw data::RowFault{0, "\"answer\" is missing"};
  if (answer != row.end() && !answer->is_string() && !answer->is_number() && needs_answer)
    throw data::RowFault{
        0, message("\"answer\" must be a string or a number, is ", answer->type_name())};
  if (id != row.end() && !id->is_string() && !id->is_number_integer())
    throw data::RowFault{0, message("\"id\" must be a string or an integer, is ", id->type_name())};
  Item item;
  item.example.id = id == row.end() ? message(stem, '-', line) : text_of(row, "id");
  item.example.prompt = prompt->get<std::string>();
  if (answer != row.end()) item.example.answer = text_of(row, "answer");
  if (const auto solution = row.find("solution"); solution != row.end() && solution->is_string())
    item.example.solution = solution->get<std::string>();
  row["id"] = item.example.id;
  item.row = std::move(row);
  return item;
}

}  // namespace

std::vector<Item> read_items(const std::filesystem::path& file, std::int64_t limit,
                             bool needs_answer,
                             const std::function<std::string(const std::string&)>& why_bad) {
  data::LineReader lines(file, RowReaderOptions{}.max_line_bytes);
  const std::string path = file.string(), stem = file.stem().string();
  std::vector<Item> items;
  std::vector<BadRow> bad;
  std::map<std::string, std::uint64_t> line_of_id;
  while ((limit == 0 || static_cast<std::int64_t>(items.size() + bad.size()) < limit) &&
         lines.next()) {
    try {
      Item item = to_item(data::parse_row(lines), stem, lines.number(), needs_answer);
      if (const std::string why = why_bad(item.example.answer); !why.empty())
        throw data::RowFault{0, why};
      const auto [at, is_new] = line_of_id.emplace(item.example.id, lines.number());
      if (!is_new)
        throw data::RowFault{0,
                             message("the id \"", item.example.id, "\" is that of ",
                                     lines.is_array() ? "element " : "line ", at->second, " too")};
      item.example.place = data::place_of(path, lines);
      items.push_back(std::move(item));
    } catch (const data::RowFault& fault) {
      bad.push_back(data::bad_row(lines, fault.column, fault.reason));
    }
  }
  if (!bad.empty())
    throw DataError(message(path, ": ", bad.size(), " of ", lines.number(), " rows cannot be used",
                            data::list_bad_rows(path, bad)));
  if (items.empty()) throw DataError(message(path, ": holds no rows"));
  return items;
}

}  // namespace lldm::eval
