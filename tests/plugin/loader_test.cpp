// SPDX-License-Identifier: MIT
// One small plugin for every role, and the two that lldm ships.
#include "lldm/plugin/loader.hpp"

#include <ATen/ops/tensor.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/registry/registration.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/services.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"
#include "support/services.hpp"

using namespace lldm;
using lldm::testing::error_text;
using lldm::testing::tree;

namespace {

const std::filesystem::path kBuild = LLDM_BINARY_DIR;

Registry with_plugin(const std::string& role) {
  Registry registry;
  registry.add<LinearSchedule>();
  load_plugin(registry, kBuild / "lib/test_plugins" / ("libtest_" + role + ".so"));
  return registry;
}

template <class Any>
Any made(const Registry& registry, Role role, std::string_view toml) {
  config::Diagnostics diagnostics;
  const BoundComponent bound = registry.bind(role, tree(toml), diagnostics);
  diagnostics.throw_if_any();
  const testing::TestServices services(registry);
  return registry.make<Any>(bound, services.get());
}

ScoreSet one_pair(double chosen, double rejected) {
  ScoreSet scores;
  scores.policy = at::tensor({chosen, rejected}, at::kDouble).view({1, 2});
  scores.reference = at::tensor({0.0, 0.0}, at::kDouble).view({1, 2});
  scores.lengths = at::tensor({3.0, 3.0}, at::kDouble).view({1, 2});
  return scores;
}

}  // namespace

TEST_CASE("load_plugin says who was loaded and what it brought", "[plugin]") {
  Registry registry;
  const LoadedPlugin plugin = load_plugin(registry, kBuild / "lib/test_plugins/libtest_task.so");
  CHECK(plugin.origin.plugin == "test_task");
  CHECK(plugin.origin.version == "0.1.0");
  CHECK(plugin.origin.location.find("good/task.cpp:") == 0);
  REQUIRE(plugin.entries.size() == 1);
  CHECK(plugin.entries[0]->role == Role::task);
  CHECK(plugin.entries[0]->name == "echo");
  CHECK(plugin.entries[0]->description == "repeat a number");
  CHECK(registry.entries() == plugin.entries);
  CHECK(registry.origin().plugin == "lldm");
}

TEST_CASE("A plugin's process works and reads the services it is given", "[plugin]") {
  const Registry registry = with_plugin("process");
  const auto process = made<AnyForwardProcess>(registry, Role::forward_process,
                                               "type = \"late_masked\"\nmask_token = 7\n");
  CHECK(process.alpha(0.5) == 0.75);
  std::vector<std::int64_t> tokens = {1, 2, 3};
  const std::vector<std::int64_t> positions = {0, 2};
  Stream draws = Draws(1, "test").stream(Purpose::noise);
  process.noise(tokens, positions, draws);
  CHECK(tokens == std::vector<std::int64_t>{7, 2, 7});
  // An exception thrown in the plugin arrives as what it is, with the place of its table.
  CHECK_THROWS_AS(
      made<AnyForwardProcess>(registry, Role::forward_process, "type = \"late_masked\"\n"),
      ConfigError);
  CHECK_THROWS_WITH(
      made<AnyForwardProcess>(registry, Role::forward_process, "type = \"late_masked\"\n"),
      "a.toml:1:1: [forward_process] type \"late_masked\": mask_token is not known\n"
      "  set it, or [tokenizer]");
}

TEST_CASE("A plugin's schedule works, and its mistakes are reported like a built-in one's",
          "[plugin]") {
  const Registry registry = with_plugin("schedule");
  const auto schedule =
      made<AnyNoiseSchedule>(registry, Role::noise_schedule, "type = \"power\"\npower = 3\n");
  CHECK(schedule.alpha(0.5) == 0.875);
  CHECK(schedule.alpha_derivative(0.5) == -0.75);
  config::Diagnostics diagnostics;
  (void)registry.bind(Role::noise_schedule, tree("type = \"power\"\npowr = 3\n"), diagnostics);
  (void)registry.bind(Role::noise_schedule, tree("type = \"powr\"\n"), diagnostics);
  CHECK(error_text(diagnostics) ==
        "a.toml:1:8: [noise_schedule]: no noise_schedule is named \"powr\"\n"
        "  did you mean \"power\"?  noise schedules: linear (lldm 0.1.0); power (test_schedule "
        "0.1.0)\n"
        "a.toml:2:1: [noise_schedule] type \"power\" has no key \"powr\"\n"
        "  did you mean \"power\"?  keys: power  (plugin test_schedule 0.1.0)");
}

