// SPDX-License-Identifier: MIT
#include "laws/stage_run.hpp"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "lldm/errors.hpp"
#include "lldm/experiment/experiment.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/track/logger.hpp"
#include "storage/scratch_folder.hpp"

namespace lldm::laws {
namespace {

namespace fs = std::filesystem;

/// The first figure that is not finite, as a path into the result; "" if there is none.
std::string not_finite(const nlohmann::ordered_json& value, const std::string& where) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) return where;
  if (!value.is_structured()) return "";
  for (const auto& [key, inner] : value.items())
    if (const std::string found = not_finite(inner, message(where, where.empty() ? "" : ".", key));
        !found.empty())
      return found;
  return "";
}

/// What the work wrote beside its folder; "" if nothing.
std::string litter(const fs::path& out, const fs::path& folder, const fs::path& metrics) {
  for (const auto& entry : fs::recursive_directory_iterator(out)) {
    const fs::path inside = entry.path().lexically_relative(folder);
    if (entry.is_directory() || entry.path() == metrics || *inside.begin() != "..") continue;
    return entry.path().lexically_relative(out).string();
  }
  return "";
}

struct Ran {
  nlohmann::ordered_json result;
  std::string litter;
};

Ran run_once(const Registry& registry, MemoryManager& memory, const config::Value& root) {
  const ScratchFolder out("laws");
  config::Diagnostics diagnostics;
  std::vector<Experiment> experiments{bind_experiment(root, registry, diagnostics)};
  diagnostics.throw_if_any();
  Cell cell;
  cell.seed = 1;
  cell.root = root;
  const RunSchedule schedule = make_schedule({cell}, std::move(experiments), out.path());
  RunObserver observer;
  RunOptions options{.out = out.path()};
  options.observer = &observer;
  MetricsWriter metrics(out.path() / kMetricsName);
  const RunContext context{{schedule, registry}, memory, null_logger(), options, metrics, "cpu"};
  const Work& work = schedule.work.at(0);
  const Stage& stage = schedule.stage_of(work);
  fs::create_directories(work.folder);
  Ran ran;
  ran.result = stage.kind.run(stage.options.get(), context, work);
  ran.litter = litter(out.path(), work.folder, metrics.path());
  return ran;
}

}  // namespace

Finding check_stage_run(const Registry& registry, MemoryManager& memory, const config::Value& own) {
  config::Value root;
  root.set("name", config::Value::string("laws"));
  root.set("threads", config::Value::integer(1));
  root.set("stage", config::Value::array({own}));
  const Ran first = run_once(registry, memory, root);
  if (!first.result.is_object())
    return fails("the result is " + first.result.dump(), "an object: result.json has it");
  if (const std::string where = not_finite(first.result, ""); !where.empty())
    return fails(message("the figure ", where, " of the result is not finite"),
                 "finite figures, or an exception that says what went wrong");
  if (!first.litter.empty())
    return fails("it wrote " + first.litter + " beside its folder", "files in work.folder alone");
  if (const Ran second = run_once(registry, memory, root); second.result != first.result)
    return fails(message("the result was ", first.result.dump(), ", then ", second.result.dump()),
                 "a function of options, inputs and seed");
  return holds(message("run twice: ", first.result.size(), " figures"));
}

}  // namespace lldm::laws
