// SPDX-License-Identifier: MIT
#include "stage/ranked_rows.hpp"

#include <map>

#include "experiment/work_seal.hpp"
#include "lldm/errors.hpp"
#include "storage/input_file.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

using nlohmann::json;

struct Sampled {
  std::string prompt;
  std::map<double, json, std::greater<>> by_grade;  // the first answer of every grade
};

/// The samples of every prompt, in the order of the file.
std::vector<Sampled> read_samples(const std::filesystem::path& path, const std::string& stage) {
  if (!std::filesystem::exists(path))
    throw DataError(message(path.string(), ": cannot be read: has stage \"", stage,
                            "\" run?\n  only method = \"sample\" grades answers"));
  std::vector<Sampled> prompts;
  std::map<std::string, std::size_t> place;
  each_sealed_row(path, [&](json row, std::uint64_t) {
    if (row.contains("check_failure")) return;  // nobody knows its place
    static_cast<void>(row.at("response").get_ref<const std::string&>());
    const auto [at, is_new] = place.emplace(row.at("id").dump(), prompts.size());
    if (is_new) prompts.push_back({row.at("prompt").get<std::string>(), {}});
    const auto grade = row.at("grade").get<double>();
    prompts[at->second].by_grade.emplace(grade, std::move(row));
  });
  return prompts;
}

}  // namespace

std::vector<SourceRow> rank_samples(const std::filesystem::path& samples, const std::string& stage,
                                    std::int64_t answers, Logger& logger) {
  const auto prompts = read_samples(samples, stage);
  const auto wanted = static_cast<std::size_t>(answers);
  std::vector<SourceRow> rows;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const auto& graded = prompts[p].by_grade;
    if (graded.size() < wanted) continue;
    SourceRow row{.id = p, .prompt = prompts[p].prompt, .messages = {}, .answers = {}};
    for (const auto& [grade, sample] : graded) {
      if (row.answers.size() + 1 == wanted) break;
      row.answers.push_back(sample.at("response").get<std::string>());
    }
    row.answers.push_back(graded.rbegin()->second.at("response").get<std::string>());
    rows.push_back(std::move(row));
  }
  logger.info(message(samples.string(), ": ", rows.size(), " of ", prompts.size(),
                      " prompts have answers of at least ", answers, " grades"));
  if (rows.empty())
    throw DataError(message(samples.string(), ": no prompt has answers of ", answers,
                            " grades\n  stage \"", stage,
                            "\" needs more samples_per_prompt or a higher temperature"));
  return rows;
}

}  // namespace lldm
