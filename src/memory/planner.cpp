// SPDX-License-Identifier: MIT
#include "lldm/memory/planner.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"

namespace lldm {
namespace {

std::int64_t rounded(double bytes) { return static_cast<std::int64_t>(std::llround(bytes)); }

void check(const PlanInputs& in) {
  const std::pair<std::string_view, std::int64_t> sizes[] = {
      {"parameters", in.parameters},
      {"trainable_parameters", in.trainable_parameters},
      {"width", in.width},
      {"layers", in.layers},
      {"heads", in.heads},
      {"mlp_width", in.mlp_width},
      {"vocabulary", in.vocabulary},
      {"compute_bytes", in.compute_bytes},
      {"gradient_bytes", in.gradient_bytes},
      {"optimizer_bytes", in.optimizer_bytes},
      {"optimizer_states", in.optimizer_states},
      {"reference_parameters", in.reference_parameters},
      {"adapter_values", in.adapter_values},
      {"tokens_per_forward", in.tokens_per_forward},
      {"longest_sequence", in.longest_sequence},
      {"queried_rows", in.queried_rows},
      {"logits_chunk_rows", in.logits_chunk_rows},
      {"logits_matrices", in.logits_matrices},
      {"kept_forwards", in.kept_forwards},
      {"side_buffers", in.side_buffers},
      {"staging_bytes", in.staging_bytes},
      {"publishing_bytes", in.publishing_bytes},
      {"table_values", in.table_values},
      {"block_gradient_values", in.block_gradient_values},
      {"budget", in.budget.bytes},
  };
  for (const auto& [name, value] : sizes)
    if (value < 0) throw ShapeError(message("plan_memory: ", name, " must be >= 0, got ", value));
  if (in.weight_bytes < 0)
    throw ShapeError(message("plan_memory: weight_bytes must be >= 0, got ", in.weight_bytes));
}

struct ActivationBytes {
  double block, outer, transient;
};

ActivationBytes activation_bytes(const PlanInputs& in) {
  const ActivationModel& a = in.activations;
  const auto c = static_cast<double>(in.compute_bytes);
  const auto n = static_cast<double>(in.tokens_per_forward);
  const auto d = static_cast<double>(in.width);
  const auto m = static_cast<double>(in.mlp_width);
  const auto h = static_cast<double>(in.heads);
  const double scores = n * static_cast<double>(in.longest_sequence) * h;
  return {
      .block = c * (n * (d * a.width_vectors + m * a.mlp_vectors + h * a.values_per_head) +
                    scores * a.attention_matrices),
      .outer = c * n * d * a.outer_width_vectors,
      .transient = c * (n * (d * a.transient_width_vectors + m * a.transient_mlp_vectors) +
                        scores * a.transient_attention_matrices),
  };
}

std::int64_t logits_bytes(const PlanInputs& in) {
  const std::int64_t chunk =
      in.logits_chunk_rows == 0 ? in.queried_rows : std::min(in.logits_chunk_rows, in.queried_rows);
  return chunk * in.vocabulary * 4 * in.logits_matrices +
         in.kept_forwards * in.queried_rows * in.width * in.compute_bytes;
}

}  // namespace

ActivationModel ActivationModel::with_flash_attention() {
  ActivationModel model;
  model.attention_matrices = 0, model.transient_attention_matrices = 0, model.values_per_head = 1;
  return model;
}

ActivationModel ActivationModel::recomputed(double kept_width_vectors, bool keeps_attention) const {
  ActivationModel model = *this;
  model.width_vectors = kept_width_vectors;
  model.mlp_vectors = 0;
  model.transient_width_vectors += width_vectors - kept_width_vectors;
  model.transient_mlp_vectors += mlp_vectors;
  if (keeps_attention) return model;
  model.attention_matrices = model.values_per_head = 0;
  model.transient_attention_matrices += attention_matrices;
  return model;
}

MemoryPlan plan_memory(const PlanInputs& in) {
  check(in);
  const ActivationBytes a = activation_bytes(in);
  const double activations =
      static_cast<double>(in.kept_forwards) * (static_cast<double>(in.layers) * a.block + a.outer) +
      a.transient;
  const std::int64_t gradients = in.trainable_parameters * in.gradient_bytes;
  MemoryPlan plan;
  plan.budget_bytes = in.budget.bytes;
  const auto line = [&plan](std::string_view what, MemoryPurpose purpose, std::int64_t bytes) {
    if (bytes > 0) plan.lines.push_back({what, purpose, bytes});
  };
  const auto stored = [&](std::int64_t values) {
    return rounded(static_cast<double>(values) * in.weight_bytes);
  };
  line("weights", MemoryPurpose::weights,
       stored(in.parameters) + in.table_values * in.compute_bytes);
  line("reference", MemoryPurpose::weights, stored(in.reference_parameters));
  line("adapter", MemoryPurpose::adapter, in.adapter_values * in.compute_bytes);
  line("gradients", MemoryPurpose::gradients, gradients);
  line("block gradients", MemoryPurpose::gradients, in.block_gradient_values * in.gradient_bytes);
  line("pair buffers", MemoryPurpose::gradients, gradients * in.side_buffers);
  line("optimizer", MemoryPurpose::optimizer,
       in.trainable_parameters * in.optimizer_states * in.optimizer_bytes);
  line("activations", MemoryPurpose::activations, rounded(activations));
  line("logits", MemoryPurpose::logits, logits_bytes(in));
  line("staging", MemoryPurpose::staging, in.staging_bytes);
  line("publishing", MemoryPurpose::staging,
       in.publishing_bytes - rounded(activations) - logits_bytes(in));
  return plan;
}

std::int64_t MemoryPlan::bytes(MemoryPurpose purpose) const {
  std::int64_t sum = 0;
  for (const PlanLine& line : lines)
    if (line.purpose == purpose) sum += line.bytes;
  return sum;
}

std::int64_t MemoryPlan::peak_bytes() const {
  std::int64_t sum = 0;
  for (const PlanLine& line : lines) sum += line.bytes;
  return sum;
}

std::string MemoryPlan::text(const DeviceMemory* measured) const {
  std::ostringstream out;
  const auto row = [&out](std::string_view what, std::string_view first, std::string_view second,
                          std::string_view third) {
    out << "  " << std::left << std::setw(14) << what << std::right << std::setw(12) << first;
    if (!second.empty()) out << std::setw(12) << second << std::setw(10) << third;
    out << '\n';
  };
  const auto ratio = [](std::int64_t predicted, std::int64_t seen) -> std::string {
    if (seen == 0) return "-";
    std::ostringstream text;
    text << std::fixed << std::setprecision(2)
         << static_cast<double>(predicted) / static_cast<double>(seen);
    return text.str();
  };
  if (measured == nullptr) {
    row("memory", "predicted", "", "");
    for (const PlanLine& line : lines) row(line.what, bytes_text(line.bytes), "", "");
    row("all", bytes_text(peak_bytes()), "", "");
  } else {
    row("memory", "predicted", "measured", "ratio");
    for (std::size_t p = 0; p < kMemoryPurposes; ++p) {
      const auto purpose = static_cast<MemoryPurpose>(p);
      const std::int64_t seen = measured->of(purpose).peak_bytes;
      if (bytes(purpose) > 0 || seen > 0)
        row(kMemoryPurposeNames[p], bytes_text(bytes(purpose)), bytes_text(seen),
            ratio(bytes(purpose), seen));
    }
    row("all", bytes_text(peak_bytes()), bytes_text(measured->total.peak_bytes),
        ratio(peak_bytes(), measured->total.peak_bytes));
  }
  if (budget_bytes > 0) {
    row("budget", bytes_text(budget_bytes), "", "");
    if (!fits())
      out << "  does not fit: " << bytes_text(peak_bytes() - budget_bytes) << " too much\n";
  }
  return out.str();
}

void MemoryPlan::require_fit() const {
  if (fits()) return;
  std::vector<PlanLine> order = lines;
  std::ranges::stable_sort(order, std::ranges::greater{}, &PlanLine::bytes);
  if (order.size() > 3) order.resize(3);
  std::string largest;
  for (const PlanLine& line : order)
    largest += message(largest.empty() ? "" : ", ", line.what, " ", bytes_text(line.bytes));
  throw OutOfMemory(message(
      "out of memory before the first step: the plan needs ", bytes_text(peak_bytes()), " of ",
      bytes_text(budget_bytes), " [memory] budget\n  largest: ", largest,
      "\n  fewer rows per micro-batch, a shorter response_length, gradient_path = \"replay\" "
      "or a larger [memory] budget help"));
}

}  // namespace lldm
