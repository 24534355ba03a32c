// SPDX-License-Identifier: MIT
// lldm list, describe, env.
#include <algorithm>
#include <iostream>

#include "cli/terminal.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/data_options.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/render/table.hpp"
#include "lldm/services.hpp"

namespace lldm::cli {
namespace {

void print_role(const Registry& registry, Role role) {
  Table table;
  table.columns = {{"name", Align::left}, {"from", Align::left}, {"what it is", Align::left}};
  for (const auto& entry : registry.entries(role))
    table.rows.push_back({entry->name, entry->origin.text(), entry->description});
  if (table.rows.empty()) return;
  std::cout << role_plural(role) << "\n" << text_table(table, terminal_width()) << "\n";
}

void print_stage_kinds(const Registry& registry) {
  Table table;
  table.columns = {{"name", Align::left}, {"from", Align::left}, {"what it is", Align::left}};
  for (const RegisteredStageKind& known : registry.stage_kinds())
    table.rows.push_back({std::string(known.kind.name()), known.origin.text(),
                          std::string(known.kind.description())});
  std::cout << "kinds of stage\n" << text_table(table, terminal_width()) << "\n";
}

void print_fields(const std::vector<config::FieldInfo>& fields, const std::string& indent) {
  for (const config::FieldInfo& info : fields) {
    std::cout << indent << info.key << "  (" << info.type;
    if (!info.unit.empty()) std::cout << ", " << info.unit;
    if (info.is_required)
      std::cout << ", required";
    else if (!info.default_text.empty())
      std::cout << ", default " << info.default_text;
    if (!info.range.empty()) std::cout << ", " << info.range;
    std::cout << ")\n" << indent << "    " << info.help << "\n";
    if (!info.choices.empty()) {
      std::cout << indent << "    one of:";
      for (const std::string& choice : info.choices) std::cout << " " << choice;
      std::cout << "\n";
    }
    print_fields(info.fields, indent + "    ");
  }
}

/// What a component says of itself; of a score estimator also what its defaults come to.
void print_facts(const Entry& entry, const Registry& registry) {
  std::size_t width = 0;
  for (const auto& [name, text] : entry.facts) width = std::max(width, name.size());
  for (const auto& [name, text] : entry.facts)
    std::cout << "  " << name << std::string(width + 2 - name.size(), ' ') << text << "\n";
  if (entry.role != Role::score_estimator) return;
  MemoryManager memory;
  const Services services{.registry = registry,
                          .memory = memory,
                          .logger = null_logger(),
                          .draws = Draws(0, "describe"),
                          .tokenizer = nullptr};
  try {
    const auto estimator = registry.make<AnyScoreEstimator>(
        ComponentRef<Role::score_estimator>(entry.name.c_str()), services);
    constexpr std::int64_t kScored = 12;
    const Target target = estimator.target(kScored);
    std::cout << "  with its defaults, for an answer of " << kScored
              << " tokens: " << estimator.nominal_copies(kScored) << " forward passes, target "
              << target.name << (target.is_unbiased ? ", unbiased" : ", biased") << "\n";
  } catch (const ConfigError&) {  // it has a key without default
  }
}

/// Tables of a file that are no components, by name.
std::map<std::string, std::vector<config::FieldInfo>> plain_tables(const Registry& registry) {
  std::map<std::string, std::vector<config::FieldInfo>> tables = {
      {"file", config::fields<ExperimentOptions>()},
      {"model", config::fields<ModelOptions>()},
      {"tokenizer", config::fields<TokenizerOptions>()},
      {"template", config::fields<TemplateOptions>()},
      {"memory", config::fields<MemoryOptions>()},
      {"optimizer", config::fields<OptimizerOptions>()},
      {"data", config::fields<DataOptions>()}};
  for (const RegisteredStageKind& known : registry.stage_kinds())
    tables.emplace("stage." + std::string(known.kind.name()), known.kind.fields());
  return tables;
}

}  // namespace

int run_list(const Arguments& arguments) {
  const Registry registry = make_registry(arguments);
  if (arguments.positional.empty()) {
    for (const Role role : kRoles) print_role(registry, role);
    print_stage_kinds(registry);
    return 0;
  }
  if (arguments.positional.front() == "stages") {
    print_stage_kinds(registry);
    return 0;
  }
  const std::optional<Role> role = role_from_text(arguments.positional.front());
  if (!role) {
    std::vector<std::string> names;
    for (const Role known : kRoles) names.emplace_back(role_name(known));
    names.emplace_back("stages");
    throw ConfigError(message("lldm list: no role is named \"", arguments.positional.front(),
                              "\"\n  ",
                              config::did_you_mean(arguments.positional.front(), names, "roles")));
  }
  print_role(registry, *role);
  return 0;
}

namespace {

constexpr const char* kGridHelp =
    "[grid]\n"
    "  axes  (table: path = list of values)\n"
    "      Every combination is a cell.  A path is STAGE.KEY or a key of the file's own tables:\n"
    "      \"tuned.objective.beta\" = [0.1, 0.2]; a component is written as a table with its "
    "type.\n"
    "  tied  (list of tables: path = list of values)\n"
    "      Paths of one table move together, value by value; tables multiply with the axes and "
    "one\n"
    "      another: tied = [{ \"tuned.objective.beta\" = [0.1, 0.4], \"tuned.optimizer.steps\" = "
    "[40, "
    "20] }]\n"
    "  exclude  (list of tables: path = value)\n"
    "      A cell that matches all of a table is left out; \"seed\" is a path too, a component's "
    "type "
    "stands\n"
    "      for the component: exclude = [{ \"tuned.score_estimator\" = \"exact\", seed = 2 }]\n"
    "  seeds  (list of integers, or { values = [...], from = \"STAGE\" })\n"
    "      One run per seed; with `from`, stages before that one are shared and keep the file's "
    "seed.\n"
    "At most 10000 cells.  Misspelt paths, values that stand twice, two axes on one path, and "
    "exclusions of\n"
    "nothing or everything are errors of `lldm grid plan`.  With threads = 0 every worker has one "
    "thread, so\n"
    "that results do not depend on --jobs.\n";

}  // namespace

int run_describe(const Arguments& arguments) {
  const Registry registry = make_registry(arguments);
  const std::string& typed = arguments.positional.front();
  if (typed == "grid") {
    std::cout << kGridHelp;
    return 0;
  }
  const auto tables = plain_tables(registry);
  bool is_found = false;
  for (const std::string& key : {typed, "stage." + typed})  // `sft` is a stage and an objective
    if (const auto table = tables.find(key); table != tables.end()) {
      is_found = true;
      std::cout << "[" << key << "]\n";
      print_fields(table->second, "  ");
    }
  const auto dot = typed.find('.');
  const std::string name = dot == std::string::npos ? typed : typed.substr(dot + 1);
  std::vector<std::string> names;
  for (const auto& entry : registry.entries()) {
    names.push_back(entry->name);
    const bool is_role =
        dot == std::string::npos || role_from_text(typed.substr(0, dot)) == entry->role;
    if (entry->name != name || !is_role) continue;
    is_found = true;
    std::cout << role_name(entry->role) << " \"" << entry->name << "\"  (" << entry->origin.text()
              << ")\n  " << entry->description << "\n";
    print_facts(*entry, registry);
    print_fields(entry->fields, "  ");
  }
  if (is_found) return 0;
  for (const auto& [table, fields] : tables) names.push_back(table);
  throw ConfigError(message("lldm describe: nothing is named \"", typed, "\"\n  ",
                            config::did_you_mean(name, names, "names")));
}

int run_env(const Arguments& arguments) {
  const Registry registry = make_registry(arguments);
  for (const EnvironmentFact& fact : environment_facts())
    std::cout << fact.name << ": " << fact.value << "\n";
  for (const auto& entry : registry.entries())
    if (entry->origin.plugin != "lldm")
      std::cout << "plugin component: " << role_name(entry->role) << " " << entry->name << " ("
                << entry->origin.text() << ")\n";
  return 0;
}

}  // namespace lldm::cli
