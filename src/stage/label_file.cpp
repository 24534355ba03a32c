// SPDX-License-Identifier: MIT
#include "stage/label_file.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "lldm/draws/permutation.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/text/utf8.hpp"
#include "storage/input_file.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kVerdicts = {"first", "second", "neither", "skipped"};

Preferred verdict_of(const std::string& name, const std::string& where) {
  const auto found = std::ranges::find(kVerdicts, name);
  if (found == kVerdicts.end())
    throw DataError(message(where, ": no verdict is \"", shortened(name, 40), '"'));
  return static_cast<Preferred>(found - kVerdicts.begin());
}

}  // namespace

std::string_view to_string(Preferred verdict) {
  return kVerdicts[static_cast<std::size_t>(verdict)];
}

Preferred ShownPair::of_shown(Preferred shown) const {
  if (!is_swapped || shown == Preferred::neither || shown == Preferred::skipped) return shown;
  return shown == Preferred::first ? Preferred::second : Preferred::first;
}

LabelFile::LabelFile(std::filesystem::path out, Origin origin)
    : out_(std::move(out)),
      verdicts_(out_.string() + ".verdicts.jsonl"),
      origin_(std::move(origin)) {
  if (std::filesystem::exists(verdicts_) && read()) return;
  ordered_json first = {{"file", origin_.file},
                        {"sha256", origin_.sha256},
                        {"by", origin_.by},
                        {"seed", origin_.seed}};
  if (!origin_.columns.empty()) first["columns"] = origin_.columns;
  append(first.dump());
}

bool LabelFile::read() {
  const std::string text = read_input(verdicts_);
  const std::size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  if (std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(whole), '\n') < 2) {
    std::filesystem::resize_file(verdicts_, 0);
    return false;
  }
  std::size_t begin = 0;
  for (std::size_t number = 1; begin < whole; ++number) {
    const std::size_t end = text.find('\n', begin);
    const std::string where = message(verdicts_.string(), ':', number);
    const auto line = parse_json(std::string_view(text).substr(begin, end - begin), where);
    begin = end + 1;
    try {
      if (number > 1) {
        lines_.push_back({line.at("row").get<std::uint64_t>(),
                          verdict_of(line.at("verdict").get<std::string>(), where)});
        continue;
      }
      for (const auto& [key, mine] :
           {std::pair{"sha256", origin_.sha256}, std::pair{"by", origin_.by},
            std::pair{"seed", std::to_string(origin_.seed)},
            std::pair{"columns", origin_.columns}}) {
        const auto theirs =
            key == std::string_view("columns") ? line.value(key, nlohmann::json("")) : line.at(key);
        const std::string said = theirs.is_string() ? theirs.get<std::string>() : theirs.dump();
        if (said != mine)
          throw DataError(message(verdicts_.string(), ": holds verdicts with ", key, " = ", said,
                                  ", asked is ", mine, "\n  give another --out"));
      }
    } catch (const nlohmann::json::exception& error) {
      throw DataError(message(where, ": no verdict of lldm data label: ", error.what()));
    }
  }
  if (whole < text.size()) std::filesystem::resize_file(verdicts_, whole);  // torn
  return true;
}

void LabelFile::append(const std::string& line) const {
  OutputFile file(real_file_ops(), verdicts_, WriteMode::append);
  file.write(line + "\n");
  file.sync();
}

std::vector<ShownPair> LabelFile::open_pairs(const AnyRows& rows) const {
  std::set<std::uint64_t> done;
  for (const Line& line : lines_) done.insert(line.row);
  const Draws draws(static_cast<std::uint64_t>(origin_.seed), "label");
  std::vector<ShownPair> open;
  const auto count = static_cast<std::int64_t>(rows.rows.size());
  if (count == 0) return open;
  const CounterPermutation order(draws.stream(Purpose::order), count);
  for (std::int64_t i = 0; i < count; ++i) {
    const SourceRow& row = rows.rows[static_cast<std::size_t>(order.at(i))];
    if (!done.contains(row.id))
      open.push_back({&row, draws.stream(Purpose::order, 0, row.id, 1).uniform() < 0.5});
  }
  return open;
}

void LabelFile::add(const ShownPair& pair, Preferred verdict) {
  lines_.push_back({pair.row->id, verdict});
  append(ordered_json{{"row", pair.row->id},
                      {"verdict", to_string(verdict)},
                      {"shown_first", pair.is_swapped ? "second" : "first"}}
             .dump());
}

bool LabelFile::undo() {
  if (lines_.empty()) return false;
  lines_.pop_back();
  std::string text = read_input(verdicts_);
  text.pop_back();
  text.resize(text.rfind('\n') + 1);
  write_file_atomically(verdicts_, text);
  return true;
}

std::int64_t LabelFile::write(const AnyRows& rows) const {
  std::map<std::uint64_t, Preferred> verdicts;
  for (const Line& line : lines_) verdicts[line.row] = line.verdict;
  std::string text;
  std::int64_t written = 0;
  for (const SourceRow& row : rows.rows) {
    const auto found = verdicts.find(row.id);
    if (found == verdicts.end() || found->second > Preferred::second) continue;
    SourceRow labelled = row;
    if (found->second == Preferred::second) std::swap(labelled.answers[0], labelled.answers[1]);
    ordered_json line = row_json(labelled, RowForm::preference);
    line["labelled"] = {
        {"by", origin_.by}, {"file", origin_.file}, {"sha256", origin_.sha256}, {"row", row.id}};
    text += line.dump() + "\n";
    ++written;
  }
  write_file_atomically(out_, text);
  return written;
}

std::int64_t LabelFile::count(Preferred verdict) const {
  return std::ranges::count(lines_, verdict, &Line::verdict);
}

}  // namespace lldm
