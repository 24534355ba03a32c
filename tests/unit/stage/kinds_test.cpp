// SPDX-License-Identifier: MIT
// What every built-in kind says of a stage: derived by hand from its table.
#include <algorithm>
#include <map>

#include "lldm/builtin/builtin.hpp"
#include "lldm/experiment/stage.hpp"
#include "lldm/laws/component_laws.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

using Names = std::vector<std::string>;

struct Case {
  std::string kind;
  Names settings;
  // What is to be seen.
  Names inputs, models, sampled, rows;
  std::string from;
  Names file_tables;
  Names unread;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"pretraining",
       {"data={ generate = \"word_problems\" }", "optimizer={ steps = 2 }"},
       {},
       {},
       {},
       {"data"},
       "",
       {"forward_process", "optimizer"},
       {"validation"}},
      {"sft",
       {"data={ stage = \"texts\", take = \"samples\" }", "from=\"base\"",
        "validation={ generate = \"word_problems\" }", "optimizer={ steps = 2 }"},
       {"base", "texts"},
       {},
       {},
       {"data", "validation"},
       "base",
       {"forward_process", "optimizer"},
       {}},
      {"synthesize",
       {"from=\"base\"", "method=\"sample\"", "task={ type = \"word_problems\" }"},
       {"base"},
       {},
       {"base"},
       {},
       "base",
       {"sampler", "task"},
       {}},
      {"synthesize",
       {"method=\"inject\"", "task={ type = \"word_problems\" }"},
       {},
       {},
       {},
       {},
       "",
       {"task"},
       {"sampler"}},
      {"synthesize",
       {"method=\"import\"", "answers=\"answers.jsonl\"", "task={ type = \"word_problems\" }"},
       {},
       {},
       {},
       {},
       "",
       {"task"},
       {"sampler"}},
      {"preference",
       {"data={ stage = \"pairs\" }", "from=\"base\"", "optimizer={ steps = 2 }"},
       {"base", "pairs"},
       {},
       {},
       {"data"},
       "base",
       {"forward_process", "score_estimator", "objective", "optimizer"},
       {"validation"}},
      {"evaluate",
       {"models=[\"base\", \"tuned\"]", "task={ type = \"word_problems\" }"},
       {},
       {"base", "tuned"},
       {"base", "tuned"},
       {},
       "",
       {"sampler", "task"},
       {"score_estimator", "forward_process", "response_length", "score_padding", "reference"}},
      {"evaluate",
       {"models=[\"tuned\"]", "pairs={ stage = \"pairs\" }", "reference=\"base\""},
       {"pairs", "base"},
       {"tuned"},
       {},
       {"pairs"},
       "",
       {"forward_process", "score_estimator"},
       {"sampler", "show"}},
      {"sample",
       {"from=\"base\"", "prompts=[\"say\"]"},
       {"base"},
       {},
       {"base"},
       {},
       "base",
       {"sampler"},
       {}},
      {"study",
       {"from=\"tuned\"", "reference=\"base\"", "pairs={ stage = \"pairs\" }",
        "score_estimators=[\"monte_carlo_elbo\"]"},
       {"tuned", "base", "pairs"},
       {},
       {},
       {"pairs"},
       "tuned",
       {"forward_process", "objective"},
       {}},
  };
  return all;
}

}  // namespace

TEST_CASE("Kinds of stage: what a stage reads, measures and takes as defaults", "[stage][kinds]") {
  Registry registry;
  register_builtin_components(registry);
  std::map<std::string, int> seen;
  for (const Case& expected : cases()) {
    INFO(expected.kind);
    const AnyStageKind* kind = registry.find_stage_kind(expected.kind);
    REQUIRE(kind != nullptr);
    ++seen[expected.kind];
    const config::Value own = laws::stage_table(*kind, expected.settings);
    const config::Value table = merged(kind->defaults(), own);
    config::Diagnostics diagnostics;
    const auto options = kind->read(table, {diagnostics, "stage", &registry});
    diagnostics.throw_if_any();
    const StageFacts facts = kind->facts(options.get());
    CHECK(facts.inputs == expected.inputs);
    CHECK(facts.models == expected.models);
    CHECK(facts.sampled == expected.sampled);
    CHECK(facts.from == expected.from);
    Names rows, unread;
    for (const StageRows& source : facts.rows) rows.push_back(source.key);
    for (const UnreadKey& key : kind->unread(own)) unread.emplace_back(key.key);
    CHECK(rows == expected.rows);
    for (const std::string& key : expected.unread)
      CHECK(std::ranges::find(unread, key) != unread.end());
    CHECK(std::ranges::none_of(unread, [&](const std::string& key) { return own.find(key); }));
    CHECK(kind->file_defaults(&own) == expected.file_tables);
    CHECK(facts.trains_new_model() == (expected.kind == "pretraining"));
  }
  CHECK(seen.size() == registry.stage_kinds().size());
}
