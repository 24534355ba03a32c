// SPDX-License-Identifier: MIT
// lldm data convert, data split, data pack.
#include <algorithm>
#include <cmath>
#include <iostream>

#include "cli/data_options.hpp"
#include "data/line_reader.hpp"
#include "data/row_parser.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/data/corpus.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "stage/any_rows.hpp"
#include "stage/prompt_split.hpp"
#include "synthesis/benchmarks.hpp"

namespace lldm::cli {
namespace {

std::string required(const Arguments& arguments, const char* command, const char* option,
                     const char* what) {
  if (arguments.has(option)) return arguments.value(option);
  throw ConfigError(message("lldm data ", command, ": ", what, "\n  give --", option));
}

/// Every pair as a wanted and an unwanted row, one behind the other.
void unpair(AnyRows& file) {
  std::vector<SourceRow> rows;
  for (const SourceRow& row : file.rows)
    for (std::size_t a = 0; a < row.answers.size(); ++a) {
      SourceRow one{
          .id = row.id, .prompt = {}, .messages = row.messages, .answers = {row.answers[a]}};
      one.wanted = a == 0;
      rows.push_back(std::move(one));
    }
  file.rows = std::move(rows);
  file.form = RowForm::unpaired;
}

/// A part of a split and the share of the prompts that it gets.
struct Part {
  std::string name;
  double until = 0;  // sum of the shares up to it
  std::unique_ptr<PendingFile> file = {};
  std::int64_t rows = 0;
};

/// "train=0.9,test=0.1"
std::vector<Part> parts_of(std::string text) {
  std::vector<Part> parts;
  double sum = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size()), equal = text.find('=');
    std::size_t read = 0;
    double share = 0;
    try {
      if (equal < end) share = std::stod(text.substr(equal + 1, end - equal - 1), &read);
    } catch (const std::exception&) {  // told below
    }
    const std::string name = text.substr(0, std::min(equal, end));
    const bool is_name = !name.empty() && name.find('/') == std::string::npos;
    if (equal >= end || !is_name || read != end - equal - 1 || !(share > 0) || share > 1)
      throw ConfigError(message("--parts got ", config::in_quotes(text.substr(0, end)),
                                "\n  write NAME=SHARE,..., such as train=0.9,test=0.1"));
    parts.push_back({.name = name, .until = sum += share});
    text.erase(0, std::min(end + 1, text.size()));
  }
  if (parts.empty() || std::abs(sum - 1) > 1e-9)
    throw ConfigError(message("--parts: the shares must sum to 1, they sum to ", sum));
  parts.back().until = 2;  // whatever rounding left
  return parts;
}

/// A prompt's place in [0, 1): of the seed and its text alone, so that rows may come and go.
double place_of(const std::string& prompt, std::int64_t seed) {
  const std::string hash = sha256_hex(message(seed, '\n', prompt)).substr(0, 13);  // 52 bits
  return std::ldexp(static_cast<double>(std::stoull(hash, nullptr, 16)), -52);
}

std::string one_line(const data::LineReader& lines) {
  return lines.is_array() ? data::parse_line(lines.line()).dump() : lines.line();
}

}  // namespace

int run_data_convert(const Arguments& arguments) {
  const std::string out = required(arguments, "convert", "out", "where to?");
  RowReaderOptions options = reader_of(arguments);
  AnyRows file = read_any_rows(arguments.positional.front(), options);
  if (const std::string to = arguments.value("to"); to == "unpaired") {
    if (file.form != RowForm::preference)
      throw ConfigError(
          message("--to unpaired: rows of form ", row_form_name(file.form), " hold no pairs"));
    unpair(file);
  } else if (!to.empty()) {
    throw ConfigError(message("--to got ", config::in_quotes(to), "\n  legal: unpaired"));
  }
  PendingFile written(out);
  for (const SourceRow& row : file.rows) written.write(row_line(row, file.form) + "\n");
  written.publish();
  std::cout << file.summary << '\n' << out << ": " << file.rows.size() << " rows\n";
  return 0;
}

int run_data_split(const Arguments& arguments) {
  const std::filesystem::path folder = required(arguments, "split", "out", "where to?");
  std::vector<Part> parts = parts_of(arguments.value("parts", "train=0.9,test=0.1"));
  const std::int64_t seed = arguments.integer("seed", 42);
  const AnyRows file = read_any_rows(arguments.positional.front(), reader_of(arguments));
  make_folders(folder);
  for (Part& part : parts)
    part.file = std::make_unique<PendingFile>(folder / (part.name + ".jsonl"));
  // A second reading, so that rows are kept as they stand, with keys that no form reads.
  data::LineReader lines(arguments.positional.front(), RowReaderOptions{}.max_line_bytes);
  auto row = file.rows.begin();
  while (lines.next()) {
    if (row == file.rows.end() || row->id != lines.number()) continue;
    const double place = place_of(prompt_text(*row, file.are_texts()), seed);
    Part& part = *std::ranges::find_if(parts, [&](const Part& p) { return place < p.until; });
    part.file->write(one_line(lines) + "\n");
    ++part.rows;
    ++row;
  }
  std::cout << file.summary << '\n';
  for (Part& part : parts) {
    if (part.rows == 0)
      throw DataError(message("part ", config::in_quotes(part.name),
                              " gets no row: there are too few prompts\n  give other shares"));
    part.file->publish();
    std::cout << (folder / (part.name + ".jsonl")).string() << ": " << part.rows << " rows\n";
  }
  return 0;
}

int run_data_pack(const Arguments& arguments) {
  PackRequest request;
  request.folder = required(arguments, "pack", "out", "where to?");
  static_cast<void>(required(arguments, "pack", "tokenizer", "with which tokenizer?"));
  request.reader = reader_of(arguments);
  // A corpus has no rows that a stage could look at: what models are measured by stays out here.
  synthesis::BenchmarkPrompts benchmarks;
  for (const std::string& file : arguments.positional) {
    request.files.emplace_back(file);
    benchmarks.look_at_name(file);
  }
  request.on_text = [&](const std::string& text, const std::string& place) {
    benchmarks.look(text, place);
  };
  request.on_read = [&] {
    benchmarks.refuse("lldm data pack",
                      "pack other files; a stage reads such a file itself, with "
                      "allow_benchmarks = true");
  };
  const PackedCounts counts = pack_corpus(request, *tokenizer_of(arguments));
  std::cout << request.folder.string() << ": " << counts.documents << " texts, " << counts.tokens
            << " tokens, " << bytes_text(counts.bytes) << '\n';
  return 0;
}

}  // namespace lldm::cli
