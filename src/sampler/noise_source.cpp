// SPDX-License-Identifier: MIT
#include "lldm/sampler/noise_source.hpp"

#include <algorithm>
#include <utility>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

// One number for (step, column); column 0 of the low half is the order's, so columns count from 1.
std::uint64_t evaluation(std::int64_t step, std::int64_t column) {
  return (static_cast<std::uint64_t>(step) << 32) | static_cast<std::uint32_t>(column);
}

const at::Tensor& at_step(const std::vector<at::Tensor>& record, const NoiseKey& key,
                          std::string_view kind) {
  if (key.step < 0 || key.step >= static_cast<std::int64_t>(record.size()))
    throw ShapeError(message("RecordedNoise: no ", kind, " recorded for step ", key.step,
                             "; the record holds ", record.size(), " steps"));
  const at::Tensor& tensor = record[static_cast<std::size_t>(key.step)];
  if (static_cast<std::int64_t>(key.row) >= tensor.size(0))
    throw ShapeError(message("RecordedNoise: no row ", key.row, " in the ", kind, " of step ",
                             key.step, ", which has ", tensor.size(0)));
  return tensor;
}

void require_column(const at::Tensor& tensor, std::int64_t column) {
  if (column < 0 || column >= tensor.size(1))
    throw ShapeError(
        message("RecordedNoise: no column ", column, " in a record of ", tensor.size(1)));
}

void require_form(const std::vector<at::Tensor>& record, std::int64_t rank, std::string_view kind) {
  for (const at::Tensor& tensor : record)
    if (tensor.dim() != rank || tensor.scalar_type() != c10::kDouble || !tensor.is_contiguous() ||
        !tensor.device().is_cpu())
      throw ShapeError(
          message("RecordedNoise: ", kind, " must be contiguous float64 on the CPU of rank ", rank,
                  ", got rank ", tensor.dim(), " ", c10::toString(tensor.scalar_type())));
}

}  // namespace

std::optional<Stream> NoiseSource::token_stream(const NoiseKey& /*key*/,
                                                std::int64_t /*column*/) const {
  return std::nullopt;
}

std::optional<std::vector<double>> NoiseSource::recorded_confidences(
    const NoiseKey& /*key*/, std::span<const std::int64_t> /*columns*/) const {
  return std::nullopt;
}

void PhiloxNoise::token_uniforms(const NoiseKey& key, std::int64_t column,
                                 std::span<double> out) const {
  Stream stream = stream_of(key, column);
  for (double& value : out) value = stream.uniform_open();
}

std::optional<Stream> PhiloxNoise::token_stream(const NoiseKey& key, std::int64_t column) const {
  return stream_of(key, column);
}

Stream PhiloxNoise::stream_of(const NoiseKey& key, std::int64_t column) const {
  return draws_.stream(Purpose::sampling, 0, key.row, key.answer, evaluation(key.step, column + 1));
}

Stream PhiloxNoise::order_stream(const NoiseKey& key) const {
  return draws_.stream(Purpose::sampling, 0, key.row, key.answer, evaluation(key.step, 0));
}

RecordedNoise::RecordedNoise(std::vector<at::Tensor> token, std::vector<at::Tensor> confidences)
    : token_(std::move(token)), confidences_(std::move(confidences)) {
  require_form(token_, 3, "token uniforms");
  require_form(confidences_, 2, "confidences");
}

void RecordedNoise::token_uniforms(const NoiseKey& key, std::int64_t column,
                                   std::span<double> out) const {
  const at::Tensor& tensor = at_step(token_, key, "token uniforms");
  require_column(tensor, column);
  const std::int64_t columns = tensor.size(1), width = tensor.size(2);
  if (width != static_cast<std::int64_t>(out.size()))
    throw ShapeError(message("RecordedNoise: the record has ", width,
                             " uniforms a column, the model ", out.size(), " logits"));
  const double* from = tensor.const_data_ptr<double>() +
                       (static_cast<std::int64_t>(key.row) * columns + column) * width;
  std::copy_n(from, width, out.begin());
}

Stream RecordedNoise::order_stream(const NoiseKey& key) const {
  return {key.row, static_cast<std::uint64_t>(key.step)};
}

std::optional<std::vector<double>> RecordedNoise::recorded_confidences(
    const NoiseKey& key, std::span<const std::int64_t> columns) const {
  if (confidences_.empty()) return std::nullopt;
  const at::Tensor& tensor = at_step(confidences_, key, "confidences");
  std::vector<double> out;
  for (const std::int64_t column : columns) {
    require_column(tensor, column);
    out.push_back(
        tensor.const_data_ptr<double>()[static_cast<std::int64_t>(key.row) * tensor.size(1) +
                                        column]);
  }
  return out;
}

}  // namespace lldm
