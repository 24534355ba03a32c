// SPDX-License-Identifier: MIT
#include "experiment/settled_steps.hpp"

#include <string>

#include "lldm/config/diagnostics.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

using config::Value;

bool is_number(const Value& table, std::string_view key, std::int64_t number) {
  const config::Member* member = table.find(key);
  return member && member->value.is_integer() && member->value.as_integer() == number;
}

/// Of the open keys of a stage, what its step_plan.json says.
Value settled_of(const Value& stage, const ExperimentOptions& options,
                 const std::filesystem::path& file) {
  Value settled;
  with_json_errors(file.string(), [&] {
    const auto plan = parse_json(read_file(file), file.string());
    const auto text = [&](const char* key) {
      settled.set(key, Value::string(plan.at(key).get<std::string>()));
    };
    const auto number = [&](const char* key) {
      settled.set(key, Value::integer(json_integer(plan.at(key))));
    };
    const bool is_path_open = stage.text_of("gradient_path") == "auto";
    if (is_path_open) text("gradient_path");
    if (options.model.recomputation == Recomputation::automatic) text("recomputation");
    if (is_number(stage, "max_tokens_per_forward", 0)) number("max_tokens_per_forward");
    // Without a budget they are always as many.
    const bool are_copies_open = is_path_open || options.memory.budget.bytes > 0;
    if (are_copies_open && plan.at("gradient_path") == "pairwise") number("pairwise_copies");
    const config::Member* own = stage.find("settled");
    const bool is_asked = own && own->value.is_table() && own->value.find("head_rows");
    if ((options.memory.budget.bytes > 0 || is_asked) && plan.contains("head_rows") &&
        plan.at("head_rows") != 0)
      number("head_rows");
  });
  return settled;
}

}  // namespace

Value with_settled(Value resolved, const RunSchedule& schedule) {
  config::Member* stages = resolved.find("stage");
  if (schedule.cells.size() != 1 || !stages) return resolved;
  const ExperimentOptions& options = schedule.experiments.front().options;
  for (const Work& work : schedule.work) {
    const std::filesystem::path file = work.folder / kStepPlanName;
    if (!std::filesystem::exists(file)) continue;
    for (Value& stage : stages->value.as_array()) {
      if (stage.text_of("name") != work.stage) continue;
      try {
        if (Value settled = settled_of(stage, options, file); !settled.as_table().empty())
          stage.set("settled", std::move(settled));
      } catch (const DataError&) {  // damaged: told where the stage goes by it, with what helps
      }
    }
  }
  return resolved;
}

void note_settled(const std::filesystem::path& out, const RunSchedule& schedule) {
  const std::filesystem::path path = out / "config.resolved.toml";
  if (schedule.cells.size() != 1 || !std::filesystem::exists(path)) return;
  const std::string before = read_file(path);
  config::Diagnostics diagnostics;
  const Value resolved = config::parse(before, {path.string(), out}, diagnostics);
  diagnostics.throw_if_any();
  // Around the tables: the line that names the build, and the digests of the inputs.
  const std::size_t begin = before.find('\n') + 1;
  const std::size_t inputs = before.find("\n# input ");
  const std::string after = before.substr(0, begin) +
                            config::write_toml(with_settled(resolved, schedule)) +
                            (inputs == std::string::npos ? "" : before.substr(inputs + 1));
  if (after != before) write_file_atomically(path, after);
}

}  // namespace lldm
