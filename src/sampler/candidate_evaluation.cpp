// SPDX-License-Identifier: MIT
#include "candidate_evaluation.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "lldm/errors.hpp"
#include "memory/in_memory.hpp"
#include "memory/upload.hpp"
#include "sampler/device_choice.hpp"
#include "sampler/device_uniforms.hpp"
#include "sampler/non_finite_logit.hpp"

namespace lldm {
namespace {

// Logits are read 16 Mi at a time (64 MiB in float32), however many candidates a step has.
constexpr std::int64_t kChunkLogits = std::int64_t{1} << 24;
// On a device, where a row is wide: float64, and several matrices of them at a time.
constexpr std::int64_t kDeviceChunkLogits = std::int64_t{1} << 21;
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
  return memory::uploaded(out, device);
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
      device_(device_of(model)),
      where_(device_.is_cpu() ? ChoosesOn::host : ChoosesOn::device) {}

CandidateEvaluation::CandidateEvaluation(const StepModel& model, const SamplerParts& parts,
                                         const NoiseSource& noise, ChoosesOn where)
    : CandidateEvaluation(model, parts, noise) {
  where_ = where;
}

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

at::Tensor CandidateEvaluation::logits_of(const at::Tensor& hidden) const {
  const at::Tensor logits = model_.logits(hidden.contiguous());
  if (logits.dim() != 2 || logits.size(0) != hidden.size(0) || logits.size(1) != vocabulary_size_)
    throw ShapeError(message("sampler: logits must be [Q, V] = [", hidden.size(0), ", ",
                             vocabulary_size_, "], the model returned rank ", logits.dim(),
                             " with ", logits.numel(), " values"));
  return logits.to(logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat).contiguous();
}

namespace {

/// The rows of candidates that stand behind one another; with guidance every other row is theirs.
at::Tensor rows_from(const at::Tensor& hidden, std::int64_t first, std::size_t count,
                     bool is_guided) {
  const std::int64_t step = is_guided ? 2 : 1;
  return hidden.slice(0, first, first + static_cast<std::int64_t>(count) * step, step);
}

}  // namespace

at::Tensor CandidateEvaluation::uniforms_of(std::span<const RowState> rows,
                                            std::span<const Place> places) const {
  if (parts_.choice.temperature <= 0.0) return {};
  std::vector<StreamPlace> streams;
  for (const Place& place : places)
    if (const auto stream = noise_.token_stream(rows[place.row].noise_key(), place.column))
      streams.push_back(place_of(*stream));
  if (streams.size() == places.size()) return uniforms_on(device_, streams, vocabulary_size_);
  // Numbers that no stream gives, a record's for instance: from here.
  const auto width = static_cast<std::size_t>(vocabulary_size_);
  const at::Tensor all =
      at::empty({static_cast<std::int64_t>(places.size()), vocabulary_size_}, at::kDouble);
  double* data = all.mutable_data_ptr<double>();
  at::parallel_for(0, std::ssize(places), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Place& place = places[static_cast<std::size_t>(i)];
      noise_.token_uniforms(rows[place.row].noise_key(), place.column,
                            std::span(data + i * vocabulary_size_, width));
    }
  });
  return memory::uploaded(all, device_);
}

at::Tensor CandidateEvaluation::choose_there(std::span<const RowState> rows,
                                             std::span<const Place> places,
                                             const at::Tensor& hidden) const {
  const bool is_guided = parts_.guidance.is_on();
  const auto wide = [&](std::int64_t first) {
    return logits_of(rows_from(hidden, first, places.size(), is_guided)).to(at::kDouble);
  };
  at::Tensor logits = wide(places.front().conditional);
  if (is_guided)
    logits = guided(parts_.guidance, std::move(logits), wide(places.front().unconditional));
  return choose_on_device(parts_.choice, std::move(logits), uniforms_of(rows, places),
                          parts_.order.statistics());
}

std::vector<Candidate> CandidateEvaluation::choose(std::span<const RowState> rows,
                                                   std::span<const Place> places,
                                                   const at::Tensor& hidden) const {
  const bool is_guided = parts_.guidance.is_on();
  const at::Tensor conditional =
      logits_of(rows_from(hidden, places.front().conditional, places.size(), is_guided));
  const at::Tensor unconditional =
      is_guided ? logits_of(rows_from(hidden, places.front().unconditional, places.size(), true))
                : at::Tensor();
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
  const bool is_here = where_ == ChoosesOn::host;
  auto chunk = static_cast<std::size_t>(
      std::max<std::int64_t>(1, (is_here ? kChunkLogits : kDeviceChunkLogits) / vocabulary_size_));
  const std::span<const Place> places = step.places;
  std::vector<at::Tensor> there;
  for (std::size_t begin = 0; begin < places.size();) {
    const auto part = places.subspan(begin, std::min(chunk, places.size() - begin));
    const auto choose_part = [&] {
      if (!is_here) return there.push_back(choose_there(rows, part, hidden));
      const std::vector<Candidate> chosen = choose(rows, part, hidden);
      for (std::size_t i = 0; i < part.size(); ++i) out[part[i].row].push_back(chosen[i]);
    };
    try {
      memory::in_memory(choose_part);
      begin += part.size();
    } catch (const OutOfMemory&) {  // fewer rows of logits: every one is chosen from by itself
      if (part.size() == 1) throw;
      chunk = part.size() / 2;
    }
  }
  if (there.empty()) return out;
  // One wait for the device a step.
  const std::vector<ChosenRow> chosen = chosen_rows(at::cat(there).to(at::kCPU).contiguous());
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!chosen[i].is_finite) throw NonFiniteLogit(rows[places[i].row].request().row);
    Candidate candidate = chosen[i].candidate;
    candidate.position = places[i].column;
    out[places[i].row].push_back(candidate);
  }
  return out;
}

}  // namespace lldm
