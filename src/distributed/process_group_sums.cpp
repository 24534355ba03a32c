// SPDX-License-Identifier: MIT
// Numbers that the processes add up or send to one another.
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "distributed/process_group_body.hpp"
#include "lldm/distributed/process_group.hpp"
#include "lldm/memory/purpose.hpp"

namespace lldm {

std::string ProcessGroup::why_on_host() const { return body_->why_no_nccl; }

void ProcessGroup::sum(const at::Tensor& values) {
  const c10::NoGradGuard no_grad;
  const PurposeScope purpose(MemoryPurpose::staging);
  body_->require_whole();
  const bool is_wide = values.scalar_type() == at::kFloat || values.scalar_type() == at::kDouble;
  const bool is_on_cpu = values.device().is_cpu();
  const bool has_nccl = !is_on_cpu && body_->has_nccl(*this, values.device());
  const auto reduce = [&](const at::Tensor& part) {
    std::vector<at::Tensor> all{part};
    if (has_nccl)
      body_->wait_on_device((*body_->nccl)->allreduce(all));
    else
      body_->wait(body_->gloo->allreduce(all));
  };
  if (is_wide && (is_on_cpu || has_nccl)) return reduce(values);
  // Of 16 bits: in float32.  Of a device that is summed on the host: there.
  at::Tensor summed, copied;
  const std::int64_t most = std::min(kSlice, values.numel());
  agree_on_room([&] {
    summed = at::empty({most}, values.options()
                                   .dtype(is_wide ? values.scalar_type() : at::kFloat)
                                   .device(has_nccl ? values.device() : at::Device(at::kCPU)));
    if (!is_on_cpu && !has_nccl && !is_wide)
      copied = at::empty({most}, values.options().device(at::kCPU));
  });
  const at::Tensor flat = values.view({-1});
  for (std::int64_t at = 0; at < flat.numel(); at += kSlice) {
    const std::int64_t count = std::min(kSlice, flat.numel() - at);
    const at::Tensor slice = flat.narrow(0, at, count), sums = summed.narrow(0, 0, count);
    // Between devices one number stays as it is: another dtype would be made beside it there.
    at::Tensor moved = copied.defined() ? copied.narrow(0, 0, count) : slice;
    if (copied.defined()) moved.copy_(slice);
    at::Tensor(sums).copy_(moved);
    reduce(sums);
    moved.copy_(sums);
    if (copied.defined()) at::Tensor(slice).copy_(moved);
  }
}

void ProcessGroup::prepare_sums(const at::Device& device) {
  body_->summed = device;
  if (!device.is_cpu()) static_cast<void>(body_->has_nccl(*this, device));
}

bool ProcessGroup::begin_sum(const at::Tensor& values) {
  const c10::NoGradGuard no_grad;
  const PurposeScope purpose(MemoryPurpose::staging);
  body_->require_whole();
  if (values.scalar_type() != at::kFloat && values.scalar_type() != at::kDouble) return false;
  if (!values.device().is_cpu() && !(body_->nccl && body_->nccl->defined())) return false;
  std::vector<at::Tensor> all{values};
  body_->begun.push_back({values.device().is_cpu() ? body_->gloo_of_sums->allreduce(all)
                                                   : (*body_->nccl)->allreduce(all),
                          values.numel(), values.options()});
  ++body_->num_begun;
  return true;
}

void ProcessGroup::wait_sums() {
  body_->require_whole();
  // What has begun is held until it is done, or for good: it writes to its values.
  for (auto& begun = body_->begun; !begun.empty(); begun.pop_front())
    if (begun.front().options.device().is_cpu())
      body_->wait(begun.front().work);
    else
      body_->wait_on_device(begun.front().work);
}

void ProcessGroup::level_sums() {
  using Json = nlohmann::json;
  Json own = {{"begun", body_->num_begun}, {"open", Json::array()}};
  for (const Body::BegunSum& sum : body_->begun)
    own["open"].push_back({sum.numel, sum.options.dtype() == at::kDouble});
  Json most = own;  // of whom has begun most
  for (const std::string& text : gather(own.dump()))
    if (Json other = Json::parse(text); other.at("begun") > most.at("begun"))
      most = std::move(other);
  const Json& open = most.at("open");
  const auto missing =
      static_cast<std::size_t>(most.at("begun").get<std::int64_t>() - body_->num_begun);
  if (missing == 0) return;
  try {
    begin_unwanted({open.end() - static_cast<std::ptrdiff_t>(missing), open.end()});
  } catch (const std::exception& error) {  // then the others must not wait for it
    body_->lose(message(name_of(rank()), ": cannot end the sums of a failed step: ", error.what()));
  }
}

void ProcessGroup::begin_unwanted(const std::vector<nlohmann::json>& sums) {
  constexpr std::int64_t kDouble = sizeof(double), kFloat = sizeof(float);
  const PurposeScope purpose(MemoryPurpose::staging);
  std::int64_t bytes_of_most = 0;
  for (const nlohmann::json& sum : sums)
    bytes_of_most = std::max(
        bytes_of_most, sum.at(0).get<std::int64_t>() * (sum.at(1).get<bool>() ? kDouble : kFloat));
  const std::int64_t most = (bytes_of_most + kDouble - 1) / kDouble;
  // One place for all: nobody reads what comes of them.  Of no budget on the host, since this is
  // how a failure is told.
  const auto numbers = at::TensorOptions(at::kDouble).device(body_->summed);
  const auto bytes = std::make_shared<std::vector<double>>(
      body_->summed.is_cpu() ? static_cast<std::size_t>(most) : 0);
  const at::Tensor place = body_->summed.is_cpu()
                               ? at::from_blob(
                                     bytes->data(), {most}, [bytes](void*) {}, numbers)
                               : at::empty({most}, numbers);
  for (const nlohmann::json& sum : sums) {
    const auto count = sum.at(0).get<std::int64_t>();
    const bool is_double = sum.at(1).get<bool>();
    static_cast<void>(begin_sum((is_double ? place : place.view(at::kFloat)).narrow(0, 0, count)));
  }
}

void ProcessGroup::broadcast(const at::Tensor& values, int from) {
  const c10::NoGradGuard no_grad;
  const PurposeScope purpose(MemoryPurpose::staging);
  body_->require_whole();
  c10d::BroadcastOptions options;
  options.rootRank = from;
  const auto send = [&](const at::Tensor& part) {
    std::vector<at::Tensor> all{part};
    body_->wait(body_->gloo->broadcast(all, options));
  };
  if (values.device().is_cpu()) return send(values);
  at::Tensor copied;
  agree_on_room([&] {
    copied = at::empty({std::min(kSlice, values.numel())}, values.options().device(at::kCPU));
  });
  const at::Tensor flat = values.view({-1});
  for (std::int64_t at = 0; at < flat.numel(); at += kSlice) {
    const std::int64_t count = std::min(kSlice, flat.numel() - at);
    at::Tensor slice = flat.narrow(0, at, count), part = copied.narrow(0, 0, count);
    if (from == body_->rank) part.copy_(slice);
    send(part);
    if (from != body_->rank) slice.copy_(part);
  }
}

}  // namespace lldm
