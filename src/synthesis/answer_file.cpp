// SPDX-License-Identifier: MIT
#include "synthesis/answer_file.hpp"

#include <unordered_map>

#include "data/bad_rows.hpp"
#include "data/line_reader.hpp"
#include "data/row_parser.hpp"
#include "lldm/errors.hpp"
#include "synthesis/benchmarks.hpp"
#include "synthesis/prompt_key.hpp"
#include "synthesis/provenance.hpp"

namespace lldm::synthesis {
namespace {

using nlohmann::json;

std::string text_of(const json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end()) return "";
  if (found->is_number_integer() && key == std::string_view("id")) return found->dump();
  if (!found->is_string())
    throw data::RowFault{0, message('"', key, "\" must be a string, is ", found->type_name())};
  return found->get<std::string>();
}

/// What one row answers with.
std::vector<GivenAnswer> answers_of(const json& row, std::uint64_t line) {
  if (row.contains("response") == row.contains("responses"))
    throw data::RowFault{0, "a row has either \"response\" (a text) or \"responses\" (a list)"};
  std::vector<GivenAnswer> answers;
  const auto add = [&](const json& text, const char* key) {
    if (!text.is_string())
      throw data::RowFault{0, message('"', key, "\" holds ", text.type_name(), ", wanted is text")};
    answers.push_back({text.get<std::string>(), line});
  };
  if (row.contains("response")) {
    add(row["response"], "response");
    if (const auto label = row.find("correct"); label != row.end()) {
      if (!label->is_boolean())
        throw data::RowFault{0,
                             message("\"correct\" must be true or false, is ", label->type_name())};
      answers.back().is_correct = label->get<bool>();
    }
    return answers;
  }
  if (!row["responses"].is_array())
    throw data::RowFault{
        0, message("\"responses\" must be a list, is ", row["responses"].type_name())};
  for (const json& text : row["responses"]) add(text, "responses");
  return answers;
}

}  // namespace

std::vector<PromptAnswers> read_answers(const std::filesystem::path& file) {
  data::LineReader lines(file, RowReaderOptions{}.max_line_bytes);
  const std::string path = file.string();
  std::vector<PromptAnswers> prompts;
  std::unordered_map<std::string, std::size_t> known;
  std::vector<BadRow> bad;
  while (lines.next()) try {
      if (lines.is_too_long()) throw data::RowFault{0, "the line is too long"};
      const json row = data::parse_line(lines.line());
      const std::string id = text_of(row, "id"), prompt = text_of(row, "prompt");
      if (id.empty() && prompt.empty())
        throw data::RowFault{0, "neither \"id\" nor \"prompt\" says which problem it answers"};
      const auto answers = answers_of(row, lines.number());
      const auto [at, is_new] =
          known.try_emplace(id.empty() ? "p" + prompt : "i" + id, prompts.size());
      if (is_new) {
        prompts.push_back({});
        prompts.back().example.id = id.empty() ? message("prompt-", prompts.size()) : id;
        prompts.back().has_id = !id.empty();
        prompts.back().example.place = message(path, ':', lines.number());
      }
      std::string& asked = prompts[at->second].example.prompt;
      if (asked.empty()) asked = prompt;
      if (!prompt.empty() && single_spaced(prompt) != single_spaced(asked))
        throw data::RowFault{0, message("\"id\" is that of ", prompts[at->second].example.place,
                                        ", \"prompt\" another")};
      auto& all = prompts[at->second].answers;
      all.insert(all.end(), answers.begin(), answers.end());
    } catch (const data::RowFault& fault) {
      bad.push_back({lines.number(), fault.column, fault.reason});
    }
  if (!bad.empty())
    throw DataError(message(path, ": ", bad.size(), " of ", lines.number(), " rows cannot be used",
                            data::list_bad_rows(path, bad)));
  if (prompts.empty()) throw DataError(message(path, ": holds no rows"));
  return prompts;
}

std::vector<std::string> import_pairs(const PromptAnswers& prompt,
                                      const std::vector<Verdict>& verdicts, const PairRule& rule,
                                      const PairSource& source, std::string_view labeled_by,
                                      ImportCounts& counts) {
  std::vector<JudgedAnswer> judged;
  std::vector<std::uint64_t> lines;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    ++counts.answers;
    if (!verdicts[i].failure.empty()) {
      ++counts.failed;
      continue;
    }
    counts.correct += verdicts[i].is_correct ? 1 : 0;
    counts.incomplete += outcome_of(verdicts[i]) == Outcome::incomplete ? 1 : 0;
    judged.push_back({verdicts[i], prompt.answers[i].text});
    lines.push_back(prompt.answers[i].line);
  }
  ++counts.prompts;
  std::string benchmark = benchmark_of(prompt.example.prompt);
  if (benchmark.empty()) benchmark = source.benchmark;
  if (!benchmark.empty()) ++counts.benchmark[benchmark];
  const AnswerPairs made = pair_answers(judged, rule);
  counts.ties += made.why == AnswerPairs::Why::ties ? 1 : 0;
  counts.too_hard += made.why == AnswerPairs::Why::too_hard ? 1 : 0;
  counts.too_easy += made.why == AnswerPairs::Why::too_easy ? 1 : 0;
  std::vector<std::string> out;
  for (const auto& [best, worst] : made.pairs) {
    const JudgedAnswer &better = judged[best], &worse = judged[worst];
    auto provenance = provenance_of(
        "import", source, {.id = prompt.example.id, .prompt = {}, .answer = {}}, {}, benchmark);
    provenance["labeled_by"] = labeled_by;
    provenance["lines"] = {lines[best], lines[worst]};
    const nlohmann::ordered_json pair = {{"id", message(prompt.example.id, "-pair-", out.size())},
                                         {"prompt", prompt.example.prompt},
                                         {"chosen", better.text},
                                         {"rejected", worse.text},
                                         {"grade_chosen", better.verdict.grade},
                                         {"grade_rejected", worse.verdict.grade},
                                         {"outcome_chosen", to_string(outcome_of(better.verdict))},
                                         {"outcome_rejected", to_string(outcome_of(worse.verdict))},
                                         {"provenance", std::move(provenance)}};
    out.push_back(pair.dump());
    counts.both_correct += worse.verdict.is_correct ? 1 : 0;
    ++counts.pairs;
  }
  return out;
}

nlohmann::ordered_json ImportCounts::json() const {
  nlohmann::ordered_json out = {{"prompts", prompts},
                                {"answers", answers},
                                {"correct", correct},
                                {"incomplete", incomplete},
                                {"pairs", pairs},
                                {"pairs_both_correct", both_correct},
                                {"ties", ties},
                                {"too_hard", too_hard},
                                {"too_easy", too_easy},
                                {"failed_checks", failed},
                                {"without_problem", without_problem}};
  if (!benchmark.empty()) out["benchmark"] = benchmark;
  return out;
}

}  // namespace lldm::synthesis
