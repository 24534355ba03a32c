// SPDX-License-Identifier: MIT
#include "model/embedding.hpp"

#include <ATen/ops/_unique2.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/embedding_dense_backward.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lldm/memory/purpose.hpp"
#include "memory/upload.hpp"
#include "model/direct_gradients.hpp"
#include "model/first_order.hpp"

namespace lldm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class EmbeddingFunction : public torch::autograd::Function<EmbeddingFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& table,
                            const at::Tensor& tokens, at::ScalarType dtype) {
    // Here, where the ids lie on the host: a device would be waited for.
    const auto [ids, places, counts] = at::_unique2(tokens, /*sorted=*/true,
                                                    /*return_inverse=*/true);
    context->save_for_backward(
        {table, memory::uploaded(ids, table.device()), memory::uploaded(places, table.device())});
    context->saved_data["is_direct"] = DirectGradients::are_on();
    return at::embedding(table, memory::uploaded(tokens, table.device())).to(dtype);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuse_second_derivative();
    const auto saved = context->get_saved_variables();
    const auto &table = saved[0], &ids = saved[1], &places = saved[2];
    const auto sums = at::embedding_dense_backward(gradients[0], places, ids.size(0),
                                                   /*padding_idx=*/-1, false);
    const PurposeScope purpose(MemoryPurpose::gradients);
    auto target = DirectGradients::target(table, context->saved_data["is_direct"].toBool());
    const bool is_direct = target.defined();
    if (!is_direct) target = at::zeros_like(table);
    target.index_copy_(0, ids, target.index_select(0, ids).add(sums).to(target.scalar_type()));
    return {is_direct ? at::Tensor() : target, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor embed_tokens(const at::Tensor& table, const at::Tensor& tokens, at::ScalarType dtype) {
  if (!c10::GradMode::is_enabled() || !table.requires_grad())
    return at::embedding(table, memory::uploaded(tokens, table.device())).to(dtype);
  return EmbeddingFunction::apply(table, tokens, dtype);
}

}  // namespace lldm
