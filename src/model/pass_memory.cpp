// SPDX-License-Identifier: MIT
#include "model/pass_memory.hpp"

#include <algorithm>

#include "model/pass_sizes.hpp"

namespace lldm {
namespace {

/// What a block holds in its forward beside what those before it keep: behind attention, at the
/// end, and (of a last block with few rows) before.
std::vector<PlanMoment> forward_of_block(const PassSizes& s, bool is_last) {
  const AttentionSizes& attention = s.attention();
  const std::int64_t d = s.d(), f = s.f(), q = s.q(), n = s.count(is_last);
  const AdapterShape& adapter = s.adapter();
  const auto some = [&](std::int64_t width) { return s.number() * n * width; };
  std::vector<PlanMoment> moments;
  const auto add = [&](std::int64_t activations, std::int64_t workspace) {
    moments.push_back(
        {.what = "forward", .activations = activations, .workspace = s.decoded() + workspace});
  };
  const auto add_part = [&](std::int64_t activations) {  // no product: no matrix is decoded
    moments.push_back({.what = "forward", .activations = activations});
  };
  const std::int64_t end = attention.narrow_mask() + s.whole_block(is_last) + some(f + d);
  add_part(end + some(s.lows(adapter.ff_out)) + s.dropped(adapter.ff_out, f, is_last));
  add(end + s.adapted_product(adapter.ff_out, n, f, d), s.widened(n, f, d));
  // Gate and factor, where tiles have no place yet.
  add(attention.narrow_mask() + s.whole_block(is_last) + some(d) +
          s.adapted_product(adapter.gate_up, n, d, f),
      s.widened(n, d, f));
  if (s.is_wide(d, s.count(false)))  // the projections, feature-major
    moments.push_back({.what = "forward",
                       .activations = s.rows(d + 1 + s.qkv()) + s.rounded_rows() +
                                      s.merged(adapter.qkv, s.count(false)),
                       .workspace = s.read_projections()});
  // Updates of the projections, then of gate and factor, and what they drop of their inputs.
  add_part(s.rows(2 * d + 1 + s.qkv() + s.lows(adapter.qkv)) + s.dropped(adapter.qkv, d, false));
  add_part(attention.narrow_mask() + s.whole_block(is_last) + some(d + s.lows(adapter.gate_up)) +
           s.dropped(adapter.gate_up, d, is_last));
  // Attention, beside what it reads: projections again, where heads have norms.
  add_part(s.rows(d + 1 + s.qkv()) + s.heads_norm() +
           (attention.is_masked() ? attention.masked_forward() : s.rows(q) + attention.log_sums()));
  // Rows and attention's output of the given rows are copies.
  if (is_last && s.gives_queried())
    add_part(attention.narrow_mask() + s.rows(d + s.qkv() + q + 1) + attention.log_sums() +
             some(q + 2 * d) + s.dropped(adapter.attn_out, q, is_last));
  return moments;
}

/// The moments of Block::mlp_backward and attention_backward, beside the saved tensors and the
/// gradient that comes in.
std::vector<PlanMoment> block_backward(const PassModel& model, const PassSizes& s, bool is_last) {
  // Beside an adapter nobody asks for the gradient of the first block's rows.
  const bool gives_rows = model.trains_weights || s.graphed() > (is_last ? 1 : 2);
  const std::int64_t d = s.d(), f = s.f(), q = s.q(), qkv = s.qkv();
  const AdapterShape& adapter = s.adapter();
  const std::int64_t n = s.count(is_last), all = s.count(false);
  const auto some = [&](std::int64_t width) { return s.number() * n * width; };
  const auto dropped = [&](const ProductUpdates& of, std::int64_t in) {
    return s.dropped(of, in, is_last);
  };
  // x A^T, what gradients of updates read of it and of dy B, and their inputs where they drop some.
  const auto own = [&](const ProductUpdates& of) { return s.lows(of) + s.scaled(of); };
  std::vector<PlanMoment> moments;
  const auto add = [&](std::int64_t activations, std::int64_t workspace = 0) {
    moments.push_back({.what = "backward of a block",
                       .activations = activations,
                       .workspace = s.decoded() + workspace});
  };
  const auto add_part = [&](std::int64_t activations) {  // no product: no matrix is decoded
    moments.push_back({.what = "backward of a block", .activations = activations});
  };
  const auto add_gradients = [&](const ProductUpdates& of, std::int64_t activations,
                                 std::int64_t count, std::int64_t out, std::int64_t part,
                                 std::int64_t in, bool is_turned) {
    if (!model.trains_weights) return add_part(activations + s.update_gradient(of));
    for (const auto& own : s.weight_gradient(count, out, part, in, is_turned))
      moments.push_back({.what = "backward of a block",
                         .activations = activations,
                         .gradients = own.gradients,
                         .workspace = own.workspace});
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
  // The slopes of attention lie feature-major.
  const std::int64_t slopes_again = model.is_on_cpu && !is_more ? s.rows(qkv) : 0;
  const std::int64_t masked =
      s.attention().is_masked()
          ? s.attention().masked_backward() + (model.shape.has_heads_norm ? s.rows(qkv) : 0)
          : 0;
  const std::int64_t given = is_last && s.gives_queried() ? some(q) : 0;
  // Of attention's output: by oneDNN of the transposed weight; of decoded ones row-major first.
  const bool is_turned = model.is_on_cpu && !is_more && !(is_last && s.gives_queried());
  const std::int64_t decoded_out = s.adapted_gradient(adapter.attn_out, n, d, d, q);
  const std::int64_t out_gradient =
      decoded_out > 0 ? decoded_out + (is_turned ? s.rows(q) : 0)
                      : (is_turned && s.takes_onednn(q, d) ? s.number() * d * q : 0);
  // What products of a GPU read of gradients outlives them, and rows are read again by updates.
  const auto read = [&](std::int64_t width) { return s.read_on_device(n, width); };
  const std::int64_t kept_out = read(d), kept_in = kept_out + read(2 * f),
                     kept_projections = s.read_on_device(all, qkv);
  // The base's gradient first, then the updates'.
  const auto update_input = [&](std::int64_t count, const ProductUpdates& of, std::int64_t in) {
    if (of.count == 0) return std::int64_t{0};
    return s.number() * count * (s.ups(of) + s.rank()) + s.dropped(of, in, is_last && count == n);
  };
  const auto add_input = [&](std::int64_t held, std::int64_t out, std::int64_t part,
                             std::int64_t in, const ProductUpdates& of) {
    add(held + s.adapted_gradient(of, n, out, part, in), s.widened_slopes(n, part, in));
    add_part(held + update_input(n, of, in));
  };
  const std::int64_t ff_up = s.ups(adapter.ff_out), mlp_up = ff_up + s.ups(adapter.gate_up);
  add_input(some(f), d, d, f, adapter.ff_out);
  add_part(some(4 * f + ff_up) + swiglu + kept_out);
  add_gradients(
      adapter.ff_out,
      some(3 * f + ff_up + own(adapter.ff_out)) + dropped(adapter.ff_out, f) + kept_out + read(f),
      n, d, d, f, false);
  add_input(some(3 * f + d + ff_up) + kept_out, 2 * f, f, d, adapter.gate_up);
  add_part(some(3 * f + 3 * d + mlp_up) + norm + kept_in);
  add_gradients(adapter.gate_up,
                some(3 * f + 2 * d + mlp_up + own(adapter.gate_up)) + dropped(adapter.gate_up, d) +
                    kept_in + read(d),
                n, 2 * f, f, d, false);
  const std::int64_t up = s.ups(adapter.attn_out), all_up = s.ups(adapter.qkv);
  add_gradients(adapter.attn_out,
                middle + given + some(up + own(adapter.attn_out)) + dropped(adapter.attn_out, q) +
                    kept_out + read(q),
                n, d, d, q, false);
  const std::int64_t out_held = middle + (spread > 0 ? some(q) : s.rows(q));
  add(out_held + out_gradient, s.widened_slopes(n, d, q));
  add_part(out_held + update_input(n, adapter.attn_out, q));
  add_part(middle + s.rows(q) + some(up) + spread + kept_out);
  add_part(middle + s.rows(q) + some(up) + kept_out +
           std::max(s.rows(qkv) + heads + attend, masked));
  add_gradients(adapter.qkv,
                middle + some(up) + kept_out + kept_projections + s.read_on_device(all, d) +
                    s.rows(qkv + (gives_rows ? 2 : 1) * d + all_up + own(adapter.qkv)) +
                    s.dropped(adapter.qkv, d, false),
                all, qkv, s.qkv_part(), d, /*is_turned=*/!model.is_by_operations);
  if (!gives_rows) return moments;
  const std::int64_t projected = middle + some(up) + kept_out + s.rows(qkv + d) + slopes_again;
  add(projected + s.adapted_gradient(adapter.qkv, all, qkv, s.qkv_part(), d),
      s.widened_slopes(all, s.qkv_part(), d) + s.decoded_projections());
  add_part(projected + update_input(all, adapter.qkv, d));
  add_part(middle + some(up) + kept_out + kept_projections + s.rows(qkv + 3 * d + all_up) +
           (spread > 0 ? s.rows(d) : 0) + narrow_norm);
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
  std::int64_t graphs = 0, heads = 0, hosts = 0;  // of the packs before
  for (std::size_t i = 0; i < packs.size(); ++i) {
    const PassSizes s(model, packs[i]);
    const std::int64_t layers = s.graphed();
    const std::int64_t kept = s.kept_blocks();
    const auto add = [&](PlanMoment moment) {
      moment.staging += hosts;
      moments.push_back(beside(moment, graphs, heads));
    };
    if (s.attention().has_masks()) add({.what = "masks", .activations = s.making_masks()});
    for (const bool is_last : {false, true})
      if (is_last || model.shape.layers > 1)  // those that no gradient reaches, too
        for (PlanMoment moment : forward_of_block(s, is_last)) {
          const std::int64_t before = std::max<std::int64_t>(0, is_last ? layers - 1 : layers - 2);
          moment.activations += before * s.kept_block(false) + s.beside() + s.under_way(1, before);
          moment.staging = s.on_host(is_last ? layers : layers - 1);
          add(moment);
        }
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
         .activations = s.rows(s.d()) + (model.trains_weights ? s.of_ids(s.d()) : 0),
         .gradients = model.trains_weights ? s.of_ids(2 * s.d()) : 0});
    graphs += kept + s.kept_around() + s.queried_rows();
    heads += s.kept_head() - s.queried_rows();
    hosts += s.on_host(layers);
  }
  moments.push_back(
      {.what = kScoresMoment, .activations = graphs, .logits = heads, .staging = hosts});
  return moments;
}

std::vector<PlanMoment> scoring_moments(const PassModel& model, const Pack& pack) {
  const PassSizes s(model, pack);
  std::vector<PlanMoment> moments = forward_of_block(s, true);
  if (model.shape.layers > 1)
    for (const PlanMoment& moment : forward_of_block(s, false)) moments.push_back(moment);
  if (s.attention().has_masks())
    moments.push_back(
        {.what = "masks", .activations = s.making_masks() - s.beside(), .workspace = s.decoded()});
  for (PlanMoment& moment : moments) {
    moment.what = "scoring";
    moment.activations += s.beside();
  }
  moments.push_back({.what = "scoring",
                     .activations = s.given(s.d()) + s.queried_rows(),
                     .logits = s.scored_head() - s.queried_rows()});
  return moments;
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
