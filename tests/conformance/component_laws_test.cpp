// SPDX-License-Identifier: MIT
// Every registered component of every role keeps its laws: what `lldm plugin check` runs.
#include "lldm/laws/component_laws.hpp"

#include <map>

#include "lldm/errors.hpp"
#include "lldm/laws/score_estimator_laws.hpp"
#include "lldm/laws/stage_kind_laws.hpp"
#include "lldm/memory/manager.hpp"
#include "support/laws.hpp"
#include "support/mistaken_estimators.hpp"
#include "support/one_thread.hpp"
#include "support/registered_components.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// Settings of components whose defaults are not enough.
std::vector<std::string> settings_of(const Entry& entry) {
  static const std::map<std::string, std::vector<std::string>> given{
      {"weighted_sum", {"terms=[{ type = \"dpo\" }, { type = \"sft\", weight = 0.05 }]"}},
      {"adaptive",
       {"score_estimator={ type = \"monte_carlo_elbo\", draws = 2 }", "min=2", "max=3"}},
      {"word_problems", {"rows=20"}}};
  const auto found = given.find(entry.name);
  return found == given.end() ? std::vector<std::string>{} : found->second;
}

}  // namespace

TEST_CASE("Laws: every registered component keeps those of its role", "[conformance][laws]") {
  const OneThread one_thread;
  Registry registry;
  register_builtin_components(registry);
  std::map<Role, int> checked;
  for (const auto& entry : registry.entries()) {
    if (entry->name == "gsm8k" || entry->name == "file") continue;  // read a file of the user's
    const std::string name = laws::component_name(*entry);
    INFO(name);
    const config::Value table = laws::component_table(registry, *entry, settings_of(*entry));
    CHECK(check_laws(name, laws::component_laws(registry, *entry, table)) >= 2);
    ++checked[entry->role];
  }
  for (const Role role : kRoles) {
    INFO(role_name(role));
    CHECK(checked[role] >= 1);
  }
}

TEST_CASE("Laws: every kind of stage keeps them", "[conformance][laws]") {
  const OneThread one_thread;
  const std::string task = "{ type = \"word_problems\", rows = 20 }";
  const std::string steps = "optimizer={ steps = 2 }";
  const std::string rows = "{ generate = \"word_problems\", rows = 20 }";
  const std::map<std::string, std::vector<std::string>> given{
      {"pretraining", {"data={ generate = \"word_problems\", form = \"pretraining\" }", steps}},
      {"sft", {"data=" + rows, "from=\"base\"", "validation=" + rows, steps}},
      {"synthesize", {"from=\"base\"", "method=\"sample\"", "task=" + task}},
      {"preference", {"data={ stage = \"pairs\" }", "from=\"base\"", steps}},
      {"evaluate",
       {"models=[\"base\", \"tuned\"]", "pairs={ stage = \"pairs\" }", "reference=\"base\""}},
      {"sample", {"from=\"base\"", "prompts=[\"say\"]"}},
      {"study",
       {"from=\"tuned\"", "reference=\"base\"", "pairs={ stage = \"pairs\" }",
        "score_estimators=[\"monte_carlo_elbo\"]"}}};
  Registry registry;
  register_builtin_components(registry);
  MemoryManager memory;
  REQUIRE(registry.stage_kinds().size() == given.size());
  for (const RegisteredStageKind& known : registry.stage_kinds()) {
    const config::Value table =
        laws::stage_table(known.kind, given.at(std::string(known.kind.name())));
    CHECK(check_laws(laws::component_name(known.kind),
                     laws::stage_kind_laws(registry, memory, known.kind, table)) == 6);
  }
}

TEST_CASE("Laws: mistakes found in public code are not lawful", "[conformance][laws]") {
  const std::string target = "the score is unbiased for the declared target";
  CHECK(broken_laws(laws::score_estimator_laws(DividedByPaddedWidth())) ==
        std::vector<std::string>{target});
  CHECK(!broken_laws(laws::score_estimator_laws(ClampedTime())).empty());
  CHECK(!broken_laws(laws::score_estimator_laws(OneMaskForBoth())).empty());
}

TEST_CASE("Laws: what a component throws is a law that fails", "[conformance][laws]") {
  const laws::LawResult thrown = laws::check_law(
      {"it works", []() -> laws::Finding { throw ConfigError("no\n  legal: yes"); }});
  CHECK(laws::line_of("task \"x\"", thrown) ==
        "FAIL  task \"x\": it works: it threw \"no; legal: yes\"; right: no exception");
  const laws::LawResult odd =
      laws::check_law({"it works", []() -> laws::Finding { throw 7; }});  // NOLINT
  CHECK(odd.finding.outcome == laws::Outcome::fails);
  CHECK(laws::line_of("task \"x\"", {"it works", laws::holds("3 of 3")}) ==
        "pass  task \"x\": it works (3 of 3)");
}
