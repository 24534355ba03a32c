// SPDX-License-Identifier: MIT
#include "train/gradient_buckets.hpp"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "track/read_backs.hpp"
#include "train/flat_gradients.hpp"

namespace lldm {
namespace {

using torch::autograd::variable_list;

/// Behind the accumulator of a gradient.
class Told final : public torch::autograd::FunctionPostHook {
 public:
  explicit Told(std::function<void()> tell) : tell_(std::move(tell)) {}
  variable_list operator()(const variable_list& outputs, const variable_list& /*inputs*/) override {
    tell_();
    return outputs;
  }

 private:
  std::function<void()> tell_;
};

bool is_one_of(const std::vector<NamedParameter>& parameters, const NamedParameter& wanted) {
  return std::ranges::any_of(parameters, [&](const NamedParameter& parameter) {
    return parameter.value.is_same(wanted.value);
  });
}

}  // namespace

GradientBuckets::GradientBuckets(const std::vector<NamedParameter>& parameters,
                                 std::unique_ptr<GradientSums> sums, std::int64_t bucket_bytes)
    : sums_(std::move(sums)) {
  std::int64_t bytes = bucket_bytes;
  for (std::size_t i = parameters.size(); i-- > 0;) {
    if (!parameters[i].value.requires_grad()) continue;
    if (bytes >= bucket_bytes) {
      buckets_.emplace_back();
      bytes = 0;
    }
    buckets_.back().parameters.push_back(parameters[i]);
    bytes += static_cast<std::int64_t>(parameters[i].value.nbytes());
  }
  for (Bucket& bucket : buckets_) {
    std::ranges::reverse(bucket.parameters);
    bucket.missing = bucket.parameters.size();
  }
  followed_ = buckets_.size();
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    if (is_one_of(buckets_[b].parameters, followed_parameter(parameters))) followed_ = b;
  const PurposeScope scope(MemoryPurpose::gradients);
  static_cast<void>(flat_gradients(parameters));
}

GradientBuckets::~GradientBuckets() { stop_watching(); }

void GradientBuckets::watch(std::function<void()> before_followed) {
  before_followed_ = std::move(before_followed);
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    for (const NamedParameter& parameter : buckets_[b].parameters) {
      auto accumulator = torch::autograd::impl::grad_accumulator(parameter.value);
      const auto key =
          accumulator->add_post_hook(std::make_unique<Told>([this, b] { became_final(b); }));
      hooks_.emplace_back(std::move(accumulator), key);
    }
}

void GradientBuckets::stop_watching() {
  for (const auto& [accumulator, key] : hooks_) accumulator->del_post_hook(key);
  hooks_.clear();
  before_followed_ = {};
}

void GradientBuckets::became_final(std::size_t bucket) {
  if (buckets_[bucket].missing == 0)
    throw Error(message("the gradient of \"", buckets_[bucket].parameters.front().name,
                        "\" or of a neighbour grew after its sum over the processes had begun\n  "
                        "one backward pass is watched, the last"));
  --buckets_[bucket].missing;
  while (next_ < buckets_.size() && buckets_[next_].missing == 0) {
    if (next_ == followed_ && before_followed_) before_followed_();
    begin_next();
  }
}

void GradientBuckets::begin_next() {
  const c10::NoGradGuard no_grad;
  const PurposeScope scope(MemoryPurpose::gradients);
  const std::vector<at::Tensor> runs = flat_gradients(buckets_[next_].parameters);
  for (; next_run_ < runs.size(); ++next_run_) {
    checks_.push_back(finite_figure(runs[next_run_]));
    if (!sums_->begin(runs[next_run_])) late_.push_back(runs[next_run_]);
  }
  next_run_ = 0;
  ++next_;
}

void GradientBuckets::begin_rest() {
  stop_watching();
  while (next_ < buckets_.size()) begin_next();
}

void GradientBuckets::finish() {
  begin_rest();
  sums_->wait();
  for (const at::Tensor& run : late_) sums_->sum(run);
  late_.clear();
}

void GradientBuckets::abandon() noexcept {
  try {
    sums_->wait();
  } catch (const std::exception&) {  // who has failed says more
  }
}

bool GradientBuckets::is_finite() const {
  if (checks_.empty()) return true;
  const std::vector<double> values = read_back(checks_);
  return std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value); });
}

}  // namespace lldm
