// SPDX-License-Identifier: MIT
#include "experiment/stage_checks.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "lldm/errors.hpp"
#include "storage/input_file.hpp"

namespace lldm {

using config::Diagnostics;
using config::Value;

namespace {

/// Letters, digits, _ and -, and none of the names that a run's folder has itself.
void check_name(const Stage& stage, Diagnostics& diagnostics) {
  static const std::set<std::string> reserved = {"cells", "shared", "tensorboard", "claims",
                                                 "workers"};
  const bool is_plain =
      !stage.name.empty() && std::all_of(stage.name.begin(), stage.name.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '_' || c == '-';
      });
  constexpr std::size_t kLongest = 100;  // a grid puts a hash and a counter behind it
  if (!is_plain)
    diagnostics.error(stage.position, message("a stage is named ", config::in_quotes(stage.name)),
                      "a name is a folder: letters, digits, _ and -");
  else if (stage.name.size() > kLongest)
    diagnostics.error(stage.position,
                      message("the stage's name ", config::in_quotes(stage.name), " has ",
                              stage.name.size(), " bytes"),
                      message("legal: at most ", kLongest));
  else if (reserved.contains(stage.name))
    diagnostics.error(stage.position, message("no stage can be named \"", stage.name, "\""),
                      "the folder of a run has a folder of that name itself");
}

}  // namespace

void check_stage_table(const Stage& stage, const Value& table, Diagnostics& diagnostics) {
  check_name(stage, diagnostics);
  for (const UnreadKey& unread : stage.kind.unread(table))
    if (const config::Member* member = table.find(unread.key); member && unread.reason)
      diagnostics.error(
          member->position,
          message("stage \"", stage.name, "\": \"", unread.key, "\" is not read here"),
          unread.reason);
}

void check_stage_rows(const Stage& stage, const Value& table, Diagnostics& diagnostics) {
  for (const StageRows& rows : stage.facts.rows) {
    if (const config::Member* source = table.find(rows.key);
        source && rows.data.is_corpus() && rows.wanted != RowsWanted::texts)
      diagnostics.error(source->position,
                        message("stage \"", stage.name, "\": a corpus holds texts, a ",
                                stage.kind.name(), " stage reads prompts and answers"),
                        "pretraining stages read { corpus = DIR }");
    if (rows.wanted != RowsWanted::pairs && rows.wanted != RowsWanted::pairs_or_ranked) continue;
    const config::Member* source = table.find(rows.key);
    if (!source || !source->value.is_table() || !source->value.find("generate")) continue;
    diagnostics.error(source->position,
                      message("stage \"", stage.name, "\": `", rows.key,
                              "` needs two answers to a prompt, a generator makes one"),
                      "make pairs in a synthesize stage, then { stage = NAME }");
  }
}

void check_experiment_name(const std::string& name, const Value& root, Diagnostics& diagnostics) {
  constexpr std::size_t kLongest = 200;  // of a file's or a SLURM job's name
  const config::Member* member = root.find("name");
  const config::Position position = member ? member->value.position() : root.position();
  const bool has_control =
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (has_control)
    diagnostics.error(
        position,
        message("the file: the name ", config::in_quotes(name), " holds a control character"),
        "a name is one line of text");
  if (name.size() > kLongest)
    diagnostics.error(position, message("the file: the name has ", name.size(), " bytes"),
                      message("legal: at most ", kLongest));
}

void check_references(const Experiment& experiment, Diagnostics& diagnostics) {
  std::vector<std::string> seen;
  for (const Stage& stage : experiment.stages) {
    for (const std::string& input : stage.facts.all_inputs()) {
      if (std::find(seen.begin(), seen.end(), input) != seen.end()) continue;
      // Not a stage before this one: a model folder (checked where it is opened) must look like a
      // path.
      if (input.find('/') != std::string::npos) {
        if (const std::string problem = path_problem(input); !problem.empty())
          diagnostics.error(
              stage.position,
              message("stage \"", stage.name, "\": no model folder ", config::in_quotes(input)),
              "its name " + problem);
        continue;
      }
      diagnostics.error(
          stage.position,
          message("stage \"", stage.name, "\" reads \"", input, "\", which is no earlier stage"),
          config::did_you_mean(input, seen, "earlier stages") +
              "; a model folder is written with a slash: \"./" + input + "\"");
    }
    if (std::find(seen.begin(), seen.end(), stage.name) != seen.end())
      diagnostics.error(stage.position, message("two stages are named \"", stage.name, "\""),
                        "give every stage a name of its own");
    else
      seen.push_back(stage.name);
  }
}

}  // namespace lldm
