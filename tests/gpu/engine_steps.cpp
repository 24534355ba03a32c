// SPDX-License-Identifier: MIT
// A preference step through the score engine: by every gradient path, and how often it waits.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "check.hpp"
#include "lldm/train/adamw.hpp"
#include "pair_problem.hpp"
#include "small_models.hpp"
#include "track/read_backs.hpp"

namespace lldm::gpu_check {
namespace {

constexpr GradientPath kPaths[] = {GradientPath::linear, GradientPath::retain, GradientPath::replay,
                                   GradientPath::pairwise};

/// A policy with or without an adapter, and the reference beside it; the same weights everywhere.
PairProblem problem_on(const std::string& device, const Precision& precision, bool has_adapter) {
  const auto exact = exact_model(small_config("llada"));
  const auto policy = copy_of(*exact, precision, at::Device(device));
  std::shared_ptr<Transformer> reference;
  if (has_adapter) {
    policy->set_trainable(false);
    policy->add_adapter({.rank = 3, .alpha = 4}, Draws(5, "adapter"));
    reference = policy->without_adapter();
    const c10::NoGradGuard guard;
    double phase = 0;  // as if it had been trained for a while
    for (const auto& update : policy->adapter())
      at::Tensor(update.b).copy_(at::arange(update.b.numel(), at::TensorOptions(at::kDouble))
                                     .add(phase += 1)
                                     .sin()
                                     .mul(0.3)
                                     .view_as(update.b));
  } else {
    reference = copy_of(*exact_model(small_config("llada")), precision, at::Device(device));
    reference->set_trainable(false);
    const c10::NoGradGuard guard;
    for (const auto& p : policy->parameters()) at::Tensor(p.value).mul_(1.1);
  }
  return {policy, reference, {.pairs = 2, .prompt = 12, .response = 20, .evaluations = 6}, device};
}

double worst(const std::vector<at::Tensor>& got, const std::vector<at::Tensor>& wanted) {
  double largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    if (const double error = distance(got[i], wanted[i]); !(error <= largest)) largest = error;
  return largest;
}

const char* type_name(at::ScalarType compute) {
  return compute == at::kFloat ? "float32" : compute == at::kHalf ? "float16" : "bfloat16";
}

void compare(const Bench& bench, Report& report, at::ScalarType compute, bool has_adapter,
             GradientPath path) {
  const bool is_wide = compute == at::kFloat;
  const std::string name =
      std::string(to_string(path)) + ", " + type_name(compute) + (has_adapter ? ", adapter" : "");
  report.attempt(name, [&] {
    const PairProblem here = problem_on(bench.device, compute, has_adapter),
                      there = problem_on("cpu", compute, has_adapter);
    const EngineStep mine = here.step(path), wanted = there.step(path);
    const double error = std::abs(mine.loss - wanted.loss) / std::max(1.0, std::abs(wanted.loss));
    report.within(name + ": loss", error, is_wide ? 1e-5 : 2e-2,
                  {{"loss", mine.loss}, {"cpu", wanted.loss}});
    report.within(name + ": gradients", worst(here.gradients(), there.gradients()),
                  is_wide ? 2e-4 : 2e-1);
  });
}

/// Counts LibTorch's warnings of calls that wait.
class WaitCounter final : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override {
    ++counts_[warning.msg().find("synchronizing") != std::string::npos
                  ? warning.msg() + " at " + warning.source_location().file + ":" +
                        std::to_string(warning.source_location().line)
                  : warning.msg()];
  }
  [[nodiscard]] const std::map<std::string, int>& counts() const { return counts_; }
  [[nodiscard]] int total() const {
    int sum = 0;
    for (const auto& [text, count] : counts_) sum += count;
    return sum;
  }

 private:
  std::map<std::string, int> counts_;
};

}  // namespace

void check_gradient_paths(const Bench& bench, Report& report) {
  for (const auto compute : {at::kFloat, at::kBFloat16, at::kHalf})
    for (const bool has_adapter : {false, true})
      for (const GradientPath path : kPaths) compare(bench, report, compute, has_adapter, path);
}

void count_synchronisations(const Bench& bench, Report& report) {
  if (bench.cuda == nullptr) {
    report.skip("synchronisations", "the CPU has none");
  }
  for (const GradientPath path : kPaths) {
    const std::string name(to_string(path));
    report.attempt(name, [&] {
      const PairProblem problem = problem_on(bench.device, at::kFloat, true);
      AdamW optimizer(problem.policy().parameters(), {});
      const auto both = [&] {
        const EngineStep done = problem.step(path);
        (void)optimizer.step(1e-4);
        return done;
      };
      (void)both();  // what is made once
      WaitCounter waits;
      const c10::WarningUtils::WarningHandlerGuard guard(&waits);
      if (bench.cuda != nullptr) bench.cuda->warn_of_synchronisations(true);
      const ReadBackCount counted;
      const EngineStep done = both();
      if (bench.cuda != nullptr) bench.cuda->warn_of_synchronisations(false);
      Json where = Json::object();
      for (const auto& [text, count] : waits.counts()) where[text] = count;
      report.measure(name,
                     {{"waits", waits.total()}, {"forwards", done.forwards}, {"where", where}});
      if (bench.cuda != nullptr)
        report.require(name + ": nothing else waits", waits.total() == counted.count(),
                       {{"waits", waits.total()}, {"read-backs", counted.count()}});
      // Of two pairs: of `pairwise` each its own; then one of all that the gradient comes to.
      const std::int64_t wanted = (path == GradientPath::pairwise ? 2 : 1) + 1;
      report.require(name + ": read-backs", counted.count() == wanted,
                     {{"counted", counted.count()}, {"wanted", wanted}});
    });
  }
}

}  // namespace lldm::gpu_check
