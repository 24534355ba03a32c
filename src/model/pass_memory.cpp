// SPDX-License-Identifier: MIT
#include "model/pass_memory.hpp"

#include <algorithm>

#include "model/pass_sizes.hpp"

namespace lldm {
namespace {

/// The most that a block holds in its forward beside what those before it keep: behind attention,
/// at the end, and (of a last block with few rows) before.
std::int64_t forward_of_block(const PassSizes& s, bool is_last) {
  const AttentionSizes& attention = s.attention();
  const std::int64_t d = s.d(), f = s.f(), q = s.q(), n = s.count(is_last);
  const auto some = [&](std::int64_t width) { return s.number() * n * width; };
  const std::int64_t update = some(s.low(1)) + s.dropped(f, is_last);
  const std::int64_t end = attention.narrow_mask() + s.whole_block(is_last) + some(f + d) +
                           std::max(update, s.decoded_product(n, f, d) + s.merged(1, n));
  const std::int64_t masked =
      attention.is_masked() ? s.rows(d + 1 + s.qkv()) + s.heads_norm() + attention.masked_forward()
                            : 0;
  if (!is_last || !s.gives_queried()) return std::max(end, masked);
  // Rows and attention's output of the given rows are copies.
  const std::int64_t attended = attention.narrow_mask() + s.rows(d + s.qkv() + q + 1) +
                                attention.log_sums() + some(q + 2 * d) + s.dropped(q, is_last);
  return std::max({end, attended, masked});
}

/// The moments of Block::mlp_backward and attention_backward, beside the saved tensors and the
/// gradient that comes in.
std::vector<PlanMoment> block_backward(const PassModel& model, const PassSizes& s, bool is_last) {
  // Beside an adapter nobody asks for the gradient of the first block's rows.
  const bool gives_rows = model.trains_weights || model.shape.layers > (is_last ? 1 : 2);
  const std::int64_t d = s.d(), f = s.f(), q = s.q(), qkv = s.qkv(), r = s.rank(),
                     up = s.low(1);  // dy B, of each update by itself
  const std::int64_t n = s.count(is_last), all = s.count(false);
  const auto some = [&](std::int64_t width) { return s.number() * n * width; };
  const auto dropped = [&](std::int64_t in) { return s.dropped(in, is_last); };
  const std::int64_t adapters = s.adapter_gradients();
  const auto moment = [&](std::int64_t activations, std::int64_t gradients) {
    return PlanMoment{.what = "backward of a block",
                      .activations = activations,
                      .gradients = gradients + adapters,
                      .workspace = model.trains_weights && gradients > 0 ? 0 : s.decoded()};
  };
  // Operations make a tensor each.
  const bool is_more = model.is_by_operations;
  const std::int64_t swiglu = is_more ? some(3 * f) : 0, norm = is_more ? some(3 * d) : 0,
                     narrow_norm = is_more ? s.rows(3 * d) : 0;
  const std::int64_t attend = s.attention().device_backward();
  // Queries and keys five times while their norms' gradient is made (heads_norm_gradient).
  const std::int64_t heads = model.shape.has_heads_norm ? s.rows(5 * (q + (qkv - q) / 2)) : 0;
  // Gradients of the given rows are laid among zeros for all.
  const std::int64_t spread = is_last && s.gives_queried() ? s.rows(q) : 0;
  const std::int64_t middle = some(d);
  // Gradients of weights are products of columns, which oneDNN has copied first.
  const auto columns = [&](std::int64_t width, std::int64_t outer) {
    return s.takes_onednn(n, outer) ? s.weight(n * width) : 0;
  };
  const bool rounds = s.is_wide() || s.is_widened();
  const auto gradient = [&](std::int64_t width, std::int64_t outer) {
    if (!model.trains_weights) return columns(width, outer);
    const std::int64_t own = s.weight(width * outer), added = own + s.mixed(own);
    return std::max(added,
                    rounds ? s.wide_gradient(n, width, outer, false) : own + columns(width, outer));
  };
  const std::int64_t of_projections = s.weight(qkv * d) + s.mixed(s.weight(qkv * d));
  const std::int64_t projections =
      model.trains_weights && rounds ? std::max(of_projections, s.wide_gradient(all, qkv, d, true))
                                     : of_projections;
  // The slopes of attention lie feature-major.
  const std::int64_t slopes_again = model.is_on_cpu && !is_more ? s.rows(qkv) : 0;
  const std::int64_t masked =
      s.attention().is_masked()
          ? s.attention().masked_backward() + (model.shape.has_heads_norm ? s.rows(qkv) : 0)
          : 0;
  const std::int64_t given = is_last && s.gives_queried() ? some(q) : 0;
  // Of attention's output: by oneDNN of the transposed weight; of decoded ones row-major first.
  const bool is_turned = model.is_on_cpu && !is_more && !(is_last && s.gives_queried());
  const std::int64_t decoded_out = s.decoded_gradient(n, d, d, q) + s.merged(1, n);
  const std::int64_t out_gradient =
      decoded_out > 0 ? decoded_out + (is_turned ? s.rows(q) : 0)
                      : (is_turned && s.takes_onednn(q, d) ? s.number() * d * q : 0);
  const std::int64_t scaled = s.scaled();
  // What products of a GPU read of gradients outlives them, and rows are read again by updates.
  const auto read = [&](std::int64_t width) { return s.read_on_device(n, width); };
  const std::int64_t kept_out = read(d), kept_in = kept_out + read(2 * f),
                     kept_projections = s.read_on_device(all, qkv);
  std::vector<PlanMoment> moments = {
      moment(some(f) + std::max(s.decoded_gradient(n, d, d, f) + s.merged(1, n),
                                some(up + r) + dropped(f)),
             0),
      moment(some(4 * f + up) + swiglu + kept_out, 0),
      moment(some(3 * f + up + s.low(1) + scaled) + dropped(f) + kept_out + read(f),
             gradient(d, f)),
      // The base's gradient first, then the updates'.
      moment(some(3 * f + d + up) + kept_out +
                 std::max(s.decoded_gradient(n, 2 * f, f, d) + s.merged(2, n),
                          some(2 * up + r) + dropped(d)),
             0),
      moment(some(3 * f + 3 * d + 3 * up) + norm + kept_in, 0),
      moment(some(3 * f + 2 * d + s.lows(2) + 3 * up + scaled) + dropped(d) + kept_in + read(d),
             gradient(2 * f, d)),
      moment(middle + given + some(up + s.low(1) + scaled) + dropped(q) + kept_out + read(q),
             gradient(d, q)),
      moment(middle + (spread > 0 ? some(q) : s.rows(q)) +
                 std::max(out_gradient, some(up + r) + dropped(q)),
             0),
      moment(middle + s.rows(q) + some(up) + spread + kept_out, 0),
      moment(
          middle + s.rows(q) + some(up) + kept_out + std::max(s.rows(qkv) + heads + attend, masked),
          0),
      moment(middle + some(up) + kept_out + kept_projections + s.read_on_device(all, d) +
                 s.rows(qkv + (gives_rows ? 2 : 1) * d + s.lows(3) + 3 * up + scaled) +
                 s.dropped(d, false),
             projections),
  };
  if (!gives_rows) return moments;
  moments.push_back(moment(middle + some(up) + kept_out + s.rows(qkv + d) + slopes_again +
                               std::max(s.decoded_gradient(all, qkv, q, d) + s.merged(3, all),
                                        s.rows(3 * up + r) + s.dropped(d, false)),
                           0));
  moments.push_back(moment(middle + some(up) + kept_out + kept_projections +
                               s.rows(qkv + 3 * d + 3 * up) + (spread > 0 ? s.rows(d) : 0) +
                               narrow_norm,
                           0));
  return moments;
}

/// `moment` beside what other graphs hold.
PlanMoment beside(PlanMoment moment, std::int64_t activations, std::int64_t logits) {
  moment.activations += activations;
  moment.logits += logits;
  return moment;
}

}  // namespace

std::vector<PlanMoment> training_moments(const PassModel& model, std::span<const Pack> packs) {
  std::vector<PlanMoment> moments;
  const std::int64_t layers = model.shape.layers;
  std::int64_t graphs = 0, heads = 0, hosts = 0;  // of the packs before
  for (std::size_t i = 0; i < packs.size(); ++i) {
    const PassSizes s(model, packs[i]);
    const std::int64_t kept = s.kept_blocks();
    const auto add = [&](PlanMoment moment) {
      moment.staging += hosts;
      moments.push_back(beside(moment, graphs, heads));
    };
    if (s.attention().has_masks()) add({.what = "masks", .activations = s.making_masks()});
    for (const bool is_last : {false, true})
      if (is_last || layers > 1)
        add({.what = "forward",
             .activations = s.kept_before() - (is_last ? 0 : s.kept_block(false)) +
                            forward_of_block(s, is_last) + s.beside() +
                            s.under_way(1, is_last ? layers - 1 : layers - 2),
             .staging = s.on_host(is_last ? layers : layers - 1),
             .workspace = s.decoded()});
    // The final norm's rows live until the head is done with those that are queried.
    add({.what = "head",
         .activations =
             kept + s.kept_around() + s.given(s.d()) + s.queried_rows() + s.under_way(2, layers),
         .logits = s.head_forward() - s.queried_rows(),
         .staging = s.on_host(layers)});
    add({.what = "backward of the head",
         .activations = kept + s.kept_around() + s.queried_rows() + s.under_way(2, layers),
         .logits = s.kept_head() - s.queried_rows() + s.head_backward(),
         .staging = s.on_host(layers)});
    add({.what = "backward of the last norm",
         .activations = kept + s.kept_around() + s.given((model.is_by_operations ? 6 : 3) * s.d()) +
                        s.under_way(2, layers),
         .staging = s.on_host(layers)});
    for (const bool is_last : {true, false}) {
      if (!is_last && layers < 2) continue;
      const std::int64_t before = s.kept_before() - (is_last ? 0 : s.kept_block(false));
      for (PlanMoment moment : block_backward(model, s, is_last)) {
        moment.activations += before + s.whole_block(is_last) +
                              (is_last ? s.given(s.d()) : s.rows(s.d())) + s.beside() +
                              s.under_way(1, is_last ? layers - 1 : layers - 2);
        moment.staging += s.on_host(is_last ? layers : layers - 1);
        add(moment);
      }
    }
    add({.what = "backward of the embedding",
         .activations = s.rows((model.trains_weights ? 2 : 1) * s.d()),
         .gradients = model.trains_weights ? s.rows(2 * s.d()) : 0});
    graphs += kept + s.kept_around() + s.queried_rows();
    heads += s.kept_head() - s.queried_rows();
    hosts += s.on_host(layers);
  }
  return moments;
}

std::vector<PlanMoment> scoring_moments(const PassModel& model, const Pack& pack) {
  const PassSizes s(model, pack);
  std::int64_t most = forward_of_block(s, true);
  if (model.shape.layers > 1) most = std::max(most, forward_of_block(s, false));
  if (s.attention().has_masks()) most = std::max(most, s.making_masks() - s.beside());
  return {{.what = "scoring", .activations = most + s.beside(), .workspace = s.decoded()},
          {.what = "scoring",
           .activations = s.given(s.d()) + s.queried_rows(),
           .logits = s.scored_head() - s.queried_rows()}};
}

bool cuts_trained_head(const PassModel& model) {
  return model.trains_weights && PassSizes(model, {}).is_head_plain();
}

std::vector<PlanMoment> walking_moments(const PassModel& model, const Pack& pack) {
  std::vector<PlanMoment> moments = scoring_moments(model, pack);
  const PassSizes s(model, pack);
  for (PlanMoment& moment : moments) moment.what = "walking a path";
  moments.back().logits = s.walked_head() - s.queried_rows();
  return moments;
}

}  // namespace lldm
