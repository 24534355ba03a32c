// SPDX-License-Identifier: MIT
// lldm data check.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>

#include "cli/command.hpp"
#include "data/begin_of_text.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/data/rows.hpp"
#include "lldm/data/template.hpp"
#include "lldm/errors.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/tokenizer/load.hpp"
#include "stage/mask_in_data.hpp"

namespace lldm::cli {
namespace {

/// What is asked of a file, and of each of its rows.
struct Check {
  std::shared_ptr<const Tokenizer> tokenizer = nullptr;  // null: texts are not encoded
  TemplateOptions prompt_template = {};
  std::shared_ptr<BeginOfTextCount> begins = nullptr;  // beside a tokenizer

  /// Why a row cannot be encoded; "" if it can, or if no tokenizer is asked for.
  [[nodiscard]] std::string problem(const std::vector<Message>& prompt,
                                    const std::vector<std::string_view>& answers) const {
    if (!tokenizer) return "";
    try {
      const std::string mask = mask_text(*tokenizer);
      for (const std::string_view answer : answers) {
        if (prompt.empty()) {
          const auto ids = tokenizer->encode(answer);
          if (ids.empty()) return "the text has no token";
          begins->add(ids);
        } else {
          begins->add(encode(render(prompt_template, prompt, answer), 0, *tokenizer).prompt);
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

struct Checked {
  RowForm form = RowForm::text;
  std::uint64_t lines = 0;
  std::vector<BadRow> bad;
  std::vector<std::string> unused_keys;
};

/// `parts(row)` gives the prompt and the answers of a row.
template <class Row, class Parts>
Checked checked(RowFile<Row> file, const Check& check, const Parts& parts) {
  Checked result{file.form, file.num_lines, std::move(file.skipped), std::move(file.unused_keys)};
  for (const Row& row : file.rows) {
    const auto [prompt, answers] = parts(row);
    if (std::string problem = check.problem(prompt, answers); !problem.empty()) {
      std::ranges::replace(problem, '\n', ' ');
      result.bad.push_back({row.id, 0, std::move(problem)});
    }
  }
  std::ranges::sort(result.bad, {}, &BadRow::line);
  return result;
}

using Answers = std::vector<std::string_view>;
using Messages = std::vector<Message>;
constexpr RowReaderOptions kAll{.collects = true};

Checked check_file(const std::string& file, const std::string& kind, const Check& check) {
  if (kind == "text")
    return checked(read_text_rows(file, kAll), check,
                   [](const TextRow& row) { return std::pair<Messages, Answers>{{}, {row.text}}; });
  if (kind == "conversations")
    return checked(read_prompt_rows(file, kAll), check, [](const PromptRow& row) {
      return std::pair<Messages, Answers>{row.prompt, {row.response}};
    });
  if (kind == "preference")
    return checked(read_preference_rows(file, kAll), check, [](const PreferenceRow& row) {
      return std::pair<Messages, Answers>{row.prompt, {row.chosen, row.rejected}};
    });
  if (kind == "unpaired")
    return checked(read_unpaired_rows(file, kAll), check, [](const UnpairedRow& row) {
      return std::pair<Messages, Answers>{row.prompt, {row.completion}};
    });
  const std::vector<std::string> kinds = {"text", "conversations", "preference", "unpaired"};
  throw ConfigError(message("--kind got ", config::in_quotes(kind), "\n  ",
                            config::did_you_mean(kind, kinds, "kinds")));
}

}  // namespace

int run_data_check(const Arguments& arguments) {
  const std::string& file = arguments.positional.at(0);
  if (!arguments.has("kind"))
    throw ConfigError(
        "lldm data check: which rows?\n  give --kind text, conversations, preference or unpaired");
  Check check;
  if (arguments.has("tokenizer")) {
    const std::string folder = arguments.value("tokenizer");
    check.tokenizer = load_tokenizer(folder);
    check.prompt_template = saved_template(folder).value_or(check.prompt_template);
    check.begins =
        std::make_shared<BeginOfTextCount>(begin_of_text(*check.tokenizer, check.prompt_template));
  }
  const Checked result = check_file(file, arguments.value("kind"), check);
  for (const BadRow& row : result.bad) {
    std::cout << file << ':' << row.line << ": " << row.reason;
    if (row.column > 0) std::cout << " (byte " << row.column << " of the line)";
    std::cout << '\n';
  }
  if (result.bad.empty())
    std::cout << file << ": " << result.lines << " rows of form " << row_form_name(result.form)
              << ", all good\n";
  else
    std::cout << file << ": " << result.bad.size() << " of " << result.lines
              << " rows cannot be used\n";
  if (check.begins)
    if (const std::string problem = check.begins->problem(); !problem.empty())
      std::cout << "begin of text: " << problem << '\n';
  if (!result.unused_keys.empty()) {
    std::cout << "keys that nobody reads:";
    for (const std::string& key : result.unused_keys) std::cout << ' ' << config::in_quotes(key);
    std::cout << '\n';
  }
  return result.bad.empty() ? 0 : 2;
}

}  // namespace lldm::cli
