// SPDX-License-Identifier: MIT
// What is said of a measured step: JSON, a text, a plot.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lldm/errors.hpp"
#include "lldm/measure/step_measurement.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/render/svg_plot.hpp"
#include "lldm/render/table.hpp"

namespace lldm {
namespace {

/// "41.2 GFLOP/s"
std::string rate_text(double flops_per_second) {
  return rounded_text(flops_per_second * 1e-9, 3) + " GFLOP/s";
}

std::string percent(double share) { return rounded_text(100 * share, 3) + " %"; }

Table phase_table(const StepMeasurement& measurement) {
  double step = 0;
  for (const double seconds : measurement.phases) step += seconds;
  Table table;
  table.columns = {{"phase", Align::left}, {"seconds"}, {"share of the step"}};
  // `other` is the first of the names and the last of the table.
  for (std::size_t p = 1; p <= kStepPhaseNames.size(); ++p) {
    const std::size_t phase = p % kStepPhaseNames.size();
    table.rows.push_back({std::string(kStepPhaseNames[phase]),
                          rounded_text(measurement.phases[phase], 3),
                          percent(measurement.phases[phase] / step)});
  }
  table.rows.push_back({"step of median length", rounded_text(step, 3), ""});
  return table;
}

Table memory_table(const StepMeasurement& measurement) {
  Table table;
  table.columns = {{"memory for", Align::left}, {"peak"}};
  for (const auto& [purpose, bytes] : measurement.peak_bytes)
    if (bytes > 0) table.rows.push_back({purpose, bytes_text(static_cast<std::uint64_t>(bytes))});
  table.rows.push_back(
      {"predicted", bytes_text(static_cast<std::uint64_t>(measurement.predicted_peak_bytes))});
  return table;
}

}  // namespace

double StepMeasurement::seconds_per_step() const {
  if (seconds.empty()) return 0;
  std::vector<double> sorted = seconds;
  std::ranges::sort(sorted);
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double StepMeasurement::useful_flops_per_second() const {
  return seconds.empty() ? 0 : per_step(useful.flops) / seconds_per_step();
}

double StepMeasurement::predicted_seconds_per_step() const {
  double sum = 0;
  for (const auto& part : predicted_seconds) sum += part.second;
  return sum;
}

nlohmann::ordered_json to_json(const StepMeasurement& measurement) {
  const UsefulWork& useful = measurement.useful;
  nlohmann::ordered_json json = {
      {"work", measurement.work},
      {"seconds_per_step", measurement.seconds_per_step()},
      {"useful_tokens_per_step", measurement.per_step(static_cast<double>(useful.tokens))},
      {"evaluations_per_step", measurement.per_step(static_cast<double>(useful.evaluations))},
      {"useful_flops_per_step", measurement.per_step(useful.flops)},
      {"gemm_flops_per_second", measurement.product_flops_per_second},
      {"peak_bytes", nlohmann::ordered_json::object()},
      {"predicted_peak_bytes", measurement.predicted_peak_bytes},
      {"process_peak_bytes", measurement.process_peak_bytes},
      {"predicted_seconds_per_step", measurement.predicted_seconds_per_step()},
      {"predicted_seconds", nlohmann::ordered_json::object()},
      {"reference_evaluations_per_step",
       measurement.per_step(static_cast<double>(useful.reference_evaluations))},
      {"queries_per_step", measurement.per_step(static_cast<double>(useful.queries))},
      {"allocations_per_step", measurement.allocations_per_step},
      {"seconds", measurement.seconds},
      {"learning_rates", measurement.learning_rates},
      {"losses", measurement.losses},
      {"seconds_by_phase", nlohmann::ordered_json::object()},
      {"gemm_library", measurement.product_library},
      {"gradient_path", measurement.gradient_path},
      {"device", measurement.device},
      {"dtype", measurement.dtype},
      {"threads", measurement.threads},
      {"vocabulary", measurement.vocabulary}};
  for (const auto& [purpose, bytes] : measurement.peak_bytes) json["peak_bytes"][purpose] = bytes;
  for (const auto& [what, seconds] : measurement.predicted_seconds)
    if (seconds > 0) json["predicted_seconds"][what] = seconds;
  for (std::size_t p = 0; p < kStepPhaseNames.size(); ++p)
    json["seconds_by_phase"][std::string(kStepPhaseNames[p])] = measurement.phases[p];
  return json;
}

std::string measurement_text(const StepMeasurement& measurement) {
  const double seconds = measurement.seconds_per_step();
  const UsefulWork& useful = measurement.useful;
  const auto [shortest, longest] = std::ranges::minmax(measurement.seconds);
  std::ostringstream text;
  text << measurement.work << "\n"
       << measurement.device << ", " << measurement.dtype << ", " << measurement.threads
       << " threads, gradient path " << measurement.gradient_path << "\n\n"
       << rounded_text(seconds, 4) << " s a step (median of " << measurement.seconds.size() << ", "
       << rounded_text(shortest, 4) << " to " << rounded_text(longest, 4) << "); planned "
       << rounded_text(measurement.predicted_seconds_per_step(), 3) << " s\n"
       << rounded_text(measurement.per_step(static_cast<double>(useful.tokens)) / seconds, 4)
       << " tokens/s, "
       << rounded_text(measurement.per_step(static_cast<double>(useful.evaluations)) / seconds, 3)
       << " evaluations/s\n"
       << rate_text(measurement.useful_flops_per_second()) << " of useful work ("
       << rounded_text(measurement.per_step(useful.flops) * 1e-9, 4) << " GFLOP a step), "
       << percent(measurement.useful_flops_per_second() / measurement.product_flops_per_second)
       << " of the product rate, " << rate_text(measurement.product_flops_per_second) << " ("
       << measurement.product_library << ")\n"
       << measurement.allocations_per_step << " allocations a step\n\n"
       << text_table(phase_table(measurement), 100) << "\n"
       << text_table(memory_table(measurement), 100);
  return text.str();
}

std::string measurement_svg(const StepMeasurement& measurement) {
  BarPlot plot;
  plot.title = "Seconds of one step by phase";
  plot.y = {.label = "seconds [s]", .min = 0.0};
  BarSeries series{.name = measurement.device, .values = {}};
  for (std::size_t p = 1; p <= kStepPhaseNames.size(); ++p) {
    const std::size_t phase = p % kStepPhaseNames.size();
    plot.groups.emplace_back(kStepPhaseNames[phase]);
    series.values.push_back(measurement.phases[phase]);
  }
  plot.series = {std::move(series)};
  plot.notes = {measurement.work};
  return svg_plot(plot);
}

}  // namespace lldm
