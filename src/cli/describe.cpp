// SPDX-License-Identifier: MIT
#include "cli/describe.hpp"

#include <algorithm>
#include <iostream>
#include <map>

#include "cli/key_paths.hpp"
#include "cli/terminal.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/services.hpp"

namespace lldm::cli {
namespace {

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
  const Services services{registry, Draws(0, "describe")};
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
    "  add_axes, add_seeds  (as axes and as a list of seeds)\n"
    "      In a file that extends others: values behind those of the grid below, which `axes` and\n"
    "      `seeds` replace.\n"
    "At most 10000 cells.  Misspelt paths, values that stand twice, two axes on one path, and "
    "exclusions of\n"
    "nothing or everything are errors of `lldm grid plan`.  With threads = 0 every worker has one "
    "thread, so\n"
    "that results do not depend on --jobs.\n";

struct Description {
  const Registry& registry;
  std::map<std::string, Fields> tables = plain_tables(registry);

  /// A table of a file, or one of its keys.
  bool table(const std::string& name) const {
    bool is_found = false;
    for (const std::string& key : {name, "stage." + name})  // `sft` is a stage and an objective
      if (const auto found = tables.find(key); found != tables.end()) {
        is_found = true;
        std::cout << "[" << key << "]\n";
        print_fields(found->second, "  ");
      }
    return is_found;
  }

  bool component(const std::string& role, const std::string& name) const {
    bool is_found = false;
    for (const auto& entry : registry.entries()) {
      const bool is_role = role.empty() || role_from_text(role) == entry->role;
      if (entry->name != name || !is_role) continue;
      is_found = true;
      std::cout << role_name(entry->role) << " \"" << entry->name << "\"  (" << entry->origin.text()
                << ")\n  " << entry->description << "\n";
      print_facts(*entry, registry);
      print_fields(entry->fields, "  ");
    }
    return is_found;
  }

  /// A role by itself: which components there are, and how one is looked at.
  bool role(const std::string& name) const {
    const std::optional<Role> known = role_from_text(name);
    if (!known) return false;
    std::cout << "[" << role_name(*known) << "]  a component: type = NAME and its keys; "
              << registry.listing(*known) << "\n  lldm describe " << role_name(*known)
              << ".NAME prints its keys\n";
    return true;
  }

  /// One key: of a table (memory.budget), a stage (sft.optimizer.decay), a component (dpo.beta).
  bool key(const std::vector<std::string>& segments) const {
    const auto print = [&](const config::FieldInfo* info) {
      if (info) print_fields({*info}, "");
      return info != nullptr;
    };
    for (std::size_t count = 1; count <= std::min<std::size_t>(2, segments.size() - 1); ++count) {
      const std::string head = count == 1 ? segments[0] : segments[0] + "." + segments[1];
      for (const std::string& table : {head, "stage." + head})
        if (const auto found = tables.find(table); found != tables.end())
          if (print(field_at(found->second, segments, count))) return true;
      for (const auto& entry : registry.entries())
        if (head == (count == 1 ? entry->name : message(role_name(entry->role), ".", entry->name)))
          if (print(field_at(entry->fields, segments, count))) return true;
    }
    return false;
  }

  /// The paths of keys called `name`, for a hint.
  [[nodiscard]] std::vector<std::string> paths(const std::string& name) const {
    std::vector<std::string> found;
    for (const auto& [table, fields] : tables) paths_of(name, table, fields, found);
    for (const auto& entry : registry.entries())
      paths_of(name, message(role_name(entry->role), ".", entry->name), entry->fields, found);
    return found;
  }

  /// Everything that can be typed: names, and the path of every key below each.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> list = {"grid"};
    const auto add = [&](const std::string& name, const Fields& fields) {
      list.push_back(name);
      key_paths(name, fields, list);
    };
    for (const Role role : kRoles) list.emplace_back(role_name(role));
    for (const auto& [table, fields] : tables) {
      add(table, fields);
      if (table.starts_with("stage.")) add(table.substr(6), fields);
    }
    for (const auto& entry : registry.entries()) {
      add(entry->name, entry->fields);
      add(message(role_name(entry->role), ".", entry->name), entry->fields);
    }
    return list;
  }

  [[noreturn]] void refuse(const std::string& typed, const std::string& last) const {
    const std::vector<std::string> known = names();
    std::string hint;
    if (const auto near = config::nearest(typed, known)) {
      hint = message("did you mean ", config::in_quotes(*near), "?");
    } else if (std::vector<std::string> found = paths(last); !found.empty()) {
      constexpr std::size_t kMost = 6;
      hint = message("the key ", config::in_quotes(last), " stands at: ");
      for (std::size_t i = 0; i < std::min(kMost, found.size()); ++i)
        hint += (i ? ", " : "") + found[i];
      if (found.size() > kMost) hint += ", ...";
    } else {
      hint = "components: lldm list; tables: grid";
      for (const auto& [table, fields] : tables) hint += ", " + table;
    }
    throw ConfigError(message("lldm describe: nothing is named \"", typed, "\"\n  ", hint));
  }
};

}  // namespace

int describe_name(const std::string& name, const Registry& registry) {
  std::string typed = name;
  if (typed.size() > 2 && typed.front() == '[' && typed.back() == ']')  // as it stands in a file
    typed = typed.substr(1, typed.size() - 2);
  if (typed == "grid") {
    std::cout << kGridHelp;
    return 0;
  }
  const std::vector<std::string> segments = segments_of(typed);
  const Description description{registry};
  const auto dot = typed.find('.');
  bool is_found = description.table(typed);
  is_found = description.component(dot == std::string::npos ? "" : typed.substr(0, dot),
                                   dot == std::string::npos ? typed : typed.substr(dot + 1)) ||
             is_found;
  is_found = is_found || description.role(typed) || description.key(segments);
  if (!is_found) description.refuse(typed, segments.back());
  return 0;
}

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

}  // namespace lldm::cli
