// SPDX-License-Identifier: MIT
#include "stage/benchmark_rows.hpp"

#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "synthesis/benchmarks.hpp"

namespace lldm {
namespace {

using synthesis::BenchmarkPrompts;

BenchmarkPrompts looked_at(const StageRows& rows, const std::vector<SourceRow>& sources,
                           const std::filesystem::path& sets = {}) {
  BenchmarkPrompts found(sets);
  for (const char* key : {"file", "path"})
    if (const config::Member* file = rows.data.resolved.find(key); file && file->value.is_string())
      found.look_at_name(file->value.as_string());
  for (const SourceRow& row : sources) found.look(asked_by(row), row.name());
  return found;
}

}  // namespace

std::string asked_by(const SourceRow& row) {
  if (!row.prompt.empty()) return row.prompt;
  std::string text;
  for (const Message& turn : row.messages)
    if (turn.role == "user") text += (text.empty() ? "" : "\n\n") + turn.content;
  return row.messages.empty() ? row.answers.front() : text;
}

std::map<std::string, std::int64_t> benchmark_rows(const StageRows& rows,
                                                   const std::vector<SourceRow>& sources) {
  return looked_at(rows, sources).counts();
}

void refuse_benchmarks(const Stage& stage, const StageRows& rows,
                       const std::vector<SourceRow>& sources) {
  if (!stage.facts.training || stage.facts.training->allows_benchmarks || rows.key != "data")
    return;
  looked_at(rows, sources, stage.facts.training->benchmarks)
      .refuse(message("stage \"", stage.name, "\""),
              "train on another file; where this is meant, the stage says allow_benchmarks = true");
}

std::filesystem::path file_of_task(const Registry& registry, const config::Value& table) {
  const std::string type =
      table.is_string() ? table.as_string() : std::string(table.text_of("type"));
  const auto entry = registry.find(Role::task, type);
  if (!entry || !table.is_table()) return {};
  for (const config::FieldInfo& field : entry->fields)
    if (const config::Member* file = field.type == "path" ? table.find(field.key) : nullptr;
        file && file->value.is_string() && !file->value.as_string().empty())
      return file->value.as_string();
  return {};
}

void refuse_benchmarks(const std::string& where, const std::filesystem::path& file,
                       const std::vector<Example>& problems, const BenchmarkRule& rule,
                       const std::string& remedy) {
  if (rule.allows) return;
  BenchmarkPrompts found(rule.sets);
  if (!file.empty()) found.look_at_name(file);
  for (const Example& problem : problems)
    found.look(problem.prompt, problem.place.empty() ? problem.id : problem.place);
  found.refuse(where, remedy);
}

}  // namespace lldm
