// SPDX-License-Identifier: MIT
// Gradients are summed over the processes while others are still being computed.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "lldm/concepts/packed_tokens.hpp"
#include "train/gradient_sums.hpp"

namespace torch::autograd {
struct Node;
}

namespace lldm {

/// Buckets of parameters whose gradients are summed at once, the last ones first, as the backward
/// pass reaches them.  Every process begins all of them in this order, whatever rows it has.
///
/// While a backward pass is watched, the sum of a bucket begins when autograd has accumulated all
/// of its gradients and the buckets before it have begun; the rest begins in `begin_rest`.
/// Gradients that a node adds by itself (DirectGradients) count too: their accumulators run behind
/// that node, with nothing to add.
class GradientBuckets {
 public:
  static constexpr std::int64_t kBucketBytes = std::int64_t{8} << 20;

  /// Gradients are defined from here on, so that their sums can begin when memory is short.
  GradientBuckets(const std::vector<NamedParameter>& parameters, std::unique_ptr<GradientSums> sums,
                  std::int64_t bucket_bytes = kBucketBytes);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  /// Before the one backward pass behind which nothing is added to gradients.  `before_followed`
  /// (may be empty) is called before, in this pass, the gradient of the followed parameter changes.
  void watch(std::function<void()> before_followed);
  /// Nothing is added to gradients any more.
  void begin_rest();
  /// Gradients become the sums.
  void finish();
  /// One of the processes has failed, and all know it: waits for what began, which nobody wants.
  void abandon() noexcept;
  /// Whether all of this process's own gradients are finite.  Behind `begin_rest`.
  [[nodiscard]] bool is_finite() const;

 private:
  struct Bucket {
    std::vector<NamedParameter> parameters;  // in the model's order
    std::size_t missing = 0;                 // gradients that are not final
  };
  void became_final(std::size_t bucket);
  void begin_next();
  void stop_watching();

  std::vector<Bucket> buckets_;
  std::unique_ptr<GradientSums> sums_;
  std::size_t next_ = 0, next_run_ = 0;  // the bucket that begins next, and what of its memory
  std::size_t followed_ = 0;             // the bucket of the followed parameter
  std::function<void()> before_followed_ = {};
  std::vector<std::pair<std::shared_ptr<torch::autograd::Node>, std::uintptr_t>> hooks_;
  std::vector<at::Tensor> late_;    // what could not begin
  std::vector<at::Tensor> checks_;  // sums that are finite where all numbers are
};

}  // namespace lldm
