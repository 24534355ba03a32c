// SPDX-License-Identifier: MIT
// lldm data synthesize: pairs of right and wrong chains, or of answers made elsewhere.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/data_options.hpp"
#include "cli/data_synthesize.hpp"
#include "cli/terminal.hpp"
#include "lldm/concepts/any_task.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/services.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "stage/benchmark_rows.hpp"
#include "synthesis/benchmarks.hpp"
#include "synthesis/inject_pairs.hpp"

namespace lldm::cli {
namespace {

using config::Value;

/// The kinds of --kinds, each once: names parted by commas or blanks; all of the task's form where
/// none is named.
std::vector<ErrorKind> kinds_of(const Arguments& arguments, const std::string& task) {
  std::vector<std::string> words = arguments.values("kinds");
  words.insert(words.end(), arguments.positional.begin(), arguments.positional.end());
  std::vector<ErrorKind> kinds;
  std::vector<std::string> names = {"all"};
  for (const auto& choice : choices(std::type_identity<ErrorKind>{}))
    names.emplace_back(choice.name);
  const auto add = [&](const std::string& name) {
    for (const auto& choice : choices(std::type_identity<ErrorKind>{}))
      if (choice.name == name) return kinds.push_back(choice.value);
    throw ConfigError(message("--kinds got ", config::in_quotes(name), "\n  ",
                              config::did_you_mean(name, names, "kinds")));
  };
  bool is_all = words.empty();
  for (std::string word : words) {
    std::ranges::replace(word, ',', ' ');
    std::istringstream parts(word);
    for (std::string name; parts >> name;)
      if (name == "all")
        is_all = true;
      else
        add(name);
  }
  if (is_all)
    for (const auto& choice : choices(std::type_identity<ErrorKind>{}))
      if (task != "gsm8k" || choice.value <= ErrorKind::final_answer) kinds.push_back(choice.value);
  return kinds;
}

int inject(const SynthesisRequest& request) {
  const Arguments& arguments = request.arguments;
  const std::string name = arguments.value("task");
  const auto refuse = [&](const std::vector<Example>& problems) {
    refuse_benchmarks("lldm data synthesize", std::filesystem::absolute(request.from), problems,
                      request.benchmarks,
                      "make pairs of another file; to measure with them: --allow-benchmarks");
  };
  refuse({});  // by its name, before what its rows lack is told
  const AnyTask task = task_of(request, name, request.from);
  const std::vector<Example> problems = task.examples();
  refuse(problems);
  synthesis::Injector injector(
      {.kinds = kinds_of(arguments, name),
       .per_kind = arguments.integer("per-kind", 1, 1, 64),
       .pairs_per_prompt = arguments.integer("pairs-per-prompt", 0, 0, 1024),
       .seed = request.seed},
      {to_valid_utf8(request.from.filename().string()), sha256_file(request.from),
       synthesis::benchmark_name(std::filesystem::absolute(request.from))},
      [&](const Example& example, const std::string& text) { return task.check(example, text); });
  PendingFile out(arguments.value("out"));
  StopGuard stop;
  for (const Example& problem : problems) {
    stop.check();
    for (const std::string& line : injector.pairs_of(problem)) out.write(line + "\n");
  }
  const synthesis::InjectionCounts& counts = injector.counts();
  if (counts.pairs == 0)
    throw DataError(message(request.from.string(), ": no pair was made of ", counts.rows, " rows\n",
                            counts.table()));
  out.publish();
  std::cout << arguments.value("out") << ": " << counts.pairs << " pairs of " << counts.rows
            << " rows\n"
            << counts.table();
  if (arguments.has("json")) std::cout << counts.json().dump() << "\n";
  return 0;
}

}  // namespace

/// The task, reading `file`, with its options by --set KEY=VALUE.
AnyTask task_of(const SynthesisRequest& request, const std::string& name,
                const std::filesystem::path& file) {
  const Registry registry = make_registry(request.arguments);
  config::Diagnostics diagnostics;
  Value table;
  config::apply_overrides(
      table, {.overrides = request.arguments.values("set"), .top_level_keys = {}}, diagnostics);
  table.set("type", Value::string(name));
  const auto entry = registry.find(Role::task, name);
  const config::FieldInfo* key = nullptr;
  if (entry)
    for (const config::FieldInfo& field : entry->fields)
      if (field.type == "path" && field.is_required) key = &field;
  if (entry && !key)
    throw ConfigError(message("task \"", name, "\" reads no file\n  a [[stage]] of kind ",
                              "\"synthesize\" makes pairs of what it generates"));
  if (key) table.set(key->key, Value::string(std::filesystem::absolute(file).string()));
  const BoundComponent bound = registry.bind(Role::task, table, diagnostics, {.where = "task"});
  diagnostics.throw_if_any();
  return registry.make<AnyTask>(bound, {registry, Draws(request.seed, "data")});
}

int run_data_synthesize(const Arguments& arguments) {
  const std::string from = required(arguments, "synthesize", "from", "of which file?");
  static_cast<void>(required(arguments, "synthesize", "out", "where to?"));
  const bool is_import =
      arguments.has("problems") || arguments.has("judge") || arguments.has("labeled");
  if (!arguments.has("task") && (!is_import || arguments.has("problems")))
    throw ConfigError(
        "lldm data synthesize: --task is missing\n  --task gsm8k, or --task file for rows of "
        "your own");
  if (!is_import)
    for (const char* option :
         {"pair-by", "correct-share-min", "correct-share-max", "judge-timeout"})
      if (arguments.has(option))
        throw ConfigError(message("--", option, " is not read here: errors are put into chains",
                                  "\n  it belongs to imported answers: --problems, --judge, ",
                                  "--labeled"));
  if (arguments.has("benchmarks") && arguments.has("allow-benchmarks"))
    throw ConfigError(
        "--benchmarks and --allow-benchmarks: one refuses what the other lets through"
        "\n  give one of them");
  const SynthesisRequest request{arguments,
                                 from,
                                 {arguments.has("allow-benchmarks"), arguments.value("benchmarks")},
                                 static_cast<std::uint64_t>(arguments.integer("seed", 42))};
  return is_import ? import_answers(request) : inject(request);
}

}  // namespace lldm::cli
