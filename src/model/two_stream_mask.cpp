// SPDX-License-Identifier: MIT
#include "model/two_stream_mask.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/where.h>

#include "lldm/errors.hpp"

namespace lldm {

std::string two_stream_problem(const AttentionPattern& pattern, std::int64_t length) {
  if (length % 2 != 0)
    return message("a two-stream sequence is two halves of equal length, got ", length, " tokens");
  if (pattern.block_size < 1)
    return message("a two-stream pattern has blocks of at least 1 token, got ", pattern.block_size);
  if (pattern.num_prompt < 0 || pattern.num_prompt > length / 2)
    return message("a two-stream pattern has ", pattern.num_prompt, " prompt tokens in halves of ",
                   length / 2);
  return "";
}

at::Tensor two_stream_mask(const AttentionPattern& pattern, std::int64_t length) {
  if (const std::string problem = two_stream_problem(pattern, length); !problem.empty())
    throw ShapeError(problem);
  const std::int64_t half = length / 2;
  // The prompt is block -1: before every block of the response.
  const auto block_of = [&](std::int64_t i) {
    return i < pattern.num_prompt ? -1 : (i - pattern.num_prompt) / pattern.block_size;
  };
  at::Tensor mask = at::empty({length, length}, at::kBool);
  bool* sees = mask.mutable_data_ptr<bool>();
  for (std::int64_t i = 0; i < length; ++i)
    for (std::int64_t j = 0; j < length; ++j) {
      const bool from_clean = i >= half, to_clean = j >= half;
      const std::int64_t from = block_of(i % half), to = block_of(j % half);
      sees[i * length + j] =
          to_clean ? (from_clean ? to <= from : to < from) : (!from_clean && to == from);
    }
  return mask;
}

at::Tensor two_stream_mask_on(at::Device device, const AttentionPattern& pattern,
                              std::int64_t length) {
  if (const std::string problem = two_stream_problem(pattern, length); !problem.empty())
    throw ShapeError(problem);
  const std::int64_t half = length / 2;
  const at::Tensor place = at::arange(length, at::TensorOptions(at::kLong).device(device));
  const at::Tensor is_clean = place.ge(half), rest = place.remainder(half).sub(pattern.num_prompt),
                   block = at::where(rest.lt(0), at::full_like(rest, -1),
                                     rest.clamp_min(0).div(pattern.block_size, "floor"));
  const at::Tensor from = block.unsqueeze(1), to = block.unsqueeze(0);
  const at::Tensor from_clean = is_clean.unsqueeze(1), to_clean = is_clean.unsqueeze(0);
  return at::where(to_clean, at::where(from_clean, to.le(from), to.lt(from)),
                   from_clean.logical_not().logical_and(to.eq(from)));
}

}  // namespace lldm
