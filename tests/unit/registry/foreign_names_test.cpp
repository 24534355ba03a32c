// SPDX-License-Identifier: MIT
#include "lldm/config/foreign_names.hpp"

#include <set>

#include "lldm/builtin/builtin.hpp"
#include "lldm/config/field.hpp"
#include "lldm/experiment/experiment.hpp"
#include "lldm/registry/registry.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

void add_paths(const std::string& prefix, const std::vector<config::FieldInfo>& fields,
               std::set<std::string>& paths) {
  for (const config::FieldInfo& info : fields) {
    paths.insert(prefix + "." + info.key);
    add_paths(prefix + "." + info.key, info.fields, paths);
  }
}

/// Every path that `lldm describe` takes.
std::set<std::string> all_paths() {
  Registry registry;
  register_builtin_components(registry);
  std::set<std::string> paths;
  for (const Role role : kRoles) paths.emplace(role_name(role));
  add_paths("file", config::fields<ExperimentOptions>(), paths);
  add_paths("model", config::fields<ModelOptions>(), paths);
  add_paths("tokenizer", config::fields<TokenizerOptions>(), paths);
  add_paths("optimizer", config::fields<OptimizerOptions>(), paths);
  for (const auto& entry : registry.entries())
    add_paths(std::string(role_name(entry->role)) + "." + entry->name, entry->fields, paths);
  for (const RegisteredStageKind& known : registry.stage_kinds())
    add_paths("stage." + std::string(known.kind.name()), known.kind.fields(), paths);
  return paths;
}

}  // namespace

TEST_CASE("Every name of another library leads to a key that exists", "[config][registry]") {
  const std::set<std::string> paths = all_paths();
  std::set<std::string_view> seen;
  for (const config::ForeignName& name : config::foreign_names()) {
    INFO(name.theirs << " -> " << name.ours);
    CHECK(paths.contains(std::string(name.ours)));
    CHECK(seen.insert(name.theirs).second);
  }
  CHECK(config::foreign_hint("lr") == "lldm calls it \"optimizer.learning_rate\"");
  CHECK(config::foreign_hint("warmup_steps") ==
        "lldm calls it \"optimizer.warmup_share\": a share of the steps, from 0 to 1");
  CHECK(config::foreign_hint("dpo").empty());
}
