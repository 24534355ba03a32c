// SPDX-License-Identifier: MIT
// lldm data check.
#include <algorithm>
#include <iostream>

#include "cli/data_options.hpp"
#include "data/bad_rows.hpp"
#include "data/begin_of_text.hpp"
#include "data/line_reader.hpp"
#include "data/prompt_border.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/data/rows.hpp"
#include "lldm/data/template.hpp"
#include "lldm/errors.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "stage/any_rows.hpp"
#include "stage/mask_in_data.hpp"

namespace lldm::cli {
namespace {

/// What is asked of a file, and of each of its rows.
struct Check {
  std::shared_ptr<const Tokenizer> tokenizer = nullptr;  // null: texts are not encoded
  TemplateOptions prompt_template = {};
  std::shared_ptr<BeginOfTextCount> begins = nullptr;  // beside a tokenizer
  std::shared_ptr<BorderCount> borders = std::make_shared<BorderCount>();

  /// Why a row cannot be encoded; "" if it can, or if no tokenizer is asked for.
  [[nodiscard]] std::string problem(const std::vector<Message>& prompt,
                                    const std::vector<std::string>& answers,
                                    const std::string& place) const {
    if (!tokenizer) return "";
    try {
      const std::string mask = mask_text(*tokenizer);
      for (const std::string& answer : answers) {
        if (prompt.empty()) {
          const auto ids = tokenizer->encode(answer);
          if (ids.empty()) return "the text has no token";
          begins->add(ids);
        } else {
          const Rendered rendered = render(prompt_template, prompt, answer);
          const Encoded encoded = encode(rendered, 0, *tokenizer);
          begins->add(encoded.prompt);
          borders->add(spans_border(rendered, encoded.prompt, *tokenizer), place);
        }
        if (!mask.empty() && answer.find(mask) != std::string_view::npos)
          return message("holds the text of the mask token, ", config::in_quotes(mask));
      }
      for (const Message& turn : prompt)
        if (!mask.empty() && turn.content.find(mask) != std::string::npos)
          return message("the prompt holds the text of the mask token, ", config::in_quotes(mask));
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }
};

/// The forms of rows that a kind stands for.
std::vector<RowForm> forms_of(const std::string& kind) {
  if (kind == "text") return {RowForm::text};
  if (kind == "conversations") return {RowForm::prompt_response, RowForm::conversation};
  if (kind == "preference") return {RowForm::preference};
  if (kind == "unpaired") return {RowForm::unpaired};
  const std::vector<std::string> kinds = {"text", "conversations", "preference", "unpaired"};
  throw ConfigError(message("--kind got ", config::in_quotes(kind), "\n  ",
                            config::did_you_mean(kind, kinds, "kinds")));
}

/// The file's rows, those that cannot be encoded among the bad ones, in the order of their lines.
AnyRows checked(const Arguments& arguments, const Check& check) {
  RowReaderOptions options = reader_of(arguments);
  options.collects = true;
  AnyRows file =
      read_any_rows(arguments.positional.at(0), options, forms_of(arguments.value("kind")));
  std::vector<std::pair<std::uint64_t, std::string>> refused;
  for (const SourceRow& row : file.rows) {
    std::string problem = check.problem(row.messages, row.answers, row.place);
    if (problem.empty()) continue;
    refused.emplace_back(row.id, std::move(problem));
  }
  // A second reading says where these rows stand.
  data::LineReader lines(arguments.positional.at(0), options.max_line_bytes);
  for (auto& [id, problem] : refused) {
    while (lines.number() < id && lines.next()) {
    }
    file.bad.push_back(data::bad_row(lines, 0, std::move(problem)));
  }
  std::ranges::stable_sort(file.bad, {}, &BadRow::offset);
  return file;
}

/// " (byte 3 of the line, 120 of the file)"; of a whole row where it begins.
std::string bytes_of(const BadRow& row) {
  return message(" (byte ", std::max<std::uint64_t>(row.column, 1), " of the line, ",
                 row.offset + 1, " of the file)");
}

std::string on_one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

/// What is no fault of a row: to standard error, since standard output is a line a bad row and
/// their count.
void print_notes(const Check& check, const AnyRows& result) {
  if (check.begins)
    if (const std::string problem = check.begins->problem(); !problem.empty())
      std::cerr << "begin of text: " << problem << '\n';
  if (const std::string problem = check.borders->problem(); !problem.empty())
    std::cerr << problem << '\n';
  if (result.unused_keys.empty()) return;
  std::cerr << "keys that nobody reads:";
  for (const std::string& key : result.unused_keys) std::cerr << ' ' << config::in_quotes(key);
  std::cerr << '\n';
}

}  // namespace

int run_data_check(const Arguments& arguments) {
  const std::string& file = arguments.positional.at(0);
  if (!arguments.has("kind"))
    throw ConfigError(
        "lldm data check: which rows?\n  give --kind text, conversations, preference or unpaired");
  Check check;
  if (arguments.has("tokenizer")) {
    check.tokenizer = tokenizer_of(arguments);
    check.prompt_template = template_beside(arguments);
    check.begins =
        std::make_shared<BeginOfTextCount>(begin_of_text(*check.tokenizer, check.prompt_template));
  }
  const AnyRows result = checked(arguments, check);
  print_notes(check, result);
  for (const BadRow& row : result.bad)
    std::cout << file << ':' << row.line << ": " << on_one_line(row.reason) << bytes_of(row)
              << '\n';
  if (result.bad.empty())
    std::cout << result.summary.substr(0, result.summary.find(';')) << ", all good\n";
  else
    std::cout << file << ": " << result.bad.size() << " of " << result.num_lines
              << " rows cannot be used\n";
  return result.bad.empty() ? 0 : 2;
}

}  // namespace lldm::cli
