// SPDX-License-Identifier: MIT
// lldm data split.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/data_options.hpp"
#include "data/line_reader.hpp"
#include "data/row_parser.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "stage/any_rows.hpp"
#include "stage/prompt_split.hpp"
#include "text/json.hpp"

namespace lldm::cli {
namespace {

/// A part of a split and the share of the prompts that it gets.
struct Part {
  std::string name;
  double share = 0, until = 0;  // and the sum of the shares up to it
  std::unique_ptr<PendingFile> file = {};
  std::int64_t rows = 0;
};

/// The folder of the parts: where it is not there it is made, and is taken away again (with the
/// parents made for it) when no part was published into it.
class PartsFolder {
 public:
  explicit PartsFolder(std::filesystem::path path) : path_(std::move(path)) {
    if (!path_.has_filename()) path_ = path_.parent_path();  // "parts/"
  }
  PartsFolder(const PartsFolder&) = delete;
  PartsFolder& operator=(const PartsFolder&) = delete;
  ~PartsFolder() {
    std::error_code ignored;  // a folder that holds anything stays
    for (const auto& folder : made_) std::filesystem::remove(folder, ignored);
  }
  void make() {
    for (auto missing = path_; !missing.empty() && !std::filesystem::exists(missing);
         missing = missing.parent_path())
      made_.push_back(missing);
    make_folders(path_);
  }

 private:
  std::filesystem::path path_;
  std::vector<std::filesystem::path> made_;  // from within outward
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
    const bool is_name =
        !name.empty() && name.front() != '.' && name.find('/') == std::string::npos;
    if (equal >= end || !is_name || read != end - equal - 1 || !(share > 0) || share > 1)
      throw ConfigError(message("--parts got ", config::in_quotes(text.substr(0, end)),
                                "\n  write NAME=SHARE,..., such as train=0.9,test=0.1"));
    for (const Part& part : parts)
      if (part.name == name)
        throw ConfigError(message("--parts names ", config::in_quotes(name), " twice"));
    parts.push_back({.name = name, .share = share, .until = sum += share});
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

/// Beside the parts: which they are, so that parts of two splits, which may share prompts, never
/// stand in one folder.
constexpr const char* kSplitFile = "split.json";

/// DataError if the folder holds parts that this split does not replace.
void refuse_other_split(const std::filesystem::path& folder, const std::vector<Part>& parts) {
  const std::filesystem::path file = folder / kSplitFile;
  if (!std::filesystem::exists(file)) return;
  const nlohmann::json split = parse_json(read_file(file), file.string());
  if (!split.is_object() || !split.value("parts", nlohmann::json()).is_object())
    throw DataError(message(file.string(), ": is not of lldm data split\n  give another --out"));
  std::string others;
  for (const auto& [name, share] : split.at("parts").items())
    if (std::ranges::none_of(parts, [&](const Part& part) { return part.name == name; }) &&
        std::filesystem::exists(folder / (name + ".jsonl")))
      others += message(others.empty() ? "" : ", ", name, ".jsonl");
  if (!others.empty())
    throw DataError(message(folder.string(), ": holds parts of another split, ", others,
                            ", which may share prompts with these\n  give another --out, or "
                            "remove them"));
}

void write_split_file(const std::filesystem::path& folder, const std::vector<Part>& parts,
                      const std::string& file, std::int64_t seed) {
  nlohmann::ordered_json split = {{"file", file}, {"seed", seed}};
  for (const Part& part : parts)
    split["parts"][part.name] = {{"share", part.share}, {"rows", part.rows}};
  write_file_atomically(folder / kSplitFile, split.dump(2) + "\n");
}

std::string one_line(const data::LineReader& lines) {
  return lines.is_array() ? data::parse_line(lines.line()).dump() : lines.line();
}

}  // namespace

int run_data_split(const Arguments& arguments) {
  const std::filesystem::path folder = required(arguments, "split", "out", "where to?");
  PartsFolder made(folder);  // outlives the parts, whose unfinished files are in it
  std::vector<Part> parts = parts_of(arguments.value("parts", "train=0.9,test=0.1"));
  const std::int64_t seed = arguments.integer("seed", 42);
  const AnyRows file = read_any_rows(arguments.positional.front(), reader_of(arguments));
  refuse_other_split(folder, parts);
  made.make();
  for (const Part& part : parts) {
    const std::filesystem::path file = folder / (part.name + ".jsonl");
    if (std::filesystem::is_directory(file))
      throw ConfigError(message(file.string(), ": is a folder\n  give another --out"));
    std::error_code ignored;
    if (std::filesystem::equivalent(file, arguments.positional.front(), ignored))
      throw ConfigError(message(file.string(), ": is the file that is read, and would be lost",
                                "\n  give another --out"));
  }
  for (Part& part : parts)
    part.file = std::make_unique<PendingFile>(folder / (part.name + ".jsonl"));
  // A second reading, so that rows are kept as they stand, with keys that no form reads.
  data::LineReader lines(arguments.positional.front(), RowReaderOptions{}.max_line_bytes);
  auto row = file.rows.begin();
  StopGuard stop;
  while (lines.next()) {
    stop.check();
    if (row == file.rows.end() || row->id != lines.number()) continue;
    const double place = place_of(prompt_text(*row, file.are_texts()), seed);
    Part& part = *std::ranges::find_if(parts, [&](const Part& p) { return place < p.until; });
    part.file->write(one_line(lines) + "\n");
    ++part.rows;
    ++row;
  }
  for (const Part& part : parts)  // before any part replaces an older one
    if (part.rows == 0)
      throw DataError(message("part ", config::in_quotes(part.name),
                              " gets no row: there are too few prompts\n  give other shares"));
  const std::filesystem::path from = arguments.positional.front();
  write_split_file(folder, parts, to_valid_utf8(from.filename().string()), seed);
  std::cout << file.summary << '\n';
  for (Part& part : parts) {
    part.file->publish();
    std::cout << (folder / (part.name + ".jsonl")).string() << ": " << part.rows << " rows\n";
  }
  return 0;
}

}  // namespace lldm::cli
