// SPDX-License-Identifier: MIT
// lldm score.
#include "stage/score_file.hpp"

#include <iostream>

#include "cli/terminal.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/render/table.hpp"

namespace lldm::cli {
namespace {

using Json = nlohmann::ordered_json;

/// --set KEY=VALUE: a key of the estimator, or forward_process.KEY, response_length, score_padding.
config::Value settings_of(const Arguments& arguments) {
  config::Value settings, estimator, process;
  estimator.set("type", config::Value::string(arguments.value("estimator", "monte_carlo_elbo")));
  process.set("type", config::Value::string("masked"));
  settings.set("score_estimator", estimator);
  std::vector<std::string> overrides;
  for (const std::string& text : arguments.values("set")) {
    const std::string key = text.substr(0, text.find_first_of("=."));
    const bool is_own = key == "score_estimator" || key == "forward_process" ||
                        key == "response_length" || key == "score_padding" || key == "template";
    // Not named at all, it is masked; a model trained with other noise asks to be told.
    if (key == "forward_process") settings.set("forward_process", process);
    overrides.push_back(is_own ? text : "score_estimator." + text);
  }
  config::Diagnostics diagnostics;
  config::apply_overrides(settings, {.overrides = overrides, .top_level_keys = {}}, diagnostics);
  diagnostics.throw_if_any();
  return settings;
}

/// Notes go to stderr: stdout is the scores'.
class NotesToStderr final : public Logger {
 public:
  void info(std::string_view text) override { std::cerr << "note: " << text << std::endl; }
  void warning(std::string_view text) override { std::cerr << "warning: " << text << std::endl; }
};

std::string figure(const Json& json, const char* key) {
  return json.contains(key) && json.at(key).is_number()
             ? rounded_text(json.at(key).get<double>(), 6)
             : "-";
}

void add_rows(Table& table, const Json& line, bool has_reference) {
  for (const char* answer : {"chosen", "rejected"}) {
    const Json& json = line.at(answer);
    std::vector<std::string> cells = {line.at("line").dump(),
                                      answer,
                                      figure(json, "score"),
                                      figure(json, "standard_error"),
                                      figure(json, "mean"),
                                      figure(json, "variance"),
                                      json.at("forward_passes").dump()};
    if (has_reference) cells.push_back(figure(json.at("difference"), "score"));
    table.rows.push_back(std::move(cells));
  }
}

}  // namespace

int run_score(const Arguments& arguments) {
  require_model_folder(arguments.positional.at(0));
  if (arguments.has("reference")) require_model_folder(arguments.value("reference"));
  const Registry registry = make_registry(arguments);
  MemoryManager memory;
  memory.install();
  const std::string device = device_of(arguments);
  ScoreRequest request{.model = arguments.positional.at(0),
                       .reference = arguments.value("reference"),
                       .file = arguments.positional.at(1),
                       .settings = settings_of(arguments)};
  request.draws_seed = static_cast<std::uint64_t>(arguments.integer("draws-seed", 42));
  request.device = device;
  NotesToStderr notes;
  request.logger = &notes;
  request.repeat = arguments.integer("repeat", 1, 1, 1'000'000);
  if (arguments.has("json")) {
    score_file(request, registry, [](const Json& line) { std::cout << line.dump() << "\n"; });
    return 0;
  }
  Table table;
  table.columns = {
      {"row"},      {"answer", Align::left}, {"score [nats]"}, {"standard error"}, {"mean"},
      {"variance"}, {"forward passes"}};
  const bool has_reference = !request.reference.empty();
  if (has_reference) table.columns.push_back({"policy - reference"});
  std::string target;
  score_file(request, registry, [&](const Json& line) {
    add_rows(table, line, has_reference);
    target = line.at("chosen").at("target").get<std::string>();
  });
  std::cout << text_table(table, terminal_width()) << "target: " << target << "\n";
  return 0;
}

}  // namespace lldm::cli
