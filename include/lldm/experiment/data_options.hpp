// SPDX-License-Identifier: MIT
// The table `data` (or `pairs`) of a stage: a task's generator, a file, or an earlier stage.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"
#include "lldm/config/field_info.hpp"
#include "lldm/data/row_format.hpp"
#include "lldm/data/rows.hpp"

namespace lldm {

/// Which answers of an earlier synthesize stage, or of a file of pairs, are read.
enum class Take : std::uint8_t {
  pairs,     // chosen and rejected
  chosen,    // the chosen answers alone
  rejected,  // the rejected answers alone
  samples,   // every sampled answer that passes `correct` and `at_most`
  ranked,    // the graded answers of a prompt in order, for losses over more than two
};
constexpr auto choices(std::type_identity<Take>) {
  return std::array{Choice<Take>{"pairs", Take::pairs}, Choice<Take>{"chosen", Take::chosen},
                    Choice<Take>{"rejected", Take::rejected},
                    Choice<Take>{"samples", Take::samples}, Choice<Take>{"ranked", Take::ranked}};
}

/// How a corpus on disk is cut into rows.
enum class Packing : std::uint8_t {
  concat,    // documents one behind the other, cut every `length` tokens: rows may hold several
  isolated,  // every document by itself, cut where it is longer than `length`
};
constexpr auto choices(std::type_identity<Packing>) {
  return std::array{Choice<Packing>{"concat", Packing::concat},
                    Choice<Packing>{"isolated", Packing::isolated}};
}

/// The table `data`: rows of a file, of a task's generator, or of an earlier synthesize stage.
/// `generate = NAME` reads the other keys as that task's options (see `lldm describe task.NAME`).
struct DataOptions {
  std::filesystem::path file;
  std::string stage;
  Take take = Take::pairs;
  bool correct = true;
  std::map<std::string, double> at_most;
  OnBadRow on_bad_row = OnBadRow::error;
  std::int64_t limit = 0;
  Columns columns = {};
  RowFormat format = {};
  std::filesystem::path corpus = {};
  Packing packing = Packing::concat;
  std::int64_t length = 0;
  static constexpr auto describe() {
    using D = DataOptions;
    return std::tuple{
        field("file", &D::file,
              "JSONL file with one row a line: {text}, {prompt, response}, {conversations}, "
              "{prompt, chosen, rejected}, {prompt, answers} or {prompt, completion, label} "
              "(docs/tutorial.md, \"Your own data\"); or a JSON array of them; either packed by "
              "gzip too."),
        field("stage", &D::stage, "Name of a synthesize stage whose rows are read."),
        field("take", &D::take,
              "Of that stage: pairs, the chosen or the rejected answers, all samples, or every "
              "prompt's samples ranked by their grade.  Of a file of pairs: chosen or rejected "
              "gives an sft stage one answer of each."),
        field("correct", &D::correct,
              "take = \"samples\": only answers the checker calls correct."),
        field("at_most", &D::at_most,
              "take = \"samples\": largest value of the checker's metrics, for example "
              "{ superfluous_steps = 1 }."),
        field("on_bad_row", &D::on_bad_row, "error, or skip (counted, at most 1 % of the file)."),
        field("limit", &D::limit, "Read at most so many rows; 0: all.").at_least(0),
        field("columns", &D::columns,
              "Of a file: under which keys its rows keep what is read here, { prompt = "
              "\"question\", response = \"answer\" }."),
        field("format", &D::format,
              "Of a file: the form of its rows (text, prompt_response, conversation, preference, "
              "ranked, unpaired), or auto: what the first row shows, which is told."),
        field("corpus", &D::corpus,
              "Folder that `lldm data pack` wrote: texts as tokens, read from disk as they are "
              "trained on (pretraining)."),
        field("packing", &D::packing,
              "Of a corpus: concat (documents and end-of-text in one stream, cut every `length` "
              "tokens, LLaDA's way) or isolated (as many whole documents as a row holds, none of "
              "which sees another)."),
        field("length", &D::length,
              "Of a corpus: tokens of a row at most; 0: as many as the model takes.")
            .at_least(0)
            .unit("tokens")};
  }
};

/// The option `data`, `validation` or `pairs` of a stage: where rows come from.
struct DataRef {
  ComponentRef<Role::task> task = {};  // of `generate`; names none for files and stages
  DataOptions options = {};
  config::Value resolved = {};  // the table with every default

  [[nodiscard]] bool is_given() const { return !resolved.as_table().empty(); }
  [[nodiscard]] bool is_generated() const { return !task.type().empty(); }
  [[nodiscard]] bool is_corpus() const { return !options.corpus.empty(); }
  /// Whether the table says `take`, be it of a stage's default.
  [[nodiscard]] bool has_take() const { return resolved.find("take") != nullptr; }

  static constexpr std::string_view option_type() { return "rows"; }
  static const std::vector<config::FieldInfo>& fields();
  /// Reports none or several of generate, file, stage and corpus; unknown keys; a task's own
  /// mistakes.
  bool read(const config::Value& given, const config::Slot& slot);
  [[nodiscard]] std::optional<config::Value> write() const;

 private:
  void read_task(const config::Value& given, const config::ReadContext& context);
  void read_options(const config::Value& given, const config::ReadContext& context);
};

/// What is wrong with `take` for an objective that compares `group_size` answers; "" if nothing.
std::string take_problem(Take take, std::int64_t group_size);
/// The same of a file, whose table may name none.
std::string file_take_problem(const DataRef& data, std::int64_t group_size);

}  // namespace lldm
