// SPDX-License-Identifier: MIT
#include "lldm/score/reference_cache.hpp"
#include "lldm/storage/sha256.hpp"

namespace lldm {
namespace {

/// Numbers behind one another, every list led by its length: no two plans give the same bytes.
class Canonical {
 public:
  template <class Number>
  void number(Number value) {
    hash_.update(&value, sizeof value);
  }
  template <class List, class Write>
  void list(const List& values, const Write& write) {
    number(static_cast<std::uint64_t>(values.size()));
    for (const auto& value : values) write(value);
  }
  template <class Number>
  void numbers(const std::vector<Number>& values) {
    number(static_cast<std::uint64_t>(values.size()));
    hash_.update(values.data(), values.size() * sizeof(Number));
  }
  [[nodiscard]] PlanKey key() const { return hash_.digest(); }

 private:
  Sha256 hash_ = Sha256().update("lldm plan 1");
};

}  // namespace

PlanKey plan_key(const ScorePlan& plan) {
  Canonical bytes;
  bytes.number(plan.length);
  bytes.numbers(plan.tokens);
  bytes.list(plan.queries, [&](const Query& query) {
    bytes.number(query.copy);
    bytes.number(query.position);
    bytes.number(query.target);
  });
  bytes.number(plan.readout);
  bytes.list(plan.posteriors, [&](const PosteriorReadout& posterior) {
    bytes.number(posterior.other);
    bytes.number(posterior.constant);
    bytes.number(posterior.of_target);
    bytes.number(posterior.of_other);
  });
  bytes.number(plan.attention.kind);
  bytes.number(plan.attention.num_prompt);
  bytes.number(plan.attention.block_size);
  bytes.numbers(plan.path_uniforms);
  if (!plan.path_uniforms.empty()) bytes.numbers(plan.replicate);  // which copies a path joins
  return bytes.key();
}

}  // namespace lldm
