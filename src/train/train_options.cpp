// SPDX-License-Identifier: MIT
#include "lldm/train/train_options.hpp"

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/text/nearest_name.hpp"

namespace lldm {
namespace {

const std::vector<std::string> kOptimizers = {"adamw", "adamw_8bit", "adafactor"};

void check_type(const OptimizerOptions& options, config::OptionsCheck& check) {
  if (std::ranges::find(kOptimizers, options.type) == kOptimizers.end()) {
    const auto near = nearest_name(options.type, kOptimizers);
    return check.error("type", message("no optimizer is named \"", options.type, "\""),
                       message(near ? "did you mean \"" + *near + "\"?  " : "",
                               "optimizers: adamw, adamw_8bit, adafactor"));
  }
  if (options.resident && options.type != "adamw")
    check.error("resident", message("type = \"", options.type, "\" has no key resident"),
                "it is read by type = \"adamw\"; the states of the others are small");
  if (options.rounding && options.resident == OptimizerResidence::host)
    check.error("rounding", "resident = \"host\" has no key rounding",
                "bfloat16 weights are there what is nearest to a float32 copy");
  if (options.type != "adafactor") {
    if (options.relative_step)
      check.error("relative_step",
                  message("type = \"", options.type, "\" has no key relative_step"),
                  "it is read by type = \"adafactor\"");
    return;
  }
  for (const char* key : {"beta1", "beta2", "epsilon"})
    if (check.is_set(key))
      check.warning(key, message(key, " has no effect with type = \"adafactor\""),
                    "its decay is 1 - t^-0.8, without a first moment (Shazeer & Stern 2018)");
}

void check_loss_scale(const OptimizerOptions& options, config::OptionsCheck& check) {
  constexpr double kMost = 0x1p60;
  int exponent = 0;
  if (const auto scale = options.loss_scale;
      scale && (!(*scale >= 1 && *scale <= kMost) || std::frexp(*scale, &exponent) != 0.5))
    check.error(
        "loss_scale", message("optimizer has loss_scale = ", *scale),
        "legal: a power of two from 1 to 2^60: gradients are divided by it without rounding");
  if (const auto steps = options.loss_scale_growth_interval; steps && *steps < 1)
    check.error("loss_scale_growth_interval",
                message("optimizer has loss_scale_growth_interval = ", *steps),
                "legal: at least 1");
}

}  // namespace

void OptimizerOptions::check(config::OptionsCheck& check) const {
  if ((steps > 0) == (epochs > 0))
    check.error(steps > 0 ? "epochs" : "steps",
                message("optimizer has steps = ", steps, " and epochs = ", epochs),
                "give exactly one of them above 0");
  constexpr double kMostEpochs = 1e9, kMostRows = 1e15;  // steps and rows are counted exactly
  if (epochs > kMostEpochs)
    check.error("epochs", message("optimizer has epochs = ", epochs),
                message("legal: at most ", kMostEpochs));
  if (const double rows = static_cast<double>(steps) * static_cast<double>(batch_size) *
                          static_cast<double>(gradient_accumulation_steps);
      rows > kMostRows)
    check.error(
        "steps", message("optimizer has steps = ", steps, ": ", rows, " rows in all"),
        message("legal: steps * batch_size * gradient_accumulation_steps of at most ", kMostRows));
  check_type(*this, check);
  check_loss_scale(*this, check);
  if (decay == Decay::stable_then_linear && warmup_share + decay_share > 1.0)
    check.error("decay_share",
                message("warmup_share = ", warmup_share, " and decay_share = ", decay_share,
                        " are more than the whole run"),
                "legal: a sum of at most 1");
  const OptimizerOptions defaults;
  if (decay_share != defaults.decay_share && decay != Decay::stable_then_linear)
    check.warning("decay_share", "decay_share has no effect with this `decay`",
                  "it is read by decay = \"stable_then_linear\"");
  if (final_share != defaults.final_share && decay == Decay::constant)
    check.warning("final_share", "final_share has no effect with decay = \"constant\"",
                  "it is where cosine and stable_then_linear end");
}

std::int64_t OptimizerOptions::row_limit(std::int64_t rows) const {
  return steps > 0 ? -1 : std::llround(epochs * static_cast<double>(rows));
}

std::int64_t OptimizerOptions::total_steps(std::int64_t rows) const {
  if ((steps > 0) == (epochs > 0))
    throw ConfigError(message("[optimizer] give either steps or epochs, got steps = ", steps,
                              " and epochs = ", epochs));
  if (steps > 0) return steps;
  if (row_limit(rows) < 1)
    throw ConfigError(message("[optimizer] epochs = ", epochs, " of ", rows,
                              " row(s) come to no step\n  legal: epochs of at least ",
                              0.5 / static_cast<double>(std::max<std::int64_t>(1, rows)),
                              ", or steps"));
  const std::int64_t per_step = batch_size * gradient_accumulation_steps;
  return (row_limit(rows) + per_step - 1) / per_step;
}

}  // namespace lldm
