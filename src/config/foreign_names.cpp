// SPDX-License-Identifier: MIT
#include "lldm/config/foreign_names.hpp"

#include <algorithm>
#include <array>

#include "lldm/errors.hpp"

namespace lldm::config {
namespace {

constexpr std::string_view kShare = "a share of the steps, from 0 to 1";
constexpr std::array kNames = std::to_array<ForeignName>({
    {"learning_rate", "optimizer.learning_rate"},
    {"lr", "optimizer.learning_rate"},
    {"num_train_epochs", "optimizer.epochs"},
    {"num_epochs", "optimizer.epochs"},
    {"max_steps", "optimizer.steps"},
    {"train_steps", "optimizer.steps"},
    {"batch_size", "optimizer.batch_size"},
    {"train_batch_size", "optimizer.batch_size"},
    {"per_device_train_batch_size", "optimizer.batch_size",
     "micro-batches by gradient_accumulation_steps"},
    {"micro_batch_size", "optimizer.batch_size", "micro-batches by gradient_accumulation_steps"},
    {"gradient_accumulation_steps", "optimizer.gradient_accumulation_steps"},
    {"warmup_ratio", "optimizer.warmup_share"},
    {"warmup_steps", "optimizer.warmup_share", kShare},
    {"lr_scheduler", "optimizer.decay"},
    {"lr_scheduler_type", "optimizer.decay"},
    {"weight_decay", "optimizer.weight_decay"},
    {"max_grad_norm", "optimizer.max_gradient_norm"},
    {"gradient_clip_val", "optimizer.max_gradient_norm"},
    {"adam_beta1", "optimizer.beta1"},
    {"adam_beta2", "optimizer.beta2"},
    {"adam_epsilon", "optimizer.epsilon"},
    {"optim", "optimizer.type"},
    {"save_strategy", "stage.sft.save_steps", "0: at the end only"},
    {"eval_strategy", "stage.sft.eval_steps", "0: at the end only"},
    {"evaluation_strategy", "stage.sft.eval_steps", "0: at the end only"},
    {"logging_strategy", "stage.sft.logging_steps"},
    {"eval_dataset", "stage.sft.validation"},
    {"train_dataset", "stage.sft.data"},
    {"dataset_name", "stage.sft.data"},
    {"val_set_size", "stage.sft.validation_rows", "a number of rows"},
    {"gradient_checkpointing", "model.recomputation"},
    {"bf16", "model.dtype"},
    {"fp16", "model.dtype"},
    {"torch_dtype", "model.dtype"},
    {"model_name_or_path", "model.path"},
    {"base_model", "model.path"},
    {"max_length", "model.max_length"},
    {"max_seq_length", "model.max_length"},
    {"sequence_len", "model.max_length"},
    {"max_prompt_length", "model.max_length", "of prompt and answer; nothing is cut off"},
    {"loss_type", "objective", "a component of its own for each loss: lldm list objectives"},
    {"reference_free", "objective", "simpo, cpo and orpo need no reference"},
    {"label_smoothing", "objective.robust.label_smoothing", "of robust, cpo, simpo and exo_pair"},
    {"label_smoothing_factor", "objective.robust.label_smoothing"},
    {"simpo_gamma", "objective.simpo.margin"},
    {"cpo_alpha", "objective.cpo.sft_weight"},
    {"ref_model", "stage.preference.from", "the reference is the model that the stage starts from"},
    {"ref_log_probs", "stage.preference.reference.cache"},
    {"mc_num", "score_estimator.monte_carlo_elbo.draws"},
    {"num_mc_samples", "score_estimator.monte_carlo_elbo.draws"},
    {"gen_length", "sampler.fixed_length.response_length"},
    {"max_new_tokens", "sampler.fixed_length.response_length"},
    {"max_completion_length", "sampler.fixed_length.response_length"},
    {"diffusion_steps", "sampler.fixed_length.steps"},
    {"num_steps", "sampler.fixed_length.steps"},
    {"block_length", "sampler.semi_autoregressive_padding.block_length"},
    {"block_size", "sampler.semi_autoregressive_padding.block_length"},
    {"cfg", "sampler.fixed_length.cfg_scale"},
    {"cfg_scale", "sampler.fixed_length.cfg_scale"},
    {"temperature", "sampler.fixed_length.temperature"},
    {"remasking", "sampler.fixed_length.remasking"},
    {"num_beams", "sampler.fixed_length.temperature", "there is no beam search"},
    {"num_return_sequences", "stage.sample.samples_per_prompt"},
    {"mask_id", "tokenizer.mask_token", "by its text; ids come from the model folder"},
    {"mask_token_id", "tokenizer.mask_token", "by its text; ids come from the model folder"},
    {"eos_token", "tokenizer.end_of_text_token"},
    {"eos_token_id", "tokenizer.end_of_text_token", "by its text; ids come from the model folder"},
    {"pad_token", "tokenizer.padding_token"},
    {"data_seed", "file.seed"},
    {"run_name", "file.name"},
    {"output_dir", "file.name", "the folder is given to the command: --out DIR"},
});

}  // namespace

std::span<const ForeignName> foreign_names() { return kNames; }

std::string foreign_hint(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, &ForeignName::theirs);
  if (found == kNames.end()) return "";
  return message("lldm calls it \"", found->ours, "\"", found->note.empty() ? "" : ": ",
                 found->note);
}

}  // namespace lldm::config