TEST_CASE("A plugin's estimator works", "[plugin]") {
  const auto estimator = made<AnyScoreEstimator>(with_plugin("estimator"), Role::score_estimator,
                                                 "type = \"all_at_once\"\nweight = 2\n");
  const auto process = made<AnyForwardProcess>(with_plugin("process"), Role::forward_process,
                                               "type = \"late_masked\"\nmask_token = 9\n");
  const Draws draws(1, "test");
  const ScorePlan plan =
      estimator.plan({{1, 2}, {3, 4}, -1}, process, {draws, Purpose::noise, 0, 0, 0});
  CHECK(plan.tokens == std::vector<std::int64_t>{1, 2, 9, 9});
  REQUIRE(plan.queries.size() == 2);
  CHECK(plan.queries[1].position == 3);
  CHECK(plan.queries[1].weight == 2.0);
}

TEST_CASE("A plugin's objective works", "[plugin]") {
  const auto objective = made<AnyObjective>(with_plugin("objective"), Role::objective,
                                            "type = \"squared_margin\"\ngoal = 0.5\n");
  CHECK(objective.needs().use == ScoreUse::difference);
  CHECK(objective.evaluate(one_pair(3.0, 1.0)).loss_sum.item<double>() == 2.25);
}

TEST_CASE("A plugin's commit rule works", "[plugin]") {
  const auto rule =
      made<AnyCommitRule>(with_plugin("commit_rule"), Role::remasking, "type = \"left_first\"\n");
  const std::vector<Candidate> candidates = {{4, 1, 0.9, 0.1, 0.0}, {2, 1, 0.1, 0.1, 0.0}};
  Stream draws = Draws(1, "test").stream(Purpose::noise);
  CHECK(rule.confidence(candidates, draws) == std::vector{-4.0, -2.0});
}

TEST_CASE("A plugin's task works, its error injection too", "[plugin]") {
  const auto task = made<AnyTask>(with_plugin("task"), Role::task, "type = \"echo\"\ncount = 3\n");
  REQUIRE(task.examples().size() == 3);
  const Example example = task.examples()[2];
  CHECK(task.check(example, "2").is_correct);
  REQUIRE(task.can_inject());
  Stream draws = Draws(1, "test").stream(Purpose::noise);
  const auto injection = task.inject_error(example, draws);
  REQUIRE(injection);
  CHECK_FALSE(task.check(example, injection->text).is_correct);
}

TEST_CASE("margin_objective is found by its bare name and is dpo at margin 0", "[plugin]") {
  Registry registry;
  const auto file = plugin_file("margin_objective", "/nowhere");
  CHECK(file == kBuild / "lib/plugins/libmargin_objective.so");
  load_plugin(registry, file);
  for (const double margin : {0.0, 0.7}) {
    const auto objective =
        made<AnyObjective>(registry, Role::objective,
                           "type = \"margin_dpo\"\nbeta = 0.2\nmargin = " + std::to_string(margin));
    const double loss = objective.evaluate(one_pair(3.0, 1.0)).loss_sum.item<double>();
    CHECK(loss == Approx(std::log1p(std::exp(-(0.2 * 2.0 - margin)))).epsilon(1e-12));
  }
}

TEST_CASE("template_objective is the hinge it says", "[plugin]") {
  Registry registry;
  load_plugin(registry, plugin_file("template_objective", "/nowhere"));
  const auto objective =
      made<AnyObjective>(registry, Role::objective, "type = \"template_objective\"\nbeta = 0.2\n");
  CHECK(objective.evaluate(one_pair(3.0, 1.0)).loss_sum.item<double>() == Approx(0.6));
  CHECK(objective.evaluate(one_pair(30.0, 1.0)).loss_sum.item<double>() == 0.0);
}

TEST_CASE("plugin_file takes paths from the folder of the experiment", "[plugin]") {
  CHECK(plugin_file("../mine/libx.so", "experiments/a") == "experiments/mine/libx.so");
  CHECK(plugin_file("libx.so", "experiments") == "experiments/libx.so");
  CHECK(plugin_file("/abs/libx.so", "experiments") == "/abs/libx.so");
}

TEST_CASE("Loading the same plugin twice is refused and harms nothing", "[plugin]") {
  Registry registry;
  const auto file = kBuild / "lib/test_plugins/libtest_task.so";
  load_plugin(registry, file);
  CHECK_THROWS_AS(load_plugin(registry, file), PluginError);
  CHECK(registry.entries().size() == 1);
}
