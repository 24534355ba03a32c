// SPDX-License-Identifier: MIT
// What a study measures biases from.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stage/study.hpp"

namespace lldm {

/// The estimator that gives `elbo` itself: by enumeration, or with so many stratified draws.
ComponentRef<Role::score_estimator> elbo_truth(std::int64_t draws);

/// The estimator that gives the target of `estimator` itself; nothing where neither enumeration nor
/// a finer estimate of it is known (a recorded path; block_elbo, left_to_right and eubo beyond
/// enumeration).
std::optional<ComponentRef<Role::score_estimator>> own_truth(
    const ComponentRef<Role::score_estimator>& estimator, const Target& target, std::int64_t draws);

/// True scores of every text, [B * 2] each, chosen before rejected.
struct Truth {
  std::vector<double> policy, reference;  // nats
  double policy_error = 0;  // standard error of the mean of `policy`; 0 where it was enumerated
};

/// True scores by what they are scores of; every mask is evaluated once for all exact ones.
class Truths {
 public:
  explicit Truths(const Study& study) : study_(study) {}

  const Truth& of(const ComponentRef<Role::score_estimator>& ref);

 private:
  void require_finite(const ComponentRef<Role::score_estimator>& ref, const ScoreBatch& batch,
                      const ScoreSet& set) const;
  [[nodiscard]] ScoreBatch plans_of(const ComponentRef<Role::score_estimator>& ref) const;
  void enumerate();
  [[nodiscard]] std::vector<double> sums(const std::vector<ScorePlan>& plans,
                                         const std::vector<double>& readouts) const;

  const Study& study_;
  std::map<std::string, Truth> known_;
  std::vector<ScorePlan> all_;              // of `elbo`: every mask of every text
  std::vector<double> policy_, reference_;  // their readouts
};

/// The values of a small float64 tensor.
std::vector<double> flat(const at::Tensor& values);

}  // namespace lldm
