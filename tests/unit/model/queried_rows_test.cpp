// SPDX-License-Identifier: MIT
// The last block computes no more rows than are read: the rows are the same bit by bit, and so are
// the gradients up to the order of sums.
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "lldm/model/determinism.hpp"
#include "lldm/model/lora.hpp"
#include "support/catch.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

// Out of order, and one twice.
at::Tensor some_positions(std::int64_t tokens) {
  return at::tensor({tokens - 1, std::int64_t{2}, tokens / 2, std::int64_t{2}, std::int64_t{0}},
                    at::kLong);
}

std::vector<at::Tensor> slopes_of(Transformer& model, const at::Tensor& rows,
                                  const at::Tensor& targets) {
  return gradients(model, weighted(model.log_probabilities(rows, targets)));
}

void check_close(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b,
                 double tolerance) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double size = std::max(1e-12, b[i].norm().item<double>());
    CHECK(a[i].sub(b[i]).norm().item<double>() <= tolerance * size);
  }
}

}  // namespace

TEST_CASE("hidden_at gives the rows of hidden, and their gradients, in every family", "[model]") {
  for (const auto& family : family_names())
    for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16})
      for (const bool has_patterns : {false, true})
        for (const auto again :
             {Recomputation::none, Recomputation::selective, Recomputation::full}) {
          INFO(family << " " << at::toString(type) << (has_patterns ? " with patterns" : ""));
          const auto model = family_model(family, type);
          model->set_recomputation(again);
          auto batch = random_batch(model->config(), kRagged);
          if (has_patterns) batch.patterns.resize(kRagged.size());
          const auto positions = some_positions(batch.num_tokens());
          const auto targets = batch.tokens.index_select(0, positions);
          const auto whole = model->hidden(batch).index_select(0, positions);
          const auto some = model->hidden_at(batch, positions);
          // float64 packs are not filled up: MKL's rows depend on their number.
          if (type == at::kDouble)
            check_close({some}, {whole}, 1e-14);
          else
            CHECK(at::equal(some, whole));
          check_close(slopes_of(*model, some, targets), slopes_of(*model, whole, targets),
                      type == at::kDouble  ? 1e-12
                      : type == at::kFloat ? 1e-5
                                           : 2e-2);
        }
}

TEST_CASE("hidden_at hides the same numbers from an adapter's updates", "[model]") {
  const auto model = make(small_config());
  model->add_adapter({.rank = 2, .dropout = 0.4}, Draws(5, "adapter"));
  for (const auto& update : model->adapter()) update.b.detach().fill_(0.3);
  model->set_dropout(77);
  const auto batch = random_batch(model->config(), kRagged);
  const auto positions = some_positions(batch.num_tokens());
  const auto targets = batch.tokens.index_select(0, positions);
  const auto whole = model->hidden(batch).index_select(0, positions);
  const auto some = model->hidden_at(batch, positions);
  check_close({some}, {whole}, 1e-14);
  check_close(slopes_of(*model, some, targets), slopes_of(*model, whole, targets), 1e-12);
  model->set_dropout(std::nullopt);
  CHECK_FALSE(at::equal(model->hidden_at(batch, positions), some));
}

TEST_CASE("hidden_at of nothing, and of everything", "[model]") {
  const auto model = make(small_config());
  const auto batch = random_batch(model->config(), kRagged);
  CHECK(model->hidden_at(batch, at::tensor(std::vector<std::int64_t>{}, at::kLong)).size(0) == 0);
  std::vector<std::int64_t> all(static_cast<std::size_t>(batch.num_tokens()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  CHECK(at::equal(model->hidden_at(batch, at::tensor(all, at::kLong)), model->hidden(batch)));
}
