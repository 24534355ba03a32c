// SPDX-License-Identifier: MIT
#include "candidate_evaluation.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "lldm/errors.hpp"
#include "sampler/non_finite_logit.hpp"

namespace lldm {
namespace {

// Logits are read 16 Mi at a time (64 MiB in float32), however many candidates a step has.
constexpr std::int64_t kChunkLogits = std::int64_t{1} << 24;
// Logits worth a thread of their own.
constexpr std::int64_t kGrainLogits = std::int64_t{1} << 14;

at::Device device_of(const StepModel& model) {
  const auto parameters = model.parameters();
  return parameters.empty() ? at::Device(at::kCPU) : parameters.front().value.device();
}

at::Tensor to_tensor(const std::vector<std::int64_t>& values, at::Device device) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
  std::memcpy(out.mutable_data_ptr<std::int64_t>(), values.data(),
              values.size() * sizeof(std::int64_t));
  return device.is_cpu() ? out : out.to(device);
}

at::Tensor to_tensor(const std::vector<char>& flags) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(flags.size())}, at::kBool);
  std::ranges::transform(flags, out.mutable_data_ptr<bool>(), [](char flag) { return flag != 0; });
  return out;
}

// Row `row` of a contiguous float32 or float64 matrix, widened.
void read_row(const at::Tensor& matrix, std::int64_t row, std::span<double> out) {
  const auto width = static_cast<std::int64_t>(out.size());
  if (matrix.scalar_type() == at::kDouble)
    std::copy_n(matrix.const_data_ptr<double>() + row * width, width, out.begin());
  else
    std::copy_n(matrix.const_data_ptr<float>() + row * width, width, out.begin());
}

}  // namespace

CandidateEvaluation::CandidateEvaluation(const StepModel& model, const SamplerParts& parts,
                                         const NoiseSource& noise)
    : model_(model),
      parts_(parts),
      noise_(noise),
      vocabulary_size_(model.vocabulary_size()),
      device_(device_of(model)) {}

CandidateEvaluation::Pack CandidateEvaluation::pack(std::span<const RowState> rows) const {
  Pack out;
  std::vector<std::int64_t> tokens, offsets{0};
  std::vector<char> visible;
  bool hides = false;
  const auto append = [&](std::span<const std::int64_t> canvas, const std::vector<bool>& flags) {
    tokens.insert(tokens.end(), canvas.begin(), canvas.end());
    offsets.push_back(static_cast<std::int64_t>(tokens.size()));
    visible.insert(visible.end(), flags.begin(), flags.end());
    visible.resize(tokens.size(), 1);
    hides |= std::ranges::count(flags, false) > 0;
  };
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const RowState& row = rows[r];
    const std::int64_t conditional = offsets.back();
    append(row.canvas(), row.request().visible);
    const std::int64_t unconditional = offsets.back();
    if (parts_.guidance.is_on()) {
      const auto prompt_length = static_cast<std::int64_t>(row.request().prompt.size());
      append(parts_.guidance.unconditional(row.canvas(), prompt_length, parts_.mask),
             row.request().visible);
    }
    for (const std::int64_t column : row.candidate_columns())
      out.places.push_back({r, column, conditional + column, unconditional + column});
  }
  out.batch.tokens = to_tensor(tokens, at::kCPU);
  out.batch.offsets = std::move(offsets);
  if (hides) out.batch.visible = to_tensor(visible);
  return out;
}

at::Tensor CandidateEvaluation::host_logits(const at::Tensor& hidden,
                                            const std::vector<std::int64_t>& rows) const {
  at::Tensor logits = model_.logits(at::index_select(hidden, 0, to_tensor(rows, device_)));
  if (logits.dim() != 2 || logits.size(0) != static_cast<std::int64_t>(rows.size()) ||
      logits.size(1) != vocabulary_size_)
    throw ShapeError(message("sampler: logits must be [Q, V] = [", rows.size(), ", ",
                             vocabulary_size_, "], the model returned rank ", logits.dim(),
                             " with ", logits.numel(), " values"));
  const auto type = logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return logits.to(at::kCPU, type).contiguous();
}

std::vector<Candidate> CandidateEvaluation::choose(std::span<const RowState> rows,
                                                   std::span<const Place> places,
                                                   const at::Tensor& hidden) const {
  std::vector<std::int64_t> conditional_rows, unconditional_rows;
  for (const Place& place : places) {
    conditional_rows.push_back(place.conditional);
    unconditional_rows.push_back(place.unconditional);
  }
  const bool is_guided = parts_.guidance.is_on();
  const at::Tensor conditional = host_logits(hidden, conditional_rows);
  const at::Tensor unconditional =
      is_guided ? host_logits(hidden, unconditional_rows) : at::Tensor();
  const auto width = static_cast<std::size_t>(vocabulary_size_);
  const CandidateStatistics statistics = parts_.order.statistics();
  std::vector<Candidate> out(places.size());

  const auto choose_range = [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> logits(width), other(is_guided ? width : 0);
    std::vector<double> uniforms(parts_.choice.temperature > 0.0 ? width : 0);
    for (std::int64_t i = begin; i < end; ++i) {
      const Place& place = places[static_cast<std::size_t>(i)];
      read_row(conditional, i, logits);
      if (is_guided) {
        read_row(unconditional, i, other);
        parts_.guidance.combine(logits, other);
      }
      if (!uniforms.empty())
        noise_.token_uniforms(rows[place.row].noise_key(), place.column, uniforms);
      Candidate& candidate = out[static_cast<std::size_t>(i)];
      try {
        candidate = parts_.choice.choose(logits, uniforms, statistics);
      } catch (const NonFiniteLogit&) {  // of whom is known here
        throw NonFiniteLogit(rows[place.row].request().row);
      }
      candidate.position = place.column;
    }
  };
  const std::int64_t grain = std::max<std::int64_t>(1, kGrainLogits / vocabulary_size_);
  at::parallel_for(0, static_cast<std::int64_t>(places.size()), grain, choose_range);
  return out;
}

std::vector<std::vector<Candidate>> CandidateEvaluation::operator()(
    std::span<RowState> rows) const {
  Pack step = pack(rows);
  std::vector<std::int64_t> read;  // from here on a place is one of these
  for (Place& place : step.places) {
    read.push_back(std::exchange(place.conditional, static_cast<std::int64_t>(read.size())));
    if (parts_.guidance.is_on())
      read.push_back(std::exchange(place.unconditional, static_cast<std::int64_t>(read.size())));
  }
  const at::Tensor hidden = model_.hidden_at(step.batch, to_tensor(read, device_));
  for (RowState& row : rows) row.record_forward();

  std::vector<std::vector<Candidate>> out(rows.size());
  const auto chunk =
      static_cast<std::size_t>(std::max<std::int64_t>(1, kChunkLogits / vocabulary_size_));
  const std::span<const Place> places = step.places;
  for (std::size_t begin = 0; begin < places.size(); begin += chunk) {
    const auto part = places.subspan(begin, std::min(chunk, places.size() - begin));
    const std::vector<Candidate> chosen = choose(rows, part, hidden);
    for (std::size_t i = 0; i < part.size(); ++i) out[part[i].row].push_back(chosen[i]);
  }
  return out;
}

}  // namespace lldm
